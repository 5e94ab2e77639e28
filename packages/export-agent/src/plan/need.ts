/** Is a bundle worth making? DESIGN section 4: if nothing changed and the last bundle is young, none is made; else one without objects renews the expiry. Pure. */

import type { SentBundle } from '../ledger/bundles.ts';
import { isOverdue } from './road.ts';

export type Need =
  | { readonly make: true; readonly why: 'asked' | 'first' | 'objects' | 'metadata' | 'renewal' }
  | { readonly make: false; readonly why: 'nothing changed' };

export interface SiteFacts {
  /** Ascending. */
  readonly bundles: readonly SentBundle[];
  /** Newest snapshot that the site itself says it was offered, by repository. */
  readonly offered: ReadonlyMap<string, number>;
}

export interface NeedQuestion {
  readonly full: boolean;
  /** Does some site lack content? */
  readonly lacking: boolean;
  readonly sites: readonly SiteFacts[];
  /** The newest snapshots, by repository. */
  readonly snapshots: ReadonlyMap<string, number>;
  readonly now: Date;
  readonly overdueMs: number;
  readonly renewAfterMs: number;
}

/** Bundles that may still reach the site or have reached it. */
const alive = ({ bundles }: SiteFacts, question: NeedQuestion): SentBundle[] =>
  bundles.filter((bundle) => bundle.road !== 'lost' && !isOverdue(bundle, question.now, question.overdueMs));

const wasOffered = (site: SiteFacts, repository: string, snapshot: number, question: NeedQuestion): boolean => {
  const inBundles = alive(site, question).flatMap((bundle) =>
    bundle.repositories.filter(({ name }) => name === repository),
  );
  return Math.max(site.offered.get(repository) ?? 0, ...inBundles.map((each) => each.snapshot)) >= snapshot;
};

const isYoung = (site: SiteFacts, question: NeedQuestion): boolean =>
  alive(site, question).some(({ since }) => question.now.getTime() - Date.parse(since) < question.renewAfterMs);

export const needOf = (question: NeedQuestion): Need => {
  if (question.full) return { make: true, why: 'asked' };
  if (question.sites.some((site) => alive(site, question).length === 0 && site.offered.size === 0))
    return { make: true, why: 'first' };
  if (question.lacking) return { make: true, why: 'objects' };
  for (const [repository, snapshot] of question.snapshots)
    if (question.sites.some((site) => !wasOffered(site, repository, snapshot, question)))
      return { make: true, why: 'metadata' };
  if (question.sites.some((site) => !isYoung(site, question))) return { make: true, why: 'renewal' };
  return { make: false, why: 'nothing changed' };
};
