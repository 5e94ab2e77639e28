/** The shape of a vector, as it stands in its JSON file; test/vectors/README.md describes it for other implementations. */

/** A file of a vector: its text, its bytes, or none. */
export type FileInVector = { readonly text: string } | { readonly base64: string } | null;

export type Edit = { readonly file: string } & (
  | { readonly xor: { readonly at: number; readonly with: number } }
  | { readonly cut: number }
  | { readonly append: { readonly text: string; readonly times: number } }
);

interface Common {
  readonly says: string;
  /** The section of docs/format.md. */
  readonly spec: string;
  /** An error code, or `ok`. */
  readonly expect: string;
}
export interface BundleVector extends Common {
  readonly kind: 'bundle';
  /** The good bundle, a folder beside this file's folder, whose files are taken first. */
  readonly base: string;
  /** Files that take the place of those of the base; null takes one away. */
  readonly files: Readonly<Record<string, FileInVector>>;
  /** Done last, in order. */
  readonly edits: readonly Edit[];
  /** The trusted keys, by their names in `keys/`. */
  readonly keys: readonly string[];
  /** For `ok`: what must be understood. */
  readonly result?: BundleResult;
}
export interface BundleResult {
  readonly signers: number;
  /** Path, size and digest of each file row whose object the bundle carries. */
  readonly carried: readonly (readonly [path: string, size: number, sha256: string])[];
  /** Digests that the inventory names and the bundle does not bring. */
  readonly missing: readonly string[];
}
export interface ReceiptVector extends Common {
  readonly kind: 'receipt';
  /** `receipt.json`, `receipt.json.minisig`, `receipt.holds`, `receipt.missing` */
  readonly files: Readonly<Record<string, FileInVector>>;
  readonly keys: readonly string[];
}
export interface KeyVector extends Common {
  readonly kind: 'public key';
  readonly text: string;
  readonly fingerprint?: string;
  readonly keyId?: string;
  readonly exporter?: string;
}
export type Vector = BundleVector | ReceiptVector | KeyVector;
export type NamedVector = Vector & { readonly name: string };

/** Text where that says the same, for people who read vectors. */
export function fileInVector(bytes: Uint8Array): FileInVector {
  const text = Buffer.from(bytes).toString();
  // oxlint-disable-next-line no-control-regex
  const readable = Buffer.from(text).equals(bytes) && !/[\u0000-\u0008\u000e-\u001f\ufeff]/.test(text);
  return readable ? { text } : { base64: Buffer.from(bytes).toString('base64') };
}

export function changedFiles(
  files: ReadonlyMap<string, Buffer>,
  base: ReadonlyMap<string, Buffer>,
): Record<string, FileInVector> {
  const changed: Record<string, FileInVector> = {};
  for (const name of [...new Set([...base.keys(), ...files.keys()])].toSorted()) {
    const bytes = files.get(name);
    if (bytes === undefined) changed[name] = null;
    else if (base.get(name)?.equals(bytes) !== true) changed[name] = fileInVector(bytes);
  }
  return changed;
}
