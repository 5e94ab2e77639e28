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

/** This exporter as its ledger knows it: what a receipt may name beyond that is bounded. */
export interface KnownExporter {
  readonly id: string;
  /** The highest number ever given; 0: none. */
  readonly sequence: number;
  /** The highest snapshot ever taken of that repository; 0: none. */
  readonly snapshot: (repository: string) => number;
}

/**
 * A ledger restored from a backup goes on above what sites know, and a receipt may have been lost on the way. Both leap by what was done meanwhile,
 * never by this much: a greater leap would let one site use up the numbers of the format, and with them every other site's bundles.
 */
export const MOST_LEAP = 1_000_000;

/** Why the numbers of a receipt cannot be true, or undefined. */
const leapIn = (receipt: Receipt, exporter: KnownExporter): string | undefined => {
  const says = (what: string, named: number, known: number): string =>
    `it names ${what} ${named}, and this exporter never went beyond ${known}`;
  for (const { sequence } of receipt.bundles)
    if (sequence > exporter.sequence + MOST_LEAP) return says('bundle', sequence, exporter.sequence);
  for (const { name, snapshot, offered } of receipt.repositories) {
    const [named, known] = [Math.max(snapshot ?? 0, offered ?? 0), exporter.snapshot(name)];
    if (named > known + MOST_LEAP) return says(`snapshot of ${name}`, named, known);
  }
  return undefined;
};

export type ReceiptDecision =
  | { readonly do: 'apply'; readonly newEpoch: boolean }
  /** Moves nothing, and nothing is wrong: it was taken in before, or a newer one was. */
  | { readonly do: 'ignore'; readonly why: 'known' | 'older' }
  | { readonly do: 'refuse'; readonly why: string };

/** @param sha256 identity of the receipt */
export const decideReceipt = (
  site: KnownSite,
  exporter: KnownExporter,
  receipt: Receipt,
  sha256: Sha256,
): ReceiptDecision => {
  if (receipt.site !== site.name) return { do: 'refuse', why: `it speaks for the site ${receipt.site}` };
  if (receipt.exporter !== exporter.id) return { do: 'refuse', why: `it is for the exporter ${receipt.exporter}` };
  if (site.isRetired(receipt.epoch)) return { do: 'ignore', why: 'older' };
  const known = receipt.epoch === site.epoch ? (site.number ?? 0) : 0;
  if (receipt.number < known) return { do: 'ignore', why: 'older' };
  // taken in, it would make every genuine receipt after it an older one
  if (receipt.number > known + MOST_LEAP)
    return { do: 'refuse', why: `its number ${receipt.number} is out of reach of the last one, ${known}` };
  const leap = leapIn(receipt, exporter);
  if (leap !== undefined) return { do: 'refuse', why: leap };
  if (receipt.epoch !== site.epoch) return { do: 'apply', newEpoch: site.epoch !== null };
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
