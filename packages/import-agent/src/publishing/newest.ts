/** The order of offers of one repository. Pure. */
import { lineageOf, type TrustStore } from '../trust/store.ts';

interface Ranked {
  readonly exporter: string;
  readonly snapshot: number;
  readonly sequence: number;
}

/** By snapshot within one exporter; an exporter that was enrolled as the successor of another comes after all of its snapshots. */
export function compareOffers(a: Ranked, b: Ranked, trust: TrustStore): number {
  if (a.exporter === b.exporter) return a.snapshot - b.snapshot || a.sequence - b.sequence;
  if (lineageOf(trust, a.exporter).includes(b.exporter)) return 1;
  if (lineageOf(trust, b.exporter).includes(a.exporter)) return -1;
  return a.exporter < b.exporter ? -1 : 1; // admission lets no strangers share a repository; any fixed order will do
}

export const newestFirst = <T extends Ranked>(offers: readonly T[], trust: TrustStore): T[] =>
  offers.toSorted((a, b) => compareOffers(b, a, trust));
