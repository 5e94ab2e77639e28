/** Reads what nobody ordered: before a bundle is published, every byte of it that is there has been found good. */
import { blockCount } from '@gapferry/bundle-format/blocks';
import { errorToJSON, GapferryError } from '@gapferry/bundle-format/errors';
import type { Tell } from '@gapferry/station/media/serve';
import { checkedBlocks } from './read-ahead.ts';
import type { CheckAsk, CheckEvent, VolumeAsk } from './requests.ts';
import { openVolume, type OpenVolume } from './volumes.ts';

/** A copy that bad needs no complete list. */
const MOST_TOLD = 20;

/** @throws Unfit MEDIA_GONE */
export function checkVolumes({ folder, volumes }: CheckAsk, tell: Tell<CheckEvent>): void {
  for (const volume of volumes) checkVolume(folder, volume, tell);
}

function checkVolume(folder: string, volume: VolumeAsk, tell: Tell<CheckEvent>): void {
  let open: OpenVolume | undefined;
  try {
    open = openVolume(folder, volume);
    if (open !== undefined) checkBlocks(volume, open, tell);
  } catch (error) {
    tellDamage(error, tell);
  } finally {
    open?.close();
  }
}

function checkBlocks(volume: VolumeAsk, open: OpenVolume, tell: Tell<CheckEvent>): void {
  const blocks = checkedBlocks({ ...volume, wanted: 0 }, open, (bytes) => tell({ kind: 'read', bytes }));
  let damaged = 0;
  for (let index = 0; index < blockCount(volume.bytes) && damaged < MOST_TOLD; index++) {
    try {
      blocks.block(index);
    } catch (error) {
      tellDamage(error, tell);
      damaged++;
    }
    tell.alive();
  }
}

function tellDamage(error: unknown, tell: Tell<CheckEvent>): void {
  if (!(error instanceof GapferryError) || error.kind !== 'damaged') throw error;
  tell({ kind: 'damage', error: errorToJSON(error) });
}
