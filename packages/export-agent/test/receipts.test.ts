import { describe, expect, it } from '@jest/globals';
import { type Receipt, type RepositoryState, sha256Of, type Sha256 } from '@gapferry/bundle-format';
import { decideReceipt, type KnownExporter, type KnownSite, MOST_LEAP, settle } from '../src/receipts/decide.ts';

const digest = (text: string): Sha256 => sha256Of(Buffer.from(text));
const EPOCH = 'e'.repeat(32);
const site: KnownSite = {
  name: 'plant7',
  epoch: EPOCH,
  number: 5,
  receipt: digest('five'),
  isRetired: (epoch) => epoch === 'f'.repeat(32),
};
const exporter: KnownExporter = {
  id: 'x0000000000000001',
  sequence: 7,
  snapshot: (name) => (name === 'docs' ? 40 : 0),
};
const receipt = (more: Partial<Receipt> = {}): Receipt => ({
  site: 'plant7',
  exporter: 'x0000000000000001',
  epoch: EPOCH,
  number: 6,
  repositories: [],
  bundles: [],
  holds: { bytes: 0, sha256: digest(''), rows: 0 },
  missing: { bytes: 0, sha256: digest(''), rows: 0 },
  ...more,
});
const decide = (more: Partial<Receipt>, text = 'six', known = site) =>
  decideReceipt(known, exporter, receipt(more), digest(text));

describe('decideReceipt', () => {
  it.each([
    ['a newer one is applied', {}, { do: 'apply', newEpoch: false }],
    ['a gap in the numbers means nothing', { number: 600 }, { do: 'apply', newEpoch: false }],
    ['a lower number moves nothing', { number: 4 }, { do: 'ignore', why: 'older' }],
    [
      'a new journal counts from now on, from any number',
      { epoch: 'd'.repeat(32), number: 1 },
      { do: 'apply', newEpoch: true },
    ],
    [
      'an epoch that was followed by another never comes back',
      { epoch: 'f'.repeat(32), number: 99 },
      { do: 'ignore', why: 'older' },
    ],
  ])('%s', (_says, more, expected) => expect(decide(more)).toEqual(expected));

  it('knows the same receipt again', () =>
    expect(decide({ number: 5 }, 'five')).toEqual({ do: 'ignore', why: 'known' }));
  it('refuses another receipt with a number that it knows', () =>
    expect(decide({ number: 5 }, 'other')).toMatchObject({ do: 'refuse' }));
  it('refuses one that speaks for another site', () =>
    expect(decide({ site: 'plant8' })).toMatchObject({ do: 'refuse', why: expect.stringContaining('plant8') }));
  it('refuses one that is for another exporter', () =>
    expect(decide({ exporter: 'x0000000000000002' })).toMatchObject({ do: 'refuse' }));
  const listed = (sequence: number): Partial<Receipt> => ({
    bundles: [{ sequence, sha256: digest('m'), state: 'published', code: null }],
  });
  const offers = (name: string, snapshot: number | null, offered: number | null): Partial<Receipt> => ({
    repositories: [{ name, state: 'published', snapshot, offered }],
  });
  it.each<[string, Partial<Receipt>]>([
    ['its number', { number: 5 + MOST_LEAP }],
    ['the first number of a new journal', { epoch: 'd'.repeat(32), number: MOST_LEAP }],
    ['a bundle', listed(7 + MOST_LEAP)],
    ['a published snapshot', offers('docs', 40 + MOST_LEAP, null)],
    ['an offered snapshot', offers('docs', null, 40 + MOST_LEAP)],
    ['a snapshot of what was never taken', offers('other', MOST_LEAP, MOST_LEAP)],
  ])('goes along with a restored exporter up to a bound, and refuses one above it: %s', (_says, most) => {
    expect(decide(most)).toMatchObject({ do: 'apply' });
    const above = JSON.parse(JSON.stringify(most), (key, value: unknown) =>
      ['number', 'sequence', 'snapshot', 'offered'].includes(key) && typeof value === 'number' ? value + 1 : value,
    ) as Partial<Receipt>;
    expect(decide(above)).toMatchObject({ do: 'refuse' });
  });

  it('takes the first receipt of a site as no new journal', () =>
    expect(decide({ number: 1 }, 'one', { ...site, epoch: null, number: null, receipt: null })).toEqual({
      do: 'apply',
      newEpoch: false,
    }));
});

describe('settle', () => {
  const known = new Map(
    [1, 2, 3].map((sequence) => [sequence, { sequence, manifest: digest(`m${sequence}`), road: 'road' as const }]),
  );
  const listed = (
    sequence: number,
    state: RepositoryState,
    manifest = `m${sequence}`,
    code: Receipt['bundles'][number]['code'] = null,
  ) => ({
    sequence,
    sha256: digest(manifest),
    state,
    code,
  });

  it('settles what the site is done with, and lets the rest travel', () => {
    const bundles = [listed(1, 'published'), listed(2, 'receiving'), listed(3, 'refused', 'm3', 'EXPIRED')];
    expect(settle(receipt({ bundles }), known)).toEqual({
      settled: [
        { sequence: 1, says: 'published' },
        { sequence: 3, says: 'refused: EXPIRED' },
      ],
      forks: [],
      after: 3,
    });
  });

  it('tells a number that has another digest, and believes nothing about it', () => {
    expect(settle(receipt({ bundles: [listed(1, 'published', 'stranger')] }), known)).toEqual({
      settled: [],
      forks: [1],
      after: 0,
    });
  });

  it('ignores numbers that this ledger does not know', () => {
    expect(settle(receipt({ bundles: [listed(9, 'published')] }), known)).toEqual({ settled: [], forks: [], after: 0 });
  });
});
