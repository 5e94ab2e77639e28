/** Bundles that went through the hands of people: copied by a file manager, renamed, with strangers' files, in pieces. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { withStatus } from './support/commands.ts';
import { type BundleOnMedium, Pair } from './support/pair.ts';
import { seededBytes } from './support/seeded.ts';
import { differences, plant, snapshotOf } from './support/trees.ts';
import { volumesOf } from './support/volumes.ts';

let pair: Pair;
let bundle: BundleOnMedium;

beforeEach(async () => {
  pair = await Pair.create({ name: 'by-hand', near: { 'bundle.volumeBytes': 8 * 1024 * 1024 } });
  plant(pair.source(), {
    'big/one': seededBytes('one', 7_000_000),
    'big/two': seededBytes('two', 7_000_000),
    'big/three': seededBytes('three', 11_000_000),
    small: 'small',
  });
  bundle = await pair.export();
});
afterEach(() => pair.remove());

test('a renamed bundle folder with strangers in it is taken, and nothing of the strangers is removed', async () => {
  const renamed = join(bundle.folder, '..', 'Copy of bundle (2)');
  renameSync(bundle.folder, renamed);
  plant(renamed, { 'scan-report.html': 'clean', '.DS_Store': 'x', 'System Volume Information/y': 'y' });
  const outcome = await pair.published();
  expect(differences(pair.source(), pair.target())).toEqual([]);
  expect(outcome.stdout + outcome.stderr).toContain('scan-report.html');
  expect(existsSync(join(renamed, 'scan-report.html'))).toBe(true);
  expect(existsSync(join(renamed, 'System Volume Information/y'))).toBe(true);
});

test('the folder of a bundle may be named on the command line', async () => {
  const elsewhere = join(pair.root, 'downloads', basename(bundle.folder));
  cpSync(bundle.folder, elsewhere, { recursive: true });
  pair.takeAway(bundle);
  withStatus(await pair.import(elsewhere), 0);
  expect(differences(pair.source(), pair.target())).toEqual([]);
});

test('each volume may be late: waiting for it, nothing published, and it completes when it comes', async () => {
  const volumes = volumesOf(bundle.folder);
  expect(volumes.length).toBeGreaterThanOrEqual(4);
  const late = join(pair.root, 'late');
  mkdirSync(late);
  const before = snapshotOf(pair.target());
  for (const volume of volumes.slice(1)) renameSync(join(bundle.folder, volume), join(late, volume));
  for (const volume of volumes.slice(1)) {
    const waiting = withStatus(await pair.import(), 5);
    expect(waiting.stdout + waiting.stderr).toMatch(/waiting/);
    expect(snapshotOf(pair.target())).toBe(before);
    renameSync(join(late, volume), join(bundle.folder, volume));
  }
  await pair.published();
  expect(differences(pair.source(), pair.target())).toEqual([]);
});

test('the volumes may come one by one, each on a medium of its own', async () => {
  const volumes = volumesOf(bundle.folder).slice(1);
  const late = join(pair.root, 'late');
  mkdirSync(late);
  for (const volume of volumes) renameSync(join(bundle.folder, volume), join(late, volume));
  for (const [n, volume] of volumes.entries()) {
    renameSync(join(late, volume), join(bundle.folder, volume));
    withStatus(await pair.import(), n === volumes.length - 1 ? 0 : 5);
    rmSync(join(bundle.folder, volume)); // carried away again: what was verified stays with the site
  }
  expect(differences(pair.source(), pair.target())).toEqual([]);
});

test('a bundle without its signature is still being written: nothing happens, nothing is said to be wrong', async () => {
  renameSync(join(bundle.folder, 'manifest.json.minisig'), join(pair.root, 'signature'));
  const outcome = await pair.import();
  expect([0, 5]).toContain(outcome.status);
  expect(readdirSync(pair.target()).filter((name) => name !== '.gapferry')).toEqual([]);
  renameSync(join(pair.root, 'signature'), join(bundle.folder, 'manifest.json.minisig'));
  await pair.published();
  expect(differences(pair.source(), pair.target())).toEqual([]);
});

test('a carrier with nothing for us is no error', async () => {
  pair.takeAway(bundle);
  writeFileSync(join(pair.nearCarrier, 'holiday.jpg'), 'x');
  const outcome = await pair.import();
  expect([0, 5]).toContain(outcome.status);
  expect(existsSync(join(pair.nearCarrier, 'holiday.jpg'))).toBe(true);
});
