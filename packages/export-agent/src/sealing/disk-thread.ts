/**
 * The thread between a ring of blocks and the device. Writing: hashes each block, then writes it past the page cache. Reading back: reads each block from
 * the device, compares it with the digest of what was written, and hands it over for the digest of the whole.
 */

import { hash } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import { BLOCK_BYTES } from '@gapferry/bundle-format/blocks';
import { Damaged, errorToJSON, type ErrorJSON } from '@gapferry/bundle-format/errors';
import { assertLength, DirectReader, DirectWriter, type Proof } from '@gapferry/station/files/direct';
import { slotsOf } from './ring.ts';

export type DiskQuestion =
  | { readonly do: 'create'; readonly path: string }
  | { readonly do: 'block'; readonly slot: number; readonly length: number }
  | { readonly do: 'finish' }
  | { readonly do: 'abandon' }
  /** `digests`: of the blocks, 32 bytes each */
  | { readonly do: 'prove'; readonly path: string; readonly bytes: number; readonly digests: Uint8Array }
  | { readonly do: 'free'; readonly slot: number };

export type DiskAnswer =
  | { readonly did: 'freed'; readonly slot: number }
  | { readonly did: 'finished'; readonly digests: Uint8Array; readonly bytes: number }
  | { readonly did: 'abandoned' }
  | { readonly did: 'read'; readonly slot: number; readonly length: number }
  | { readonly did: 'proved'; readonly proof: Proof }
  | { readonly did: 'failed'; readonly error: ErrorJSON };

const port = parentPort;
if (port === null) throw new TypeError('this module runs in a thread');
const say = (answer: DiskAnswer): void => port.postMessage(answer);

const slots = slotsOf(workerData as SharedArrayBuffer);
const slotAt = (n: number): Uint8Array => {
  const slot = slots[n];
  if (slot === undefined) throw new RangeError('no such slot');
  return slot;
};

let writer: DirectWriter | undefined;
let digests: Uint8Array[] = [];

const writeBlock = (slot: number, length: number): void => {
  const block = slotAt(slot).subarray(0, length);
  digests.push(hash('sha256', block, 'buffer'));
  writer?.append(block);
  say({ did: 'freed', slot });
};

const finish = (): void => {
  const bytes = writer?.bytes ?? 0;
  writer?.finish();
  writer = undefined;
  say({ did: 'finished', digests: Buffer.concat(digests), bytes });
  digests = [];
};

const abandon = (): void => {
  writer?.abandon();
  writer = undefined;
  digests = [];
  say({ did: 'abandoned' });
};

/** A volume that is being read back, block by block, as slots become free. */
interface Proving {
  readonly reader: DirectReader;
  readonly digests: Uint8Array;
  readonly free: number[];
  at: number;
}
let proving: Proving | undefined;

const beginProof = (path: string, bytes: number, expected: Uint8Array): void => {
  const reader = new DirectReader(path);
  proving = { reader, digests: expected, free: slots.map((_, n) => n), at: 0 };
  assertLength(reader, bytes);
  continueProof();
};

const continueProof = (): void => {
  while (proving !== undefined && proving.free.length > 0) {
    const { reader, free, at } = proving;
    if (at * BLOCK_BYTES >= reader.bytes) return endProof();
    proveBlock(proving, free.shift() ?? 0);
  }
};

const proveBlock = (now: Proving, slot: number): void => {
  const length = Math.min(BLOCK_BYTES, now.reader.bytes - now.at * BLOCK_BYTES);
  const block = slotAt(slot).subarray(0, length);
  const got = now.reader.read(block, now.at * BLOCK_BYTES);
  const expected = now.digests.subarray(now.at * 32, now.at * 32 + 32);
  if (got !== length || !hash('sha256', block, 'buffer').equals(expected))
    throw new Damaged('MEDIA_VERIFY', `${now.reader.path}, block ${now.at}: the device gives back other bytes than were written`, {
      facts: { path: now.reader.path, block: now.at },
    });
  now.at++;
  say({ did: 'read', slot, length });
};

const endProof = (): void => {
  const proof = proving?.reader.proof ?? 'cache';
  proving?.reader.close();
  proving = undefined;
  say({ did: 'proved', proof });
};

const answer = (question: DiskQuestion): void => {
  switch (question.do) {
    case 'create':
      digests = [];
      writer = new DirectWriter(question.path);
      return;
    case 'block':
      return writeBlock(question.slot, question.length);
    case 'finish':
      return finish();
    case 'abandon':
      return abandon();
    case 'prove':
      return beginProof(question.path, question.bytes, question.digests);
    case 'free':
      proving?.free.push(question.slot);
      return continueProof();
  }
};

let failed = false;
port.on('message', (question: DiskQuestion) => {
  if (failed && question.do !== 'abandon') return; // what follows a failure is meant for a file that is lost
  try {
    failed = false;
    answer(question);
  } catch (error) {
    failed = true;
    proving?.reader.close();
    proving = undefined;
    say({ did: 'failed', error: errorToJSON(error) });
  }
});
