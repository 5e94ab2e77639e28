/** The main thread's side of the disk thread: a sink for the bytes of a volume, and its proof. */

import { Worker } from 'node:worker_threads';
import { BLOCK_BYTES, encodeBlockList } from '@gapferry/bundle-format/blocks';
import { errorFromJSON } from '@gapferry/bundle-format/errors';
import { type Sha256, Sha256Stream } from '@gapferry/bundle-format/sha256';
import type { Proof } from '@gapferry/station/files/direct';
import { entryBeside } from '@gapferry/station/media/process';
import type { DiskAnswer, DiskQuestion } from './disk-thread.ts';
import { makeRing, slotsOf } from './ring.ts';

export interface WrittenFile {
  readonly bytes: number;
  readonly digests: Uint8Array;
}

export interface ProvedFile {
  readonly sha256: Sha256;
  readonly proof: Proof;
}

type Kind = DiskAnswer['did'];
type Answer<K extends Kind> = Extract<DiskAnswer, { did: K }>;

export class Disk {
  readonly #ring = makeRing();
  readonly #slots = slotsOf(this.#ring);
  readonly #worker: Worker;
  #free: number[] = this.#slots.map((_, n) => n);
  #slot: number | undefined;
  #filled = 0;
  #failure: unknown;
  #wake: (() => void) | undefined;
  #settled: { kind: Kind; resolve: (answer: DiskAnswer) => void; reject: (error: unknown) => void } | undefined;
  #onRead: ((block: Uint8Array) => void) | undefined;

  constructor() {
    this.#worker = new Worker(entryBeside(import.meta.url, './disk-thread'), { workerData: this.#ring, resourceLimits: { maxYoungGenerationSizeMb: 4 } });
    this.#worker.on('message', (answer: DiskAnswer) => this.#hear(answer));
    this.#worker.on('error', (error) => this.#fail(error));
    this.#worker.unref();
  }

  #tell(question: DiskQuestion): void {
    this.#worker.postMessage(question);
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#settled?.reject(this.#failure);
    this.#settled = undefined;
    this.#wakeUp();
  }

  #wakeUp(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  #hear(answer: DiskAnswer): void {
    if (answer.did === 'failed') return this.#fail(errorFromJSON(answer.error));
    if (answer.did === 'freed') {
      this.#free.push(answer.slot);
      return this.#wakeUp();
    }
    if (answer.did === 'read') {
      this.#onRead?.(this.#slotAt(answer.slot).subarray(0, answer.length));
      return this.#tell({ do: 'free', slot: answer.slot });
    }
    if (this.#settled?.kind !== answer.did) return;
    const { resolve } = this.#settled;
    this.#settled = undefined;
    resolve(answer);
  }

  #slotAt(n: number): Uint8Array {
    const slot = this.#slots[n];
    if (slot === undefined) throw new RangeError('no such slot');
    return slot;
  }

  #answered<K extends Kind>(kind: K, question: DiskQuestion): Promise<Answer<K>> {
    return new Promise<Answer<K>>((resolve, reject) => {
      if (this.#failure !== undefined) return reject(this.#failure);
      this.#worker.ref();
      this.#settled = { kind, resolve: (answer) => resolve(answer as Answer<K>), reject };
      this.#tell(question);
    }).finally(() => this.#worker.unref());
  }

  create(path: string): void {
    this.#failure = undefined;
    this.#free = this.#slots.map((_, n) => n);
    this.#slot = undefined;
    this.#filled = 0;
    this.#tell({ do: 'create', path });
  }

  /** Takes bytes; resolves when the caller may use their buffer again. @throws what the disk thread reported */
  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const slot = await this.#freeSlot();
      const take = Math.min(BLOCK_BYTES - this.#filled, bytes.length - at);
      this.#slotAt(slot).set(bytes.subarray(at, at + take), this.#filled);
      this.#filled += take;
      at += take;
      if (this.#filled === BLOCK_BYTES) this.#send();
    }
  }

  async #freeSlot(): Promise<number> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#slot !== undefined) return this.#slot;
      this.#slot = this.#free.shift();
      if (this.#slot !== undefined) return this.#slot;
      this.#worker.ref();
      await new Promise<void>((resolve) => (this.#wake = resolve));
      this.#worker.unref();
    }
  }

  #send(): void {
    if (this.#slot === undefined || this.#filled === 0) return;
    this.#tell({ do: 'block', slot: this.#slot, length: this.#filled });
    this.#slot = undefined;
    this.#filled = 0;
  }

  /** Flushes the file to the device. */
  async finish(): Promise<WrittenFile> {
    this.#send();
    const { bytes, digests } = await this.#answered('finished', { do: 'finish' });
    return { bytes, digests };
  }

  /** Removes what was written. Never throws. */
  async abandon(): Promise<void> {
    this.#failure = undefined;
    await this.#answered('abandoned', { do: 'abandon' }).catch(() => undefined);
  }

  /** Reads the file back past the page cache, compares every block, and makes the digest of the whole on the way. @throws Damaged MEDIA_VERIFY */
  async prove(path: string, file: WrittenFile, onBytes: (bytes: number) => void): Promise<ProvedFile> {
    const digest = new Sha256Stream();
    this.#onRead = (block) => {
      digest.update(block);
      onBytes(block.length);
    };
    const { proof } = await this.#answered('proved', { do: 'prove', path, bytes: file.bytes, digests: file.digests });
    this.#onRead = undefined;
    return { sha256: digest.digest(), proof };
  }

  close(): Promise<number> {
    return this.#worker.terminate();
  }
}

/** The block list file of digests that lie one after another. */
export const blockListOf = (digests: Uint8Array): Uint8Array =>
  encodeBlockList(Array.from({ length: digests.length / 32 }, (_, n) => digests.subarray(n * 32, n * 32 + 32)));
