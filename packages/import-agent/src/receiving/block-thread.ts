/** Reads a volume block by block, ahead of the thread that unpacks it, and compares each with the signed list in the very buffer that it hands on. */
import { workerData } from 'node:worker_threads';
import { BLOCK_BYTES, blockCount, parseBlockList, verifyBlock } from '@gapferry/bundle-format/blocks';
import type { Sha256 } from '@gapferry/bundle-format/sha256';
import { Ring } from './ring.ts';
import { readAt } from './volumes.ts';

export interface BlockThreadData {
  readonly ring: SharedArrayBuffer;
  /** Open in this process. */
  readonly fd: number;
  readonly path: string;
  readonly name: string;
  readonly bytes: number;
  /** The block list's bytes and their signed digest. */
  readonly lines: Uint8Array;
  readonly signed: Sha256;
}

// written by `checkedBlocks` alone
const { ring: shared, fd, path, name, bytes, lines, signed }: BlockThreadData = workerData as BlockThreadData;
const ring = new Ring(BLOCK_BYTES, shared);
const list = parseBlockList(name, lines, bytes, signed);

for (let index = 0; index < blockCount(bytes); index++) {
  ring.waitEmpty(index);
  const block = ring.slot(index, Math.min(BLOCK_BYTES, bytes - index * BLOCK_BYTES));
  ring.put(index, isGood(block, index));
}

/** The reason does not matter here: the other thread reads the block again, and names what is wrong with it. */
function isGood(block: Uint8Array, index: number): boolean {
  try {
    if (readAt(fd, path, block, index * BLOCK_BYTES) !== block.length) return false;
    verifyBlock(name, index, block, list);
    return true;
  } catch {
    return false;
  }
}
