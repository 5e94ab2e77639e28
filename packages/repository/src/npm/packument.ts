/** The package document of npm: https://github.com/npm/registry/blob/main/docs/responses/package-metadata.md */

import { BadMetadata } from '../bad-metadata.ts';
import { findDuplicateKey, type KeyPath } from './duplicate-keys.ts';

export interface PackageVersion {
  readonly version: string;
  /** Base name of `dist.tarball`: its host is that of another registry and means nothing here. */
  readonly file: string;
  readonly integrity: string | undefined;
  readonly shasum: string | undefined;
}

/** Keys are read only where they are the object's own: a document may well have one called `__proto__` or `constructor`. */
const own = (object: unknown, key: string): unknown => {
  if (typeof object !== 'object' || object === null || Array.isArray(object)) return undefined;
  return Object.getOwnPropertyDescriptor(object, key)?.value;
};

const ownText = (object: unknown, key: string): string | undefined => {
  const value = own(object, key);
  return typeof value === 'string' && value !== '' ? value : undefined;
};

/** The document, its versions, each version and its `dist`. Elsewhere (readme, scripts) a key twice harms nothing here. */
const watched = (path: KeyPath): boolean =>
  path.length === 0 || (path[0] === 'versions' && (path.length <= 2 || (path.length === 3 && path[2] === 'dist')));

const baseNameOf = (tarball: string): string | undefined => {
  const path = tarball.split(/[?#]/, 1)[0] ?? '';
  const encoded = path.slice(path.lastIndexOf('/') + 1);
  try {
    const name = decodeURIComponent(encoded);
    const isBaseName = name !== '' && name !== '.' && name !== '..' && !/[/\\\0]/.test(name);
    return isBaseName ? name : undefined;
  } catch {
    return undefined;
  }
};

const toVersion = (version: string, document: unknown): PackageVersion => {
  const dist = own(document, 'dist');
  const tarball = ownText(dist, 'tarball');
  if (tarball === undefined) throw new BadMetadata(`names no tarball for version ${version}`);
  const file = baseNameOf(tarball);
  if (file === undefined)
    throw new BadMetadata(`names ${JSON.stringify(tarball.slice(0, 200))} as the tarball of version ${version}`);
  return { version, file, integrity: ownText(dist, 'integrity'), shasum: ownText(dist, 'shasum') };
};

/**
 * @returns its versions, or `undefined` for a document that lists none, as the package.json inside a package
 * @throws BadMetadata
 */
export const parsePackument = (json: string): PackageVersion[] | undefined => {
  let document: unknown;
  try {
    document = JSON.parse(json);
  } catch (cause) {
    throw new BadMetadata('is not JSON', { cause });
  }
  if (typeof document !== 'object' || document === null || Array.isArray(document))
    throw new BadMetadata('is not a JSON object');
  const twice = findDuplicateKey(json, watched);
  if (twice !== undefined) throw new BadMetadata(`has the key ${twice.join(' → ')} twice`);
  const versions = own(document, 'versions');
  if (versions === undefined) return undefined;
  if (typeof versions !== 'object' || versions === null || Array.isArray(versions))
    throw new BadMetadata('has versions that are not an object');
  return Object.entries(versions).map(([version, value]) => toVersion(version, value));
};
