/** Copies a complete bundle from the outbox to a medium: each file hashed on the way, flushed, read back; the signature last. */

import { createHash } from 'node:crypto';
import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { Unfit } from '@gapferry/bundle-format/errors';
import { BUNDLES, COMMIT } from '@gapferry/bundle-format/layout';
import { LIMITS } from '@gapferry/bundle-format/limits';
import type { Sha256 } from '@gapferry/bundle-format/sha256';
import type { Proof } from '@gapferry/station/files/direct';
import { removeDurably } from '@gapferry/station/files/durable';
import { readBounded } from '@gapferry/station/files/safe-open';
import type { Place } from '@gapferry/station/media/place';
import type { Tell } from '@gapferry/station/media/serve';
import { Disk } from './disk.ts';
import { Hasher } from './hasher.ts';
import type { SealEvent } from './messages.ts';
import { bundlePath, makeInPlace, requireWritable } from './places.ts';
import { weaker, writeProven } from './proven-file.ts';

interface Delivery {
  readonly place: Place;
  readonly identity: string;
  readonly bundle: string;
  /** Folder of the bundle in the outbox. */
  readonly from: string;
  /** All files but the signature, from the manifest. */
  readonly files: readonly { readonly name: string; readonly bytes: number; readonly sha256: Sha256 }[];
}

const COPY_BYTES = 4 << 20;

const copyOne = async (
  disk: Disk,
  from: string,
  to: string,
  file: Delivery['files'][number],
  tell: Tell<SealEvent>,
): Promise<Proof> => {
  const buffer = new Uint8Array(COPY_BYTES);
  const digest = createHash('sha256');
  const fd = openSync(from, 'r');
  try {
    disk.create(to);
    for (let at = 0; ;) {
      const got = readSync(fd, buffer, 0, buffer.length, at);
      if (got === 0) break;
      digest.update(buffer.subarray(0, got));
      await disk.write(buffer.subarray(0, got));
      tell({ wrote: got });
      at += got;
    }
  } finally {
    closeSync(fd);
  }
  const written = await disk.finish();
  if (digest.digest('hex') !== file.sha256)
    throw new Unfit('LOCAL_IO', `${from} is damaged in the outbox`, {
      facts: { path: from },
      hint: 'declare the bundle lost and export again',
    });
  const { proof } = await disk.prove(to, written, (bytes) => tell({ proved: bytes }));
  return proof;
};

export const deliver = async (delivery: Delivery, tell: Tell<SealEvent>): Promise<{ readBack: Proof }> => {
  const presence = requireWritable(delivery.place, delivery.identity);
  const folder = bundlePath(delivery.place, delivery.bundle);
  const signature = readBounded(join(delivery.from, COMMIT), LIMITS.signatureBytes, { where: 'machine' });
  if (existsSync(join(folder, COMMIT))) return { readBack: 'cache' }; // was copied before; the ledger had not heard of it
  const need = delivery.files.reduce((sum, { bytes }) => sum + bytes, 0) + 65_536;
  if (need > presence.freeBytes)
    throw new Unfit(
      'MEDIA_FULL',
      `the bundle needs ${need} bytes and ${presence.path} has ${presence.freeBytes} free`,
      {
        facts: { need, free: presence.freeBytes, path: presence.path },
      },
    );
  makeInPlace(delivery.place, `${BUNDLES}/${delivery.bundle}`);
  const hasher = new Hasher();
  const disk = new Disk(hasher);
  let proof: Proof = 'device';
  try {
    for (const file of delivery.files) {
      const to = join(folder, file.name);
      removeDurably(to, { where: 'medium' }); // what an interrupted copy left under the name of our own bundle
      proof = weaker(proof, await copyOne(disk, join(delivery.from, file.name), to, file, tell));
    }
    proof = weaker(proof, writeProven(join(folder, COMMIT), signature));
    return { readBack: proof };
  } catch (error) {
    await disk.abandon();
    throw error;
  } finally {
    await disk.close();
    await hasher.close();
  }
};
