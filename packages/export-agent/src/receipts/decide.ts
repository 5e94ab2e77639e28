/** What a receipt with a good signature means for the ledger. Pure. DESIGN section 8; THREATS 29. */

import type { Receipt, RepositoryState } from '@gapferry/bundle-format/receipt';
import type { Sha256 } from '@gapferry/bundle-format/sha256';
import type { RoadState } from '../ledger/records.ts';

export interface KnownSite {
  readonly name: string;
  readonly epoch: string | null;
  readonly number: number | null;
  readonly receipt: Sha256 | null;
  readonly isRetired: (epoch: string) => boolean;
}

export type ReceiptDecision =
  | { readonly do: 'apply'; readonly newEpoch: boolean }
  /** Moves nothing, and nothing is wrong: it was taken in before, or a newer one was. */
  | { readonly do: 'ignore'; readonly why: 'known' | 'older' }
  | { readonly do: 'refuse'; readonly why: string };

/** @param sha256 identity of the receipt */
export const decideReceipt = (site: KnownSite, exporter: string, receipt: Receipt, sha256: Sha256): ReceiptDecision => {
  if (receipt.site !== site.name) return { do: 'refuse', why: `it speaks for the site ${receipt.site}` };
  if (receipt.exporter !== exporter) return { do: 'refuse', why: `it is for the exporter ${receipt.exporter}` };
  if (site.isRetired(receipt.epoch)) return { do: 'ignore', why: 'older' };
  if (receipt.epoch !== site.epoch) return { do: 'apply', newEpoch: site.epoch !== null };
  const known = site.number ?? 0;
  if (receipt.number < known) return { do: 'ignore', why: 'older' };
  if (receipt.number > known) return { do: 'apply', newEpoch: false };
  return sha256 === site.receipt
    ? { do: 'ignore', why: 'known' }
    : { do: 'refuse', why: `there are two receipts with the number ${known}` };
};

/** Has a bundle in this state given the site all that it will? Then the site's list of what it holds tells the rest. */
const IS_SETTLED: Readonly<Record<RepositoryState, boolean>> = {
  seen: false,
  admitted: false,
  receiving: false,
  received: true,
  'on hold': true,
  publishing: true,
  published: true,
  waiting: true,
  superseded: true,
  refused: true,
  failed: false, // it will be tried again
};

export interface KnownBundle {
  readonly sequence: number;
  readonly manifest: Sha256;
  readonly road: RoadState;
}

export interface Settlement {
  readonly settled: readonly { readonly sequence: number; readonly says: string }[];
  /** Numbers that the site knows with another digest than this ledger: somebody else signs with our key. */
  readonly forks: readonly number[];
  /** The highest of our numbers that the site knew when it wrote the receipt. */
  readonly after: number;
}

export const settle = (receipt: Receipt, bundles: ReadonlyMap<number, KnownBundle>): Settlement => {
  const settled: { sequence: number; says: string }[] = [];
  const forks: number[] = [];
  let after = 0;
  for (const { sequence, sha256, state, code } of receipt.bundles) {
    const known = bundles.get(sequence);
    if (known === undefined) continue;
    if (known.manifest !== sha256) {
      forks.push(sequence);
      continue;
    }
    after = Math.max(after, sequence);
    if (IS_SETTLED[state]) settled.push({ sequence, says: code === null ? state : `${state}: ${code}` });
  }
  return { settled, forks, after };
};
