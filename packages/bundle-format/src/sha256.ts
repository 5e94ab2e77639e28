import { createHash, hash } from 'node:crypto';

declare const sha256Brand: unique symbol;
/** A SHA-256 digest as 64 lower-case hex digits: the name of an object, and the identity of a document. */
export type Sha256 = string & { readonly [sha256Brand]: 'sha256' };

const SHAPE = /^[0-9a-f]{64}$/;

export const isSha256 = (text: string): text is Sha256 => SHAPE.test(text);

/** @throws RangeError when the text is no digest; for values that a program made, not for documents. */
export function toSha256(text: string): Sha256 {
  if (!isSha256(text)) throw new RangeError(`not a SHA-256 digest: ${JSON.stringify(text)}`);
  return text;
}

/** Digest of bytes that are at hand. */
export const sha256Of = (bytes: Uint8Array): Sha256 => hash('sha256', bytes, 'hex') as Sha256;

/** The raw 32 bytes. */
export const sha256Bytes = (bytes: Uint8Array): Buffer => hash('sha256', bytes, 'buffer');

/** Digest of bytes that pass by. */
export class Sha256Stream {
  readonly #hash = createHash('sha256');
  bytes = 0;

  update(chunk: Uint8Array): this {
    this.#hash.update(chunk);
    this.bytes += chunk.length;
    return this;
  }

  digest(): Sha256 {
    return this.#hash.digest('hex') as Sha256;
  }
}
