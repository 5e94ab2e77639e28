/** Digests as APT metadata writes them, strongest useful one first. */

import { BadMetadata } from '../bad-metadata.ts';
import type { FileFacts, DigestAlgorithm, RepositoryView } from '../view.ts';

export interface Sum {
  readonly algorithm: DigestAlgorithm;
  /** Lower-case hex. */
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
}

export const HEX_DIGITS: Readonly<Record<DigestAlgorithm, number>> = {
  md5: 32,
  sha1: 40,
  sha256: 64,
  sha384: 96,
  sha512: 128,
};

/**
 * Names of the fields that hold digests, in the order in which one is chosen: SHA-256 first, because every inventory row has it and nothing
 * must be read again; then the others by strength.
 */
export interface DigestFields {
  readonly fields: readonly (readonly [field: string, algorithm: DigestAlgorithm])[];
}

export const RELEASE_LISTS: DigestFields = {
  fields: [
    ['sha256', 'sha256'],
    ['sha512', 'sha512'],
    ['sha1', 'sha1'],
    ['md5sum', 'md5'],
  ],
};
/** `Packages` has single digests under the names that `Release` uses for its lists. */
export const PACKAGE_DIGESTS: DigestFields = RELEASE_LISTS;
export const SOURCE_LISTS: DigestFields = {
  fields: [
    ['checksums-sha256', 'sha256'],
    ['checksums-sha512', 'sha512'],
    ['checksums-sha1', 'sha1'],
    ['files', 'md5'],
  ],
};

/** The strongest of the digest fields that a paragraph has. */
export const chooseDigest = (
  { fields }: DigestFields,
  paragraph: ReadonlyMap<string, string>,
): { readonly algorithm: DigestAlgorithm; readonly value: string } | undefined => {
  for (const [field, algorithm] of fields) {
    const value = paragraph.get(field);
    if (value !== undefined && value !== '') return { algorithm, value };
  }
  return undefined;
};

/** @throws BadMetadata for what is not a digest of this algorithm, or not a size */
export const toSum = (algorithm: DigestAlgorithm, digest: string, size: string): Sum => {
  if (digest.length !== HEX_DIGITS[algorithm] || !/^[0-9a-f]+$/i.test(digest)) {
    throw new BadMetadata(`names ${JSON.stringify(digest.slice(0, 140))} as a ${algorithm} digest`);
  }
  const bytes = Number(size);
  if (!/^\d+$/.test(size) || !Number.isSafeInteger(bytes))
    throw new BadMetadata(`names ${JSON.stringify(size.slice(0, 40))} as a size`);
  return { algorithm, digest: digest.toLowerCase(), size: bytes };
};

/** Lines of `digest size name`, as in Release and Sources. @throws BadMetadata; two different sums for one name are bad, too */
export const toSums = (algorithm: DigestAlgorithm, lines: string): Map<string, Sum> => {
  const sums = new Map<string, Sum>();
  for (const line of lines.split('\n')) {
    if (line === '') continue;
    const [digest, size, ...name] = line.split(/\s+/);
    if (digest === undefined || size === undefined || name.length !== 1 || name[0] === undefined) {
      throw new BadMetadata(`has the line ${JSON.stringify(line.slice(0, 200))} in its ${algorithm} list`);
    }
    const sum = toSum(algorithm, digest, size);
    const other = sums.get(name[0]);
    if (other !== undefined && !sameSum(sum, other)) throw new BadMetadata(`has two different sums for ${name[0]}`);
    sums.set(name[0], sum);
  }
  return sums;
};

export const sameSum = (one: Sum, other: Sum): boolean =>
  one.algorithm === other.algorithm && one.digest === other.digest && one.size === other.size;

/** What is wrong with a file by this sum, as words for a sentence, or `undefined` when it is right. */
export const differenceFrom = async (
  view: RepositoryView,
  path: string,
  file: FileFacts,
  sum: Sum,
): Promise<string | undefined> => {
  if (file.size !== sum.size) return `has ${file.size} bytes instead of ${sum.size}`;
  const digest = sum.algorithm === 'sha256' ? file.sha256 : await view.digest(path, sum.algorithm);
  return digest === sum.digest ? undefined : `has the ${sum.algorithm} ${digest} instead of ${sum.digest}`;
};
