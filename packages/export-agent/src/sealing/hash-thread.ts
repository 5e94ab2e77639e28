/**
 * The thread that hashes: blocks of volumes, and large objects on their way from their source. SHA-256 costs as much time as everything else
 * together, so it has a thread of its own.
 */

import { createHash, hash, type Hash } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import { slotsOf } from './ring.ts';

export interface HashMemory {
  /** Blocks of volumes. */
  readonly ring: SharedArrayBuffer;
  /** Pieces of objects. */
  readonly pieces: SharedArrayBuffer;
}

export type HashQuestion =
  | { readonly do: 'block'; readonly slot: number; readonly length: number }
  /** The next bytes of an object. */
  | { readonly do: 'piece'; readonly piece: number; readonly length: number }
  /** The object ends; without a digest it was given up. */
  | { readonly do: 'object' };

/** Answers come in the order of the questions. */
export type HashAnswer =
  | { readonly did: 'block'; readonly slot: number; readonly digest: Uint8Array }
  | { readonly did: 'piece'; readonly piece: number }
  | { readonly did: 'object'; readonly digest: string };

const port = parentPort;
if (port === null) throw new TypeError('this module runs in a thread');
const say = (answer: HashAnswer): void => port.postMessage(answer);

// shared memory of our own main thread
const memory = workerData as HashMemory;
const [slots, pieces] = [slotsOf(memory.ring), slotsOf(memory.pieces)];
let object: Hash = createHash('sha256');

const at = (buffers: readonly Uint8Array[], n: number, length: number): Uint8Array => {
  const buffer = buffers[n];
  if (buffer === undefined) throw new RangeError('no such buffer');
  return buffer.subarray(0, length);
};

port.on('message', (question: HashQuestion) => {
  switch (question.do) {
    case 'block':
      return say({
        did: 'block',
        slot: question.slot,
        digest: new Uint8Array(hash('sha256', at(slots, question.slot, question.length), 'buffer')),
      });
    case 'piece':
      object.update(at(pieces, question.piece, question.length));
      return say({ did: 'piece', piece: question.piece });
    case 'object': {
      const digest = object.digest('hex');
      object = createHash('sha256');
      return say({ did: 'object', digest });
    }
  }
});
