/** Late and repeated bundles do no harm. */
import { afterEach, expect, test } from '@jest/globals';
import { Pair } from './support/pair.ts';
import { differences, plant, snapshotOf } from './support/trees.ts';

let pair: Pair | undefined;
afterEach(async () => {
  await pair?.remove();
  pair = undefined;
});

test('an older bundle after a newer one is superseded: exit 0, nothing changes', async () => {
  pair = await Pair.create({ name: 'late' });
  plant(pair.source(), { a: 'first', b: 'b' });
  const first = pair.takeAway(await pair.export());
  plant(pair.source(), { a: 'second', c: 'c' });
  await pair.export('--full');
  await pair.published();
  expect(differences(pair.source(), pair.target())).toEqual([]);
  const before = snapshotOf(pair.target());

  for (const bundle of pair.bundles()) pair.takeAway(bundle);
  pair.putBack(first);
  const late = await pair.import();
  expect(late.status).toBe(0);
  expect(late.stdout).toMatch(/superseded/);
  expect(snapshotOf(pair.target())).toBe(before);
});

test('an older bundle after a newer one, both on one medium, changes nothing either', async () => {
  pair = await Pair.create({ name: 'late-both' });
  plant(pair.source(), { a: 'first' });
  const first = pair.takeAway(await pair.export());
  plant(pair.source(), { a: 'second' });
  await pair.export('--full');
  pair.putBack(first);
  await pair.published();
  expect(differences(pair.source(), pair.target())).toEqual([]);
  const published = pair.far.audit.filter((line) => /"event":"[^"]*published/.test(line));
  expect(published).toHaveLength(1); // the newest complete snapshot alone
});

test('a second import of the same changes nothing, says so, and adds no second publication', async () => {
  pair = await Pair.create({ name: 'twice' });
  plant(pair.source(), { a: 'a', 'b/c': { exec: 'c' }, l: { link: 'a' } });
  await pair.export();
  const first = await pair.published();
  const before = snapshotOf(pair.target());
  const published = (): number => pair?.far.audit.filter((line) => /"event":"[^"]*published/.test(line)).length ?? -1;
  expect(published()).toBe(1);
  const second = await pair.import();
  expect(second.status).toBe(0);
  expect(second.stdout).toMatch(/nothing|already|unchanged|superseded/i);
  expect(second.stdout).not.toBe(first.stdout);
  expect(snapshotOf(pair.target())).toBe(before);
  expect(published()).toBe(1);
});
