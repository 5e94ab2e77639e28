/** Checked blocks of a volume, one after another. */
import { BlockChecker, type CheckedBlocks } from '@gapferry/bundle-format/blocks';
import type { VolumeAsk } from './requests.ts';
import type { OpenVolume } from './volumes.ts';

export interface ClosableBlocks extends CheckedBlocks {
  close(): void;
}

export async function checkedBlocks(volume: VolumeAsk, open: OpenVolume, onBlock: (bytes: number) => void): Promise<ClosableBlocks> {
  const checker = new BlockChecker(volume.name, open, open.list);
  return {
    name: checker.name,
    bytes: checker.bytes,
    block: (index) => {
      const block = checker.block(index);
      onBlock(block.length);
      return block;
    },
    close: () => undefined,
  };
}
