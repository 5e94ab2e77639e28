/** Brings receipts onto a medium, or keeps them until one comes that can be written to. */
import type { GapferryError } from '@gapferry/bundle-format/errors';
import { requireSame, type Presence } from '@gapferry/station/media/place';
import type { Target } from '../journal/inventories.ts';
import { toGapferry } from '../errors.ts';
import type { Medium } from '../receiving/session.ts';
import { isoSeconds } from '../trust/admission.ts';
import type { World } from '../world.ts';
import { completeReceipt, issueReceipt, keptOnMedium, receiptFiles, receiptFolder } from './issue.ts';

/** Where receipts go on this medium. */
export interface ReceiptPlace {
  readonly medium: Medium;
  /** Root of the medium. */
  readonly root: string;
  /** As it was when it was noticed: nothing is written to another one that took its place. */
  readonly presence: Presence | undefined;
}

export interface Delivery {
  /** Numbers of the receipts that lie on the medium now. */
  readonly delivered: readonly number[];
  /** Why they could not be written; they are kept and offered to the next medium. */
  readonly kept: GapferryError | null;
}

/** Issues what is owed. @returns how many receipts were issued */
export function issueOwed(world: World, targets: readonly Target[]): number {
  if (!world.config.receipts) return 0;
  const owed = world.journal.receipts.owed();
  for (const exporter of owed) issueReceipt(world, exporter, targets);
  return owed.length;
}

/** Lays the newest receipt for each exporter. A receipt that cannot be laid never undoes what it tells of. */
export async function deliverReceipts(world: World, place: ReceiptPlace | undefined): Promise<Delivery> {
  const newest = world.config.receipts ? world.journal.receipts.newest() : [];
  if (newest.length === 0 || place === undefined) return { delivered: [], kept: null };
  try {
    if (place.presence !== undefined) requireSame(place.presence);
    const good = newest.filter((receipt) => completeReceipt(world, receipt));
    const files = good.flatMap(({ number }) => receiptFiles(world, number));
    const before = good.map(({ number }) => number - 1).filter((number) => number > 0);
    await place.medium.lay({
      root: place.root,
      under: receiptFolder(world.config.site),
      files,
      keep: keptOnMedium(before),
    });
    for (const { number } of good) world.journal.receipts.delivered(number, isoSeconds(world.now()));
    return { delivered: good.map(({ number }) => number), kept: null };
  } catch (error) {
    return { delivered: [], kept: tellKept(world, error) };
  }
}

function tellKept(world: World, error: unknown): GapferryError {
  const known = toGapferry(error);
  world.log.warn(`the receipt could not be written to the medium and is kept: ${known.message}`, { code: known.code });
  return known;
}
