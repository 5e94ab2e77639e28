/** The main thread's side of the hash thread. */

import { Worker } from 'node:worker_threads';
import { entryBeside } from '@gapferry/station/media/process';
import type { HashAnswer, HashMemory, HashQuestion } from './hash-thread.ts';
import { makeRing, slotsOf } from './ring.ts';

/** One is being hashed while the other is being filled. */
const PIECES = 2;

export class Hasher {
  readonly ring: SharedArrayBuffer = makeRing();
  readonly #pieces: readonly Uint8Array[];
  readonly #worker: Worker;
  /** Who waits, in the order of the questions. */
  #waiting: { readonly resolve: (answer: HashAnswer) => void; readonly reject: (error: unknown) => void }[] = [];
  readonly #busy: (Promise<void> | undefined)[] = [];
  #failure: unknown;
  #turn = 0;

  constructor() {
    const memory: HashMemory = { ring: this.ring, pieces: makeRing(PIECES) };
    this.#pieces = slotsOf(memory.pieces);
    this.#worker = new Worker(entryBeside(import.meta.url, './hash-thread'), {
      workerData: memory,
      resourceLimits: { maxYoungGenerationSizeMb: 4 },
    });
    this.#worker.on('message', (answer: HashAnswer) => {
      this.#waiting.shift()?.resolve(answer);
      if (this.#waiting.length === 0) this.#worker.unref();
    });
    this.#worker.on('error', (error) => this.#fail(error));
    this.#worker.unref();
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    for (const { reject } of this.#waiting) reject(error);
    this.#waiting = [];
  }

  #ask(question: HashQuestion): Promise<HashAnswer> {
    return new Promise<HashAnswer>((resolve, reject) => {
      if (this.#failure !== undefined) return reject(this.#failure);
      this.#waiting.push({ resolve, reject });
      this.#worker.ref();
      this.#worker.postMessage(question);
    });
  }

  /** SHA-256 of the first `length` bytes of a slot of the ring; the slot must stay as it is until then. */
  async block(slot: number, length: number): Promise<Uint8Array> {
    const answer = await this.#ask({ do: 'block', slot, length });
    if (answer.did !== 'block') throw new TypeError('answers of the hash thread came out of order');
    return answer.digest;
  }

  /** A buffer for the next piece of an object; it is not being hashed any more. */
  async piece(): Promise<Uint8Array> {
    this.#turn = (this.#turn + 1) % PIECES;
    await this.#busy[this.#turn];
    const piece = this.#pieces[this.#turn];
    if (piece === undefined) throw new RangeError('no such piece');
    return piece;
  }

  /** Hashes the first `length` bytes of the buffer that `piece` gave last, on and on for one object. */
  update(length: number): void {
    const hashed = this.#ask({ do: 'piece', piece: this.#turn, length }).then(() => undefined);
    hashed.catch(() => undefined); // told by the next piece()
    this.#busy[this.#turn] = hashed;
  }

  /** SHA-256 of the object whose pieces went by; begins another one. */
  async object(): Promise<string> {
    const answer = await this.#ask({ do: 'object' });
    if (answer.did !== 'object') throw new TypeError('answers of the hash thread came out of order');
    return answer.digest;
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}
