/** Which bundles count as bringing their objects to a site: DESIGN section 3. Pure. */

import type { Basis } from '../ledger/records.ts';
import type { SentBundle } from '../ledger/bundles.ts';

export interface RoadPolicy {
  readonly basis: Basis;
  readonly now: Date;
  /** After so long without an answer a bundle counts as lost. */
  readonly overdueMs: number;
}

export const isOverdue = (bundle: Pick<SentBundle, 'road' | 'since'>, now: Date, overdueMs: number): boolean =>
  bundle.road === 'road' && now.getTime() - Date.parse(bundle.since) > overdueMs;

/**
 * The sequence numbers that count, ascending.
 *
 * `acknowledged`: what is on the road and not overdue; what receipts settled is known from their lists instead. `sent`: whatever was ever sent and not
 * declared lost. `full`: nothing.
 */
export const roadOf = (bundles: readonly SentBundle[], { basis, now, overdueMs }: RoadPolicy): number[] => {
  const counts = (bundle: SentBundle): boolean => {
    switch (basis) {
      case 'full':
        return false;
      case 'sent':
        return bundle.road !== 'lost';
      case 'acknowledged':
        return bundle.road === 'road' && !isOverdue(bundle, now, overdueMs);
    }
  };
  return bundles.filter(counts).map(({ sequence }) => sequence);
};

/** Names what a belief rests on: when it is the same, a plan need not be made again. */
export const beliefName = (road: readonly number[], site: { epoch: string | null; number: number | null }): string =>
  JSON.stringify([road, site.epoch, site.number]);
