/** The main thread's side of the disk thread: a sink for the bytes of a volume, and its proof. */

import { Worker } from 'node:worker_threads';
import { BLOCK_BYTES, encodeBlockList } from '@gapferry/bundle-format/blocks';
import { Damaged, errorFromJSON } from '@gapferry/bundle-format/errors';
import { type Sha256, Sha256Stream } from '@gapferry/bundle-format/sha256';
import type { Proof } from '@gapferry/station/files/direct';
import { entryBeside } from '@gapferry/station/media/process';
import type { DiskAnswer, DiskQuestion } from './disk-thread.ts';
import type { Hasher } from './hasher.ts';
import { slotsOf } from './ring.ts';

export interface WrittenFile {
  readonly bytes: number;
  /** Of its blocks. */
  readonly digests: readonly Uint8Array[];
}

export interface ProvedFile {
  readonly sha256: Sha256;
  readonly proof: Proof;
}

type Kind = DiskAnswer['did'];
type Answer<K extends Kind> = Extract<DiskAnswer, { did: K }>;

export class Disk {
  readonly #hasher: Hasher;
  readonly #slots: Uint8Array[];
  readonly #worker: Worker;
  #free: number[] = [];
  #slot: number | undefined;
  #filled = 0;
  #digests: Promise<Uint8Array>[] = [];
  readonly #writing = new Map<number, () => void>();
  #failure: unknown;
  #wake: (() => void) | undefined;
  #settled: { kind: Kind; resolve: (answer: DiskAnswer) => void; reject: (error: unknown) => void } | undefined;
  #onRead: ((block: Answer<'read'>) => void) | undefined;

  constructor(hasher: Hasher) {
    this.#hasher = hasher;
    this.#slots = slotsOf(hasher.ring);
    this.#worker = new Worker(entryBeside(import.meta.url, './disk-thread'), {
      workerData: hasher.ring,
      resourceLimits: { maxYoungGenerationSizeMb: 4 },
    });
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
    switch (answer.did) {
      case 'failed':
        return this.#fail(errorFromJSON(answer.error));
      case 'written':
        return this.#writing.get(answer.slot)?.();
      case 'read':
        return this.#onRead?.(answer);
      default:
        if (this.#settled?.kind !== answer.did) return;
        this.#settled.resolve(answer);
        this.#settled = undefined;
    }
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
    this.#digests = [];
    this.#tell({ do: 'create', path });
  }

  /** Takes bytes; resolves when the caller may use their buffer again. @throws what the disk thread reported */
  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
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
    const [slot, length] = [this.#slot, this.#filled];
    this.#slot = undefined;
    this.#filled = 0;
    const written = new Promise<void>((resolve) => this.#writing.set(slot, resolve));
    const hashed = this.#hasher.block(slot, length);
    this.#digests.push(hashed);
    this.#tell({ do: 'write', slot, length });
    Promise.all([hashed, written]).then(
      () => {
        this.#free.push(slot);
        this.#wakeUp();
      },
      (error: unknown) => this.#fail(error),
    );
  }

  /** Flushes the file to the device. */
  async finish(): Promise<WrittenFile> {
    this.#send();
    const { bytes } = await this.#answered('finished', { do: 'finish' });
    return { bytes, digests: await Promise.all(this.#digests) };
  }

  /** Removes what was written. Never throws. */
  async abandon(): Promise<void> {
    this.#failure = undefined;
    await this.#answered('abandoned', { do: 'abandon' }).catch(() => undefined);
  }

  /**
   * Reads the file back past the page cache, compares every block with what was written, and makes the digest of the whole on the way.
   * @throws Damaged MEDIA_VERIFY
   */
  async prove(path: string, file: WrittenFile, onBytes: (bytes: number) => void): Promise<ProvedFile> {
    const whole = new Sha256Stream();
    const give = (slot: number): void => this.#tell({ do: 'free', slot });
    this.#onRead = ({ slot, length, index }) => {
      const compared = this.#hasher
        .block(slot, length)
        .then((digest) => assertBlock(path, index, digest, file.digests[index]));
      whole.update(this.#slotAt(slot).subarray(0, length));
      onBytes(length);
      compared.then(
        () => give(slot),
        (error: unknown) => this.#fail(error),
      );
    };
    const { proof } = await this.#answered('read all', { do: 'read back', path, bytes: file.bytes });
    this.#onRead = undefined;
    return { sha256: whole.digest(), proof };
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}

const assertBlock = (path: string, index: number, found: Uint8Array, written: Uint8Array | undefined): void => {
  if (written !== undefined && Buffer.from(written).equals(found)) return;
  throw new Damaged('MEDIA_VERIFY', `${path}, block ${index}: the device gives back other bytes than were written`, {
    facts: { path, block: index },
  });
};

/** The block list file. */
export const blockListOf = (file: WrittenFile): Uint8Array => encodeBlockList(file.digests);
