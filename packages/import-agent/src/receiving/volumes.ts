/** Opens a volume of a bundle so that every byte comes through the signed block list (DESIGN section 5.3). */
import { join } from 'node:path';
import {
  BlockChecker,
  blockCount,
  CheckedVolume,
  parseBlockList,
  type BlockList,
} from '@gapferry/bundle-format/blocks';
import { blocksName } from '@gapferry/bundle-format/layout';
import { closeSync, fstatSync, readSync } from 'node:fs';
import { withFaults } from '@gapferry/station/files/fault';
import { openIfThere, readBoundedIfThere } from '@gapferry/station/files/safe-open';
import { Incomplete } from '@gapferry/bundle-format/errors';
import type { VolumeAsk } from './requests.ts';

/** A line of 64 digits and a line feed per block. */
const BLOCK_LINE_BYTES = 65;

export interface OpenVolume {
  readonly path: string;
  readonly fd: number;
  readonly list: BlockList;
  /** The block list as it was read, for another thread. */
  readonly lines: Uint8Array;
  /** Length of the file as it is. */
  readonly bytes: number;
  read(into: Uint8Array, position: number): number;
  close(): void;
}

/** Undefined when the volume or its block list is not on this medium. @throws Damaged HASH_MISMATCH, LENGTH_MISMATCH, NOT_A_REGULAR_FILE, MEDIA_READ */
export function openVolume(folder: string, volume: VolumeAsk): OpenVolume | undefined {
  const name = blocksName(volume.number);
  // One byte more than it may have, so that a list that is too long is told from one that is right.
  const lines = readBoundedIfThere(join(folder, name), blockCount(volume.bytes) * BLOCK_LINE_BYTES + 65_536);
  if (lines === undefined) return undefined;
  const list = parseBlockList(name, lines, volume.bytes, volume.blocks);
  const path = join(folder, volume.name);
  const fd = openIfThere(path);
  if (fd === undefined) return undefined;
  return {
    path,
    fd,
    list,
    lines,
    bytes: withFaults({ where: 'medium', doing: 'read', what: path }, () => fstatSync(fd).size),
    read: (into, position) => readAt(fd, path, into, position),
    close: () => closeSync(fd),
  };
}

/** As `openVolume`. @throws Incomplete BUNDLE_INCOMPLETE when it is not there */
export function requireVolume(folder: string, volume: VolumeAsk): OpenVolume {
  const open = openVolume(folder, volume);
  if (open !== undefined) return open;
  throw new Incomplete('BUNDLE_INCOMPLETE', `${volume.name} is not in ${folder}`, {
    facts: { folder, volume: volume.name },
  });
}

/** Fills `into`; gives the count, which is short only at the end of the file. @throws Damaged MEDIA_READ; Unfit MEDIA_GONE */
export function readAt(fd: number, path: string, into: Uint8Array, position: number): number {
  return withFaults({ where: 'medium', doing: 'read', what: path }, () => {
    let filled = 0;
    while (filled < into.length) {
      const got = readSync(fd, into, filled, into.length - filled, position + filled);
      if (got === 0) break;
      filled += got;
    }
    return filled;
  });
}

/** Checked in this thread, block by block as they are asked for. `onBlock` hears of each one that was read. */
export function checkedVolume(name: string, open: OpenVolume, onBlock: (bytes: number) => void): CheckedVolume {
  const source = {
    bytes: open.bytes,
    read: (into: Uint8Array, position: number): number => {
      const got = open.read(into, position);
      onBlock(got);
      return got;
    },
  };
  return new CheckedVolume(new BlockChecker(name, source, open.list));
}
