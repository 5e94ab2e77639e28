/** Small files of a bundle: written, flushed, read back past the page cache, compared. */

import { Damaged } from '@gapferry/bundle-format/errors';
import { assertLength, DirectReader, type Proof } from '@gapferry/station/files/direct';
import { writeDurably } from '@gapferry/station/files/durable';
import { FILE_MODE } from './places.ts';

/** @throws Damaged MEDIA_VERIFY; Unfit MEDIA_FULL, MEDIA_GONE, MEDIA_WRITE */
export const writeProven = (path: string, bytes: Uint8Array): Proof => {
  writeDurably(path, bytes, FILE_MODE, { where: 'medium' });
  const reader = new DirectReader(path);
  try {
    assertLength(reader, bytes.length);
    const back = new Uint8Array(bytes.length);
    const got = reader.read(back, 0);
    if (got !== bytes.length || !Buffer.from(back).equals(bytes))
      throw new Damaged('MEDIA_VERIFY', `${path}: the device gives back other bytes than were written`, {
        facts: { path },
      });
    return reader.proof;
  } finally {
    reader.close();
  }
};

/** The weaker of two proofs. */
export const weaker = (a: Proof, b: Proof): Proof => (a === 'cache' ? a : b);
