/** What lies in a folder that carries bundles, read as anybody may read it: names, sizes, plain JSON. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { BUNDLES, COMMIT, MANIFEST, RECEIPTS } from '@gapferry/bundle-format/layout';

export interface BundleFolder {
  readonly path: string;
  readonly name: string;
  /** From the name: a hint, good enough to show. */
  readonly sequence: number;
  /** The signature has been renamed into place. */
  readonly complete: boolean;
}

const namesIn = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder) : []);

/** Oldest first. */
export const bundlesOn = (medium: string): BundleFolder[] => {
  const folder = join(medium, BUNDLES);
  return namesIn(folder)
    .map((name) => ({
      path: join(folder, name),
      name,
      sequence: Number(/-(\d{8,})$/.exec(name)?.[1] ?? 0),
      complete: existsSync(join(folder, name, COMMIT)),
    }))
    .toSorted((a, b) => a.sequence - b.sequence);
};

/** Bytes of all files below a folder, at any depth; files that vanish meanwhile count nothing. */
export const bytesBelow = (folder: string): number => {
  let bytes = 0;
  for (const name of namesIn(folder)) {
    const found = statSync(join(folder, name), { throwIfNoEntry: false });
    if (found !== undefined) bytes += found.isDirectory() ? bytesBelow(join(folder, name)) : found.size;
  }
  return bytes;
};

const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

const readJSON = (file: string): Readonly<Record<string, unknown>> => {
  try {
    return fieldsOf(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return {}; // being written
  }
};

/** Sizes of the volumes as the manifest states them. */
export const volumesOf = (bundle: string): { readonly name: string; readonly bytes: number }[] =>
  listOf(readJSON(join(bundle, MANIFEST))['volumes']).map((volume) => {
    const { name, bytes } = fieldsOf(volume);
    return { name: String(name), bytes: Number(bytes) };
  });

/** The state that the newest receipt of a site gives for a bundle: received, published, refused… */
export const stateInReceipt = (medium: string, site: string, sequence: number): string | undefined => {
  const folder = join(medium, RECEIPTS, site);
  const newest = namesIn(folder)
    .filter((name) => name.endsWith('.json'))
    .toSorted()
    .at(-1);
  if (newest === undefined) return undefined;
  const bundles = listOf(readJSON(join(folder, newest))['bundles']).map(fieldsOf);
  const state = bundles.find((bundle) => bundle['sequence'] === sequence)?.['state'];
  return typeof state === 'string' ? state : undefined;
};

export const bundleName = (bundle: BundleFolder): string => basename(bundle.path);
