import { describe, expect, it } from '@jest/globals';
import { estimateBytes } from '../src/plan/estimate.ts';
import { groupSites } from '../src/plan/groups.ts';
import { needOf, type NeedQuestion } from '../src/plan/need.ts';
import { beliefName, isOverdue, roadOf } from '../src/plan/road.ts';
import type { SentBundle } from '../src/ledger/bundles.ts';

const DAY = 86_400_000;
const now = new Date('2026-11-20T00:00:00Z');
const daysAgo = (days: number): string => new Date(now.getTime() - days * DAY).toISOString();
const sent = (sequence: number, road: SentBundle['road'], days: number, snapshot = sequence): SentBundle => ({
  sequence,
  road,
  since: daysAgo(days),
  repositories: [{ name: 'docs', snapshot }],
});

describe('roadOf', () => {
  const bundles = [
    sent(1, 'settled', 40),
    sent(2, 'lost', 30),
    sent(3, 'road', 15),
    sent(4, 'road', 14),
    sent(5, 'road', 0),
  ];
  it.each([
    // exactly 14 days old is not yet overdue
    ['acknowledged', [4, 5]],
    ['sent', [1, 3, 4, 5]],
    ['full', []],
  ] as const)('basis %s counts %j', (basis, expected) =>
    expect(roadOf(bundles, { basis, now, overdueMs: 14 * DAY })).toEqual(expected),
  );

  it('never calls a bundle overdue that was answered', () => {
    expect(isOverdue(sent(1, 'settled', 400), now, DAY)).toBe(false);
    expect(isOverdue(sent(1, 'road', 2), now, DAY)).toBe(true);
  });

  it('names a belief by what it rests on', () => {
    const site = { epoch: 'e', number: 3 };
    expect(beliefName([1], site)).toBe(beliefName([1], site));
    expect(
      new Set([
        beliefName([1], site),
        beliefName([1, 2], site),
        beliefName([1], { ...site, number: 4 }),
        beliefName([1], { ...site, epoch: 'f' }),
      ]).size,
    ).toBe(4);
  });
});

describe('needOf', () => {
  const question = (more: Partial<NeedQuestion> & { bundles?: SentBundle[]; offered?: number }): NeedQuestion => ({
    full: false,
    lacking: false,
    sites: [
      {
        bundles: more.bundles ?? [sent(3, 'road', 1)],
        offered: new Map(more.offered === undefined ? [] : [['docs', more.offered]]),
      },
    ],
    snapshots: new Map([['docs', 3]]),
    now,
    overdueMs: 14 * DAY,
    renewAfterMs: 30 * DAY,
    ...more,
  });
  it.each<[string, NeedQuestion, ReturnType<typeof needOf>['why']]>([
    ['nothing was ever sent', question({ bundles: [] }), 'first'],
    ['the only bundle was lost', question({ bundles: [sent(3, 'lost', 1)] }), 'first'],
    ['the only bundle is overdue', question({ bundles: [sent(3, 'road', 20)] }), 'first'],
    ['the site adopted, and nothing was ever sent', question({ bundles: [], offered: 0 }), 'metadata'],
    ['objects are lacking', question({ lacking: true }), 'objects'],
    ['a newer snapshot', question({ bundles: [sent(2, 'road', 1)] }), 'metadata'],
    [
      'the newest snapshot was in a lost bundle',
      question({ bundles: [sent(2, 'settled', 1), sent(3, 'lost', 1)] }),
      'metadata',
    ],
    [
      'the site says that it was offered',
      question({ bundles: [sent(2, 'settled', 1), sent(3, 'lost', 1)], offered: 3 }),
      'nothing changed',
    ],
    ['the last one grows old', question({ bundles: [sent(3, 'settled', 31)] }), 'renewal'],
    ['nothing changed', question({ bundles: [sent(3, 'settled', 29)] }), 'nothing changed'],
    ['asked for everything', question({ full: true }), 'asked'],
  ])('%s', (_says, asked, why) => expect(needOf(asked)).toEqual({ make: why !== 'nothing changed', why }));

  it('makes a bundle when one of two sites needs it', () => {
    const sites = [
      { bundles: [sent(3, 'road', 1)], offered: new Map<string, number>() },
      { bundles: [], offered: new Map<string, number>() },
    ];
    expect(needOf({ ...question({}), sites })).toEqual({ make: true, why: 'first' });
  });
});

describe('groupSites', () => {
  it('lets sites share a bundle only when they carry the same repositories', () => {
    expect(
      groupSites([
        { site: 'a', repositories: ['x', 'y'] },
        { site: 'b', repositories: ['x'] },
        { site: 'c', repositories: ['y', 'x'] },
      ]),
    ).toEqual([
      { sites: ['a', 'c'], repositories: ['x', 'y'] },
      { sites: ['b'], repositories: ['x'] },
    ]);
  });
});

describe('estimateBytes', () => {
  it('is above data, names and inventory together', () => {
    const totals = { objects: 1000, bytes: 5e9, nameBytes: 90_000 };
    expect(estimateBytes(totals, 250_000)).toBeGreaterThan(
      5e9 + 1000 * 200 + 90_000 * 3 + 250_000 + (5e9 / 4194304) * 65,
    );
    expect(estimateBytes({ objects: 0, bytes: 0, nameBytes: 0 }, 0)).toBeGreaterThan(0);
  });
});
