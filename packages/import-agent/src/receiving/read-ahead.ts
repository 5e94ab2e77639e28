/** Checked blocks of a volume, one after another; of a large one that is needed nearly whole, read and hashed ahead by a thread of their own. */
import { Worker } from 'node:worker_threads';
import { BLOCK_BYTES, BlockChecker, type CheckedBlocks, type VerifiedBytes } from '@gapferry/bundle-format/blocks';
import { entryBeside } from '@gapferry/station/media/process';
import type { BlockThreadData } from './block-thread.ts';
import type { VolumeAsk } from './requests.ts';
import { Ring } from './ring.ts';
import type { OpenVolume } from './volumes.ts';

export interface ClosableBlocks extends CheckedBlocks {
  /** Blocks that were read and are good. */
  readonly seen: ReadonlySet<number>;
  close(): void;
}

/** Below that, starting a thread costs more than it brings. */
const AHEAD_FROM_BYTES = 64 * 1024 * 1024;

/** @param onBlock hears of the bytes of each block that is handed out */
export function checkedBlocks(volume: VolumeAsk, open: OpenVolume, onBlock: (bytes: number) => void): ClosableBlocks {
  const checker = new BlockChecker(volume.name, open, open.list);
  const nearlyWhole = volume.wanted * 2 >= volume.bytes;
  return volume.bytes >= AHEAD_FROM_BYTES && nearlyWhole
    ? new BlocksAhead(volume, open, checker, onBlock)
    : new BlocksAsAsked(checker, onBlock);
}

class BlocksAsAsked implements ClosableBlocks {
  readonly name: string;
  readonly bytes: number;
  readonly seen: Set<number> = new Set();
  readonly #checker: BlockChecker;
  readonly #onBlock: (bytes: number) => void;

  constructor(checker: BlockChecker, onBlock: (bytes: number) => void) {
    this.name = checker.name;
    this.bytes = checker.bytes;
    this.#checker = checker;
    this.#onBlock = onBlock;
  }

  block(index: number): VerifiedBytes {
    const block = this.#checker.block(index);
    this.seen.add(index);
    this.#onBlock(block.length);
    return block;
  }

  close(): void {
    // nothing of its own
  }
}

class BlocksAhead implements ClosableBlocks {
  readonly name: string;
  readonly bytes: number;
  readonly seen: Set<number>;
  readonly #direct: BlocksAsAsked;
  readonly #onBlock: (bytes: number) => void;
  readonly #start: () => Worker;
  readonly #ring = new Ring(BLOCK_BYTES);
  #thread: Worker | undefined;
  /** The next block of the ring. */
  #next = 0;
  /** The block that is handed out just now, -1: none. */
  #out = -1;

  constructor(volume: VolumeAsk, open: OpenVolume, checker: BlockChecker, onBlock: (bytes: number) => void) {
    this.name = checker.name;
    this.bytes = checker.bytes;
    this.#direct = new BlocksAsAsked(checker, onBlock);
    this.seen = this.#direct.seen;
    this.#onBlock = onBlock;
    const workerData: BlockThreadData = {
      ring: this.#ring.shared,
      fd: open.fd,
      path: open.path,
      name: volume.name,
      bytes: volume.bytes,
      lines: open.lines,
      signed: volume.blocks,
    };
    this.#start = () =>
      new Worker(entryBeside(import.meta.url, './block-thread'), {
        workerData,
        resourceLimits: { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 64 },
      });
  }

  /** A volume is walked forward, after a look at its end; what does not come in this order is read as it is asked for. */
  block(index: number): VerifiedBytes {
    this.#release();
    if (index < this.#next || (this.#thread === undefined && index > 0)) return this.#direct.block(index);
    this.#thread ??= this.#start();
    for (; this.#next < index; this.#next++) {
      if (this.#ring.waitFull(this.#next)) this.seen.add(this.#next);
      this.#ring.free(this.#next);
    }
    const good = this.#ring.waitFull(index);
    this.#next = index + 1;
    this.#out = index;
    if (!good) return this.#direct.block(index); // says what is wrong with it, or finds it good at the second reading
    this.seen.add(index);
    const block = this.#ring.slot(index, Math.min(BLOCK_BYTES, this.bytes - index * BLOCK_BYTES));
    this.#onBlock(block.length);
    // compared with the signed list by the other thread, in this very memory
    return block as VerifiedBytes;
  }

  #release(): void {
    if (this.#out >= 0) this.#ring.free(this.#out);
    this.#out = -1;
  }

  close(): void {
    void this.#thread?.terminate();
  }
}
