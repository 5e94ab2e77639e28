/** A site that already holds most of it. */
import { afterEach, expect, test } from '@jest/globals';
import { withStatus } from './support/commands.ts';
import { Pair } from './support/pair.ts';
import { seededBytes, sha256 } from './support/seeded.ts';
import { differences, plant, snapshotOf } from './support/trees.ts';
import { filesCarriedBy } from './support/volumes.ts';

let pair: Pair | undefined;
afterEach(async () => {
  await pair?.remove();
  pair = undefined;
});

test('after adopt, the first bundle to a target that holds 90 % bears only the rest', async () => {
  pair = await Pair.create({ name: 'adopt' });
  const all = Array.from({ length: 100 }, (_, n) => ({
    path: `${n % 9}/file ${n}`,
    bytes: seededBytes(`adopt ${n}`, 1000 + n * 500),
  }));
  const lacking = all.filter((_, n) => n % 10 === 3);
  const held = all.filter((_, n) => n % 10 !== 3);
  plant(pair.source(), Object.fromEntries(all.map(({ path, bytes }) => [path, bytes])));
  // one of the held ones lies elsewhere: what counts is bytes, not paths
  plant(pair.target(), Object.fromEntries(held.map(({ path, bytes }, n) => [n === 5 ? 'elsewhere/x' : path, bytes])));
  const before = snapshotOf(pair.target());

  withStatus(await pair.far.run('adopt'), 0);
  expect(snapshotOf(pair.target())).toBe(before);
  expect(pair.receipts().length).toBeGreaterThanOrEqual(1);

  const bundle = await pair.export();
  const carried = (await filesCarriedBy(bundle.folder)).map((file) => file.sha256).toSorted();
  expect(carried).toEqual(lacking.map(({ bytes }) => sha256(bytes)).toSorted());
  await pair.published();
  const left = differences(pair.source(), pair.target());
  expect(left.filter((line) => !line.startsWith('elsewhere/x: wanted nothing'))).toEqual([]);
});

test('an adopted file that is changed afterwards counts as missing: waiting, never published wrongly', async () => {
  pair = await Pair.create({ name: 'adopt-changed' });
  plant(pair.source(), { a: 'good a', b: 'good b' });
  plant(pair.target(), { a: 'good a' });
  withStatus(await pair.far.run('adopt'), 0);
  const bundle = await pair.export();
  expect((await filesCarriedBy(bundle.folder)).map((file) => file.path)).toEqual(['b']);
  plant(pair.target(), { a: 'evil a' });
  const waiting = await pair.import();
  expect(waiting.status).toBe(5);
  await pair.export();
  await pair.published();
  expect(differences(pair.source(), pair.target())).toEqual([]);
});
