/** SHA-256 values between the ledger (32 bytes) and everything else (64 lower-case hex digits). */

import { toSha256, type Sha256 } from '@gapferry/bundle-format/sha256';

export const toHex = (digest: Uint8Array): Sha256 =>
  toSha256(Buffer.from(digest.buffer, digest.byteOffset, digest.byteLength).toString('hex'));

export const toBytes = (digest: Sha256): Uint8Array => Buffer.from(digest, 'hex');
