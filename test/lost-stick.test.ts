/** One lost stick breaks nothing. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { digestsIn, withStatus } from './support/commands.ts';
import { Pair } from './support/pair.ts';
import { seededBytes, sha256 } from './support/seeded.ts';
import { differences, plant, snapshotOf } from './support/trees.ts';
import { filesCarriedBy } from './support/volumes.ts';

let pair: Pair | undefined;
afterEach(async () => {
  await pair?.remove();
  pair = undefined;
});

const carriedDigests = async (folder: string): Promise<string[]> =>
  (await filesCarriedBy(folder)).map((file) => file.sha256).toSorted();

describe('bundle 2 never arrives', () => {
  test('what is on the road is not sent twice, until `medium lost` makes bundle 3 bring everything', async () => {
    pair = await Pair.create({ name: 'lost' });
    plant(pair.source(), { a: 'a' });
    await pair.export();
    await pair.published();
    plant(pair.source(), { lost: seededBytes('lost', 5000) });
    const second = await pair.export();
    pair.takeAway(second);
    plant(pair.source(), { third: 'third' });
    withStatus(await pair.near('medium lost', String(second.sequence)), 0);
    const third = await pair.export();
    expect(await carriedDigests(third.folder)).toEqual([sha256(seededBytes('lost', 5000)), sha256('third')].toSorted());
    await pair.published();
    expect(differences(pair.source(), pair.target())).toEqual([]);
  });

  test('without that word bundle 3 bears only what is new, waits, and the receipt brings the rest', async () => {
    pair = await Pair.create({ name: 'road' });
    plant(pair.source(), { a: 'a' });
    await pair.export();
    await pair.published();
    plant(pair.source(), { lost: 'lost on the road' });
    pair.takeAway(await pair.export());
    plant(pair.source(), { third: 'third' });
    const third = await pair.export();
    expect(await carriedDigests(third.folder)).toEqual([sha256('third')]);
    const before = snapshotOf(pair.target());
    expect((await pair.import()).status).toBe(5);
    expect(snapshotOf(pair.target())).toBe(before);
    const fourth = await pair.export();
    expect(await carriedDigests(fourth.folder)).toEqual([sha256('lost on the road')]);
    await pair.published();
    expect(differences(pair.source(), pair.target())).toEqual([]);
  });

  test('with basis: sent, bundle 3 waits, `missing` lists exactly the lost objects, and the export after that receipt brings them', async () => {
    pair = await Pair.create({ name: 'sent', near: { 'bundle.basis': 'sent' } });
    plant(pair.source(), { a: 'a', 'd/changes': 'old' });
    await pair.export();
    await pair.published();

    const lost = { 'lost/1': seededBytes('l1', 100_000), 'lost/2': seededBytes('l2', 10), 'd/changes': 'new' };
    plant(pair.source(), lost);
    pair.takeAway(await pair.export());
    plant(pair.source(), { third: 'third' });
    const third = await pair.export();
    expect(await carriedDigests(third.folder)).toEqual([sha256('third')]);

    const before = snapshotOf(pair.target());
    const waiting = await pair.import();
    expect(waiting.status).toBe(5);
    expect(waiting.stdout).toMatch(/waiting/);
    expect(snapshotOf(pair.target())).toBe(before);
    const missing = withStatus(await pair.far.run('missing'), 0, 5);
    expect(digestsIn(missing.stdout).toSorted()).toEqual(Object.values(lost).map(sha256).toSorted());
    // asking again changes nothing
    expect((await pair.import()).status).toBe(5);
    expect(snapshotOf(pair.target())).toBe(before);

    const fourth = await pair.export();
    expect(await carriedDigests(fourth.folder)).toEqual(Object.values(lost).map(sha256).toSorted());
    await pair.published();
    expect(differences(pair.source(), pair.target())).toEqual([]);
    expect(digestsIn((await pair.far.run('missing')).stdout)).toEqual([]);
  }, 90_000);

  test('it may still come, late, and completes what waited', async () => {
    pair = await Pair.create({ name: 'late-completes', near: { 'bundle.basis': 'sent' } });
    plant(pair.source(), { a: 'a' });
    await pair.export();
    await pair.published();
    plant(pair.source(), { b: 'b' });
    const second = pair.takeAway(await pair.export());
    plant(pair.source(), { c: 'c' });
    await pair.export();
    expect((await pair.import()).status).toBe(5);
    pair.putBack(second);
    withStatus(await pair.import(), 0);
    expect(differences(pair.source(), pair.target())).toEqual([]);
  });
});

test('of two repositories in one bundle, the one that lacks nothing is published', async () => {
  pair = await Pair.create({
    name: 'two',
    repositories: { left: 'tree', right: 'tree' },
    near: { 'bundle.basis': 'sent' },
  });
  plant(pair.source('left'), { a: 'a' });
  plant(pair.source('right'), { a: 'A' });
  await pair.export();
  await pair.published();
  plant(pair.source('left'), { lost: 'lost' });
  pair.takeAway(await pair.export());
  plant(pair.source('left'), { b: 'b' });
  plant(pair.source('right'), { b: 'B' });
  await pair.export();
  const before = snapshotOf(pair.target('left'));
  expect((await pair.import()).status).toBe(5);
  expect(snapshotOf(pair.target('left'))).toBe(before);
  expect(differences(pair.source('right'), pair.target('right'))).toEqual([]);
});
