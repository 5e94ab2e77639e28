/** What a receipt says, from what the journal knows. Pure: the same journal gives the same bytes. */
import { LIMITS } from '@gapferry/bundle-format/limits';
import type {
  BundleReceipt,
  Companion,
  Receipt,
  RepositoryReceipt,
  RepositoryState,
} from '@gapferry/bundle-format/receipt';
import type { Sha256 } from '@gapferry/bundle-format/sha256';
import type { OfferRecord } from '../journal/bundles.ts';
import type { Published } from '../trust/admission.ts';

/** Enough for an exporter that was restored from an old backup to see what it does not remember. */
export const BUNDLES_IN_RECEIPT: number = Math.min(200, LIMITS.bundlesInReceipt);

export interface RepositoryFacts {
  readonly name: string;
  readonly published: Published | undefined;
  /** Of this exporter, newest first. */
  readonly offers: readonly OfferRecord[];
}

export interface ReceiptFacts {
  readonly site: string;
  readonly exporter: string;
  readonly epoch: string;
  readonly number: number;
  readonly repositories: readonly RepositoryFacts[];
  readonly bundles: readonly BundleReceipt[];
  readonly holds: Companion;
  readonly missing: Companion;
}

export function composeReceipt({
  site,
  exporter,
  epoch,
  number,
  repositories,
  bundles,
  holds,
  missing,
}: ReceiptFacts): Receipt {
  return {
    site,
    exporter,
    epoch,
    number,
    repositories: repositories.map((one) => repositoryReceipt(one, exporter)),
    bundles: bundles.toSorted((a, b) => b.sequence - a.sequence).slice(0, BUNDLES_IN_RECEIPT),
    holds,
    missing,
  };
}

function repositoryReceipt({ name, published, offers }: RepositoryFacts, exporter: string): RepositoryReceipt {
  const [newest] = offers.toSorted((a, b) => b.snapshot - a.snapshot);
  const snapshot = published?.exporter === exporter ? published.snapshot : null;
  const state = newest === undefined ? 'seen' : newest.snapshot === snapshot ? 'published' : newest.state;
  return { name, state, snapshot, offered: newest?.snapshot ?? null };
}

/** The order in which the states of a bundle's repositories speak for the whole. */
const SPEAKS_FIRST: readonly RepositoryState[] = [
  'failed',
  'refused',
  'waiting',
  'receiving',
  'admitted',
  'seen',
  'received',
  'on hold',
  'publishing',
  'published',
  'superseded',
];

/** One state for a bundle of several repositories: the one that needs most attention. */
export const bundleState = (offers: readonly Pick<OfferRecord, 'state'>[]): RepositoryState =>
  SPEAKS_FIRST.find((state) => offers.some((offer) => offer.state === state)) ?? 'seen';

export const bundleReceipt = (manifest: Sha256, sequence: number, offers: readonly OfferRecord[]): BundleReceipt => {
  const state = bundleState(offers);
  return { sequence, sha256: manifest, state, code: offers.find((offer) => offer.state === state)?.code ?? null };
};
