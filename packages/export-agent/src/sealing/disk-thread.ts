/** The thread between a ring of blocks and the device: writes blocks past the page cache, and reads them back from there. */

import { parentPort, workerData } from 'node:worker_threads';
import { BLOCK_BYTES } from '@gapferry/bundle-format/blocks';
import { errorToJSON, type ErrorJSON } from '@gapferry/bundle-format/errors';
import { assertLength, DirectReader, DirectWriter, type Proof } from '@gapferry/station/files/direct';
import { slotsOf } from './ring.ts';

export type DiskQuestion =
  | { readonly do: 'create'; readonly path: string }
  | { readonly do: 'write'; readonly slot: number; readonly length: number }
  | { readonly do: 'finish' }
  | { readonly do: 'abandon' }
  /** The file must be `bytes` long. Blocks come in order, as slots are free. */
  | { readonly do: 'read back'; readonly path: string; readonly bytes: number }
  | { readonly do: 'free'; readonly slot: number };

export type DiskAnswer =
  | { readonly did: 'written'; readonly slot: number }
  | { readonly did: 'finished'; readonly bytes: number }
  | { readonly did: 'abandoned' }
  | { readonly did: 'read'; readonly slot: number; readonly length: number; readonly index: number }
  | { readonly did: 'read all'; readonly proof: Proof }
  | { readonly did: 'failed'; readonly error: ErrorJSON };

const port = parentPort;
if (port === null) throw new TypeError('this module runs in a thread');
const say = (answer: DiskAnswer): void => port.postMessage(answer);

// shared memory of our own main thread
const slots = slotsOf(workerData as SharedArrayBuffer);
const slotAt = (n: number, length: number): Uint8Array => {
  const slot = slots[n];
  if (slot === undefined) throw new RangeError('no such slot');
  return slot.subarray(0, length);
};

let writer: DirectWriter | undefined;

const write = (slot: number, length: number): void => {
  writer?.append(slotAt(slot, length));
  say({ did: 'written', slot });
};

const finish = (): void => {
  const bytes = writer?.bytes ?? 0;
  writer?.finish();
  writer = undefined;
  say({ did: 'finished', bytes });
};

const abandon = (): void => {
  writer?.abandon();
  writer = undefined;
  stopReading();
  say({ did: 'abandoned' });
};

/** A file that is being read back. */
interface Reading {
  readonly reader: DirectReader;
  readonly free: number[];
  index: number;
}
let reading: Reading | undefined;

const stopReading = (): void => {
  reading?.reader.close();
  reading = undefined;
};

const readBack = (path: string, bytes: number): void => {
  const reader = new DirectReader(path);
  reading = { reader, free: slots.map((_, n) => n), index: 0 };
  assertLength(reader, bytes);
  readOn();
};

const readOn = (): void => {
  while (reading !== undefined && reading.free.length > 0) {
    const { reader, free, index } = reading;
    if (index * BLOCK_BYTES >= reader.bytes) {
      // all slots are back: whoever took them is done with them
      if (free.length === slots.length) endReading(reader.proof);
      return;
    }
    const slot = free.shift() ?? 0;
    const length = reader.read(
      slotAt(slot, Math.min(BLOCK_BYTES, reader.bytes - index * BLOCK_BYTES)),
      index * BLOCK_BYTES,
    );
    say({ did: 'read', slot, length, index });
    reading.index++;
  }
};

const endReading = (proof: Proof): void => {
  stopReading();
  say({ did: 'read all', proof });
};

const answer = (question: DiskQuestion): void => {
  switch (question.do) {
    case 'create':
      writer = new DirectWriter(question.path);
      return;
    case 'write':
      return write(question.slot, question.length);
    case 'finish':
      return finish();
    case 'abandon':
      return abandon();
    case 'read back':
      return readBack(question.path, question.bytes);
    case 'free':
      reading?.free.push(question.slot);
      return readOn();
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
    stopReading();
    say({ did: 'failed', error: errorToJSON(error) });
  }
});
