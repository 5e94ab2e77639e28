/** The tools of these tests themselves: a test that cannot fail proves nothing. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { APT_TOOLS, AptRepository, fetchWithApt } from './support/apt-repository.ts';
import { run, waitUntil } from './support/commands.ts';
import { cutFile, cutLengths, flipByte } from './support/damage.ts';
import { LoopStick, noStick } from './support/loop-stick.ts';
import { needs, testIf } from './support/needs.ts';
import { installFrom, NpmRepository, serveRegistry } from './support/npm-repository.ts';
import { brokenLinks } from './support/pair.ts';
import { seededBytes, sha256 } from './support/seeded.ts';
import { differences, plant, removeFolder, snapshotOf, tempFolder } from './support/trees.ts';

let work = '';
beforeAll(() => {
  work = tempFolder('support');
});
afterAll(() => removeFolder(work));

test('comparing trees sees bytes, links, exec bits, empty folders and strangers, and leaves .gapferry out', () => {
  const [left, right] = [join(work, 'left'), join(work, 'right')];
  const both = { a: 'a', 'd/x': { exec: 'x' }, 'd/l': { link: '../a' }, e: { folder: true } } as const;
  plant(left, both);
  plant(right, { ...both, '.gapferry/staging/1': 'own' });
  expect(differences(left, right)).toEqual([]);
  plant(right, { a: 'b', f: 'more' });
  chmodSync(join(right, 'd/x'), 0o644);
  plant(right, { 'd/l': { link: '../f' } });
  writeFileSync(join(right, 'e', 'filled'), '');
  expect(differences(left, right).map((line) => line.split(':')[0])).toEqual(['a', 'd/l', 'd/x', 'e', 'e/filled', 'f']);
});

test('a snapshot sees a file that was written again with the same bytes', () => {
  const root = join(work, 'snapshot');
  plant(root, { 'a/b': 'same' });
  const before = snapshotOf(root);
  expect(snapshotOf(root)).toBe(before);
  removeFolder(join(root, 'a/b'));
  plant(root, { 'a/b': 'same' });
  expect(snapshotOf(root)).not.toBe(before);
});

test('damage changes one byte or the length, and mends it', () => {
  const file = join(work, 'damaged');
  const good = seededBytes('damage', 1000);
  writeFileSync(file, good);
  const mendByte = flipByte(file, 500, 3);
  expect(readFileSync(file).findIndex((byte, n) => byte !== good[n])).toBe(500);
  mendByte();
  expect(readFileSync(file).equals(good)).toBe(true);
  const mendLength = cutFile(file, 10);
  expect(statSync(file).size).toBe(10);
  mendLength();
  expect(readFileSync(file).equals(good)).toBe(true);
  expect(cutLengths(1000, 20)).toHaveLength(20);
  expect(cutLengths(3, 20)).toEqual([0, 1, 2]);
});

test('the hash chain of an audit log is read without the product', () => {
  const first = JSON.stringify({ event: 'a', prev: '' });
  const second = JSON.stringify({ event: 'b', prev: sha256(first) });
  expect(brokenLinks([first, second])).toEqual([]);
  expect(brokenLinks([first.replace('a', 'x'), second])).toEqual([2]);
});

test('waiting ends at its deadline', async () => {
  await expect(waitUntil('never', 100, () => false)).rejects.toThrow('not within 100 ms: never');
});

test('a program that hangs is killed and named', async () => {
  await expect(run(process.execPath, ['-e', 'setTimeout(() => {}, 60000)'], { limitMs: 300 })).rejects.toThrow(
    '300 ms',
  );
});

needs(...APT_TOOLS)(
  'the APT repository maker satisfies apt-get, and apt-get notices a changed package',
  async () => {
    const root = join(work, 'mirror');
    const repository = await AptRepository.create(root, join(work, 'apt-work'));
    try {
      await repository.make({ name: 'one', version: '1.0', bytes: 5000 });
      await repository.publish();
      const fetched = await fetchWithApt(root, repository.keyring, work, ['one']);
      expect(Object.keys(fetched.packages).join()).toMatch(/^one_1\.0_/);
      const deb = join(root, repository.pool()[0] ?? '');
      const mend = flipByte(deb, statSync(deb).size - 1, 1);
      await expect(fetchWithApt(root, repository.keyring, work, ['one'])).rejects.toThrow(/[Hh]ash/);
      mend();
      const index = join(root, 'dists/stable/InRelease');
      const text = readFileSync(index, 'utf8');
      writeFileSync(index, text.replace('Origin: Gapferry', 'Origin: Gapferrz'));
      await expect(fetchWithApt(root, repository.keyring, work, ['one'])).rejects.toThrow(
        /signature|BADSIG|not signed/i,
      );
    } finally {
      await repository.close();
    }
  },
  60_000,
);

needs('npm')(
  'the npm repository maker satisfies npm, and npm notices a changed tarball',
  async () => {
    const root = join(work, 'storage');
    const repository = new NpmRepository(root, join(work, 'npm-work'));
    await repository.add('cross-spawn');
    await repository.update('isexe', '99.0.0');
    const registry = await serveRegistry(root);
    try {
      await installFrom(registry, join(work, 'client'), ['cross-spawn']);
      expect(readdirSync(join(work, 'client/node_modules'))).toContain('which');
      const tarball = join(root, 'which', readdirSync(join(root, 'which')).find((name) => name.endsWith('.tgz')) ?? '');
      flipByte(tarball, 100, 1);
      await expect(installFrom(registry, join(work, 'client2'), ['cross-spawn'])).rejects.toThrow(/EINTEGRITY/);
      await expect(installFrom(registry, join(work, 'client3'), ['left-pad'])).rejects.toThrow(/404/);
    } finally {
      await registry.close();
    }
  },
  120_000,
);

for (const filesystem of ['ext4', 'exfat'] as const) {
  testIf(noStick(filesystem))(`a loop-mounted ${filesystem} stick keeps what was written to it`, async () => {
    const at = join(work, `mnt-${filesystem}`);
    mkdirSync(at);
    const stick = LoopStick.make(join(work, `${filesystem}.img`), 16, filesystem);
    try {
      stick.plugIn(at);
      writeFileSync(join(at, 'kept'), 'kept');
      await stick.pullOut();
      expect(readdirSync(at)).toEqual([]);
      stick.plugIn(at);
      expect(existsSync(join(at, 'kept'))).toBe(true);
      await stick.pullOut();
    } finally {
      await stick.remove();
    }
  });
}
