/** Names on a medium (format §2.1). Always with '/', to be joined by whoever opens files. */

export const ROOT = 'gapferry';
export const BUNDLES = 'gapferry/bundles';
export const RECEIPTS = 'gapferry/receipts';
export const KEYS = 'gapferry/keys';

export const MANIFEST = 'manifest.json';
export const SUMS = 'SHA256SUMS';
export const SIGNATURE_SUFFIX = '.minisig';
/** The exporter's own signature: the commit of a bundle. */
export const COMMIT = 'manifest.json.minisig';

const digits = (n: number, width: number): string => String(n).padStart(width, '0');

/** A hint for people; only the manifest counts. */
export const bundleFolder = (exporter: string, sequence: number): string => `${exporter}-${digits(sequence, 8)}`;
export const volumeName = (n: number): string => `vol-${digits(n, 4)}.zip`;
export const blocksName = (n: number): string => `vol-${digits(n, 4)}.blocks`;
export const receiptName = (n: number): string => `${digits(n, 8)}.json`;

const SIGNATURE = /^manifest\.json(?:\.[A-Za-z0-9_-]{1,64})?\.minisig$/;
/** `manifest.json.minisig` and counter-signatures `manifest.json.<name>.minisig`. */
export const isSignatureName = (name: string): boolean => SIGNATURE.test(name);

const RECEIPT = /^(\d{8,16})\.json$/;
/** The number in a receipt's file name, a hint; undefined when the name is not one. */
export const receiptNumber = (name: string): number | undefined => {
  const found = RECEIPT.exec(name)?.[1];
  return found === undefined ? undefined : Number(found);
};

export const inventoryEntry = (repository: string): string => `inventory/${repository}.ndjson`;
export const INDEX_ENTRY = 'index.ndjson';
export const contentEntry = (repository: string, path: string): string => `content/${repository}/${path}`;
export const metadataEntry = (repository: string, path: string): string => `metadata/${repository}/${path}`;
export const packEntry = (repository: string, n: number): string => `packs/${repository}-${digits(n, 4)}.zip`;
export const partEntry = (repository: string, path: string, part: number, of: number): string =>
  `parts/${repository}/${path}/${digits(part, 4)}-of-${digits(of, 4)}`;
