/** Names of package indexes and of the files in by-hash folders. */

import type { Compression } from '../decompress.ts';
import { baseOf, folderOf } from '../inside.ts';
import type { DigestAlgorithm } from '../view.ts';
import { HEX_DIGITS } from './sums.ts';

/** In the order in which a variant is chosen to be read: what Node opens itself comes first. */
const SUFFIXES: readonly (readonly [suffix: string, compression: Compression])[] = [
  ['', 'none'],
  ['.gz', 'gzip'],
  ['.zst', 'zstd'],
  ['.xz', 'xz'],
  ['.bz2', 'bzip2'],
  ['.lzma', 'lzma'],
  ['.lz4', 'lz4'],
];

export type IndexKind = 'Packages' | 'Sources';

export interface IndexName {
  readonly kind: IndexKind;
  /** Path without the suffix of its compression: what all variants of one index share. */
  readonly index: string;
  readonly compression: Compression;
  /** Lower is read first. */
  readonly preference: number;
}

const kindOf = (stem: string): IndexKind | undefined => (stem === 'Packages' || stem === 'Sources' ? stem : undefined);

/** What package index a path is, or `undefined` for any other file. */
export const indexName = (path: string): IndexName | undefined => {
  const base = baseOf(path);
  const stem = base.split('.', 1)[0] ?? '';
  const kind = kindOf(stem);
  const preference = SUFFIXES.findIndex(([suffix]) => suffix === base.slice(stem.length));
  const compression = SUFFIXES[preference]?.[1];
  if (kind === undefined || compression === undefined) return undefined;
  return { kind, index: path.slice(0, path.length - base.length + stem.length), compression, preference };
};

const HASH_FOLDERS: ReadonlyMap<string, DigestAlgorithm> = new Map([
  ['MD5Sum', 'md5'],
  ['SHA1', 'sha1'],
  ['SHA256', 'sha256'],
  ['SHA512', 'sha512'],
]);
const FOLDER_NAMES = new Map([...HASH_FOLDERS].map(([folder, algorithm]) => [algorithm, folder]));

export interface ByHashName {
  /** Folder of the index that this is a copy of. */
  readonly folder: string;
  readonly algorithm: DigestAlgorithm;
  /** Lower-case hex; `undefined` for other names (links to the newest index, by aptly). */
  readonly digest: string | undefined;
}

/** What a path in a by-hash folder promises, or `undefined` for any other file. */
export const byHashName = (path: string): ByHashName | undefined => {
  const holder = folderOf(path);
  const top = folderOf(holder);
  const algorithm = HASH_FOLDERS.get(baseOf(holder));
  if (algorithm === undefined || baseOf(top) !== 'by-hash') return undefined;
  const name = baseOf(path);
  const named = name.length === HEX_DIGITS[algorithm] && /^[0-9a-f]+$/.test(name);
  return { folder: folderOf(top), algorithm, digest: named ? name : undefined };
};

/** Where the copy of an index with this digest lies. */
export const byHashPath = (path: string, algorithm: DigestAlgorithm, digest: string): string => {
  const folder = folderOf(path);
  return `${folder === '' ? '' : `${folder}/`}by-hash/${FOLDER_NAMES.get(algorithm) ?? algorithm}/${digest}`;
};

/**
 * The folders that file names in an index may be relative to. With `dists/` that is the folder above it. Clients of a flat
 * archive choose it themselves (`deb URI folder/`), so each folder from that of the index up to the top may be meant.
 */
export const basesOf = (indexPath: string): string[] => {
  const folders = folderOf(indexPath).split('/');
  const dists = folders.lastIndexOf('dists');
  if (dists >= 0) return [folders.slice(0, dists).join('/')];
  return [...folders.map((_, at) => folders.slice(0, folders.length - at).join('/')), ''].filter(
    (folder, at, all) => all.indexOf(folder) === at,
  );
};
