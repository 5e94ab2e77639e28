/** What a second bundle bears, read from its volumes and not from what the exporter says about it. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { addVersion } from './support/npm-repository.ts';
import { Pair } from './support/pair.ts';
import { Dice, seededBytes } from './support/seeded.ts';
import { differences, digestsBelow, plant } from './support/trees.ts';
import { filesCarriedBy } from './support/volumes.ts';

let pair: Pair | undefined;
afterEach(async () => {
  await pair?.remove();
  pair = undefined;
});

const isMetadata = (path: string): boolean => path.endsWith('package.json');
const digests = (files: readonly { sha256: string }[]): string[] => files.map((file) => file.sha256).toSorted();
const sorted = (set: Iterable<string>): string[] => [...set].toSorted();

describe('a second bundle', () => {
  test('bears the new content and the whole metadata, and no other content', async () => {
    pair = await Pair.create({ name: 'delta', repositories: { npm: 'npm' } });
    const source = pair.source('npm');
    for (let n = 0; n < 12; n += 1) {
      const json = { name: n % 3 === 0 ? `@scope/p${n}` : `p${n}`, version: '1.0.0' };
      addVersion(source, json, seededBytes(`${json.name} 1`, 50_000 + n * 1000));
    }
    plant(source, { '.verdaccio-db.json': '{"secret":"never"}' });
    const first = await pair.export();
    expect(digests(await filesCarriedBy(first.folder))).toEqual(
      sorted(digestsBelow(source, (path) => path !== '.verdaccio-db.json')),
    );
    await pair.published();
    const old = digestsBelow(source, (path) => path.endsWith('.tgz'));

    addVersion(source, { name: 'p1', version: '1.1.0' }, seededBytes('p1 1.1', 70_000));
    addVersion(source, { name: 'brand-new', version: '0.0.1' }, seededBytes('brand-new', 5_000_000));
    const second = await pair.export();
    const carried = await filesCarriedBy(second.folder);
    const fresh = sorted(digestsBelow(source, (path) => path.endsWith('.tgz'))).filter((digest) => !old.has(digest));
    expect(digests(carried.filter((file) => file.role !== 'metadata'))).toEqual(fresh);
    expect(digests(carried.filter((file) => file.role === 'metadata'))).toEqual(
      sorted(digestsBelow(source, isMetadata)),
    );
    await pair.published();
    expect(differences(source, pair.target('npm'), (path) => path !== '.verdaccio-db.json')).toEqual([]);
  });

  test('bears no bytes for moved, copied and swapped files', async () => {
    pair = await Pair.create({ name: 'moves' });
    const source = pair.source();
    const dice = new Dice('moves');
    plant(source, {
      'a/moved': seededBytes('moved', 3_000_000),
      'a/copied': seededBytes('copied', 100_000),
      'swap/left': seededBytes('left', 200_000),
      'swap/right': seededBytes('right', 200_000 + dice.below(1000)),
      'round/1': 'one',
      'round/2': 'two',
      'round/3': 'three',
      stays: 'stays',
    });
    await pair.export();
    await pair.published();

    plant(source, { 'b/x': { folder: true }, 'copies/a b/ü': seededBytes('copied', 100_000) });
    const rename = (from: string, to: string): void => renameSync(join(source, from), join(source, to));
    rename('a/moved', 'b/x/moved elsewhere');
    rename('swap/left', 'swap/tmp');
    rename('swap/right', 'swap/left');
    rename('swap/tmp', 'swap/right');
    rename('round/1', 'round/tmp');
    rename('round/2', 'round/1');
    rename('round/3', 'round/2');
    rename('round/tmp', 'round/3');
    const second = await pair.export();
    expect(await filesCarriedBy(second.folder)).toEqual([]);
    await pair.published();
    const target = pair.target();
    // what the inventory no longer names is not pruned by default, so the moved file's old path may remain
    expect(differences(source, target).filter((line) => !line.startsWith('a/moved: wanted nothing'))).toEqual([]);
  });

  test('is not made when nothing changed', async () => {
    pair = await Pair.create({ name: 'same' });
    plant(pair.source(), { a: 'a' });
    await pair.export();
    await pair.published();
    const again = await pair.near('export');
    expect(again.status).toBe(0);
    // the confirmed bundle 1 may have been tidied away from the carrier, but there is no bundle 2
    expect(pair.bundles().filter((bundle) => bundle.sequence > 1)).toEqual([]);
  });

  test('bears everything with --full', async () => {
    pair = await Pair.create({ name: 'full' });
    plant(pair.source(), { a: 'a', 'b/c': seededBytes('c', 10_000), twin: 'a' });
    await pair.export();
    await pair.published();
    const second = await pair.export('--full');
    expect(digests(await filesCarriedBy(second.folder))).toEqual(sorted(digestsBelow(pair.source())));
  });
});
