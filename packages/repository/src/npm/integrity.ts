/** Subresource integrity (https://www.w3.org/TR/sri/), as npm writes it: `sha512-<base64>`, several parted by white space. */

import type { DigestAlgorithm } from '../view.ts';

export interface Expected {
  readonly algorithm: DigestAlgorithm;
  /** Lower-case hex; any one of them will do. */
  readonly digests: readonly string[];
}

/** Strongest first. SHA-1 is no SRI algorithm, but old npm wrote it. */
const STRENGTH: readonly (readonly [algorithm: DigestAlgorithm, bytes: number])[] = [
  ['sha512', 64],
  ['sha384', 48],
  ['sha256', 32],
  ['sha1', 20],
];

const TOKEN = /^(sha512|sha384|sha256|sha1)-([A-Za-z0-9+/]+={0,2})(?:\?.*)?$/;

/**
 * The digests of the strongest algorithm; weaker ones do not count beside it (SRI section 3.3.4).
 * @returns `undefined` when no token is one that is known and well formed
 */
export const parseIntegrity = (integrity: string): Expected | undefined => {
  const tokens = integrity.split(/\s+/).map((token) => TOKEN.exec(token));
  for (const [algorithm, bytes] of STRENGTH) {
    const digests = tokens
      .filter((token) => token?.[1] === algorithm)
      .map((token) => Buffer.from(token?.[2] ?? '', 'base64'))
      .filter((digest) => digest.length === bytes)
      .map((digest) => digest.toString('hex'));
    if (digests.length > 0) return { algorithm, digests };
  }
  return undefined;
};
