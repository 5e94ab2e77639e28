/** How much a bundle will need on its place, at most: known before the first byte is written. Pure. */

import type { PlanTotals } from '../ledger/beliefs.ts';

/** Both ZIP headers, a descriptor and a row of the index, besides the name, which stands in each of them. */
const FRAME_BYTES = 512;
const NAMES = 4;
/** Manifest, sums, signature, folders, ends of volumes, and blocks that a filesystem rounds up to. */
const FIXED_BYTES = 2 << 20;
const BLOCK_BYTES = 4 << 20;

export const estimateBytes = (totals: PlanTotals, inventoryBytes: number): number => {
  const data = totals.bytes + totals.objects * FRAME_BYTES + totals.nameBytes * NAMES;
  return data + inventoryBytes + Math.ceil(data / BLOCK_BYTES) * 65 + FIXED_BYTES;
};
