import type { Sha256 } from '@gapferry/bundle-format/sha256';
import { blob, type Row } from '@gapferry/station/state/database';

/** As a blob of 32 bytes: a third of the text, in tables with millions of rows. */
export const toBlob = (digest: Sha256): Uint8Array => Buffer.from(digest, 'hex');

export const fromBlob = (bytes: Uint8Array): Sha256 =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex') as Sha256; // 32 bytes of a column are always a digest

export const digest = (row: Row, column: string): Sha256 => fromBlob(blob(row, column));
