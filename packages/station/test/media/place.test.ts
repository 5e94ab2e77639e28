import { afterEach, expect, test } from '@jest/globals';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DirectReader, DirectWriter } from '../../src/files/direct.ts';
import { writeDurably } from '../../src/files/durable.ts';
import { openRegular } from '../../src/files/safe-open.ts';
import { mountAt } from '../../src/media/mounts.ts';
import { findPlace, requirePlace, requireSame } from '../../src/media/place.ts';
import { temporaryFolder, thrownBy } from '../temporary.ts';
import { hasTool, type LoopMount, mountLoop, whyNoMounts } from './loop.ts';

test('a folder serves as a place without a mount', () => {
  const path = temporaryFolder();
  expect(requirePlace({ kind: 'folder', path })).toMatchObject({ path, readOnly: false });
});

test('a medium that is only an ordinary folder is refused', () => {
  const path = temporaryFolder();
  expect(thrownBy(() => requirePlace({ kind: 'medium', path }))).toMatchObject({ code: 'NOT_MOUNTED' });
  expect(findPlace({ kind: 'medium', path })).toBeUndefined();
});

test.each(['missing', 'file'])('a place that is %s is not mounted', (name) => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'file'), '');
  expect(thrownBy(() => requirePlace({ kind: 'folder', path: join(folder, name) }))).toMatchObject({
    code: 'NOT_MOUNTED',
  });
});

test('another folder at the same path is not the same place', () => {
  const path = join(temporaryFolder(), 'share');
  mkdirSync(path);
  const before = requirePlace({ kind: 'folder', path });
  expect(requireSame(before).identity).toBe(before.identity);
  const missing = { ...before, place: { kind: 'folder', path: `${path}-2` } } as const;
  expect(thrownBy(() => requireSame(missing))).toMatchObject({ code: 'MEDIA_GONE' });
});

const reason = whyNoMounts();
const real = reason === undefined ? test : test.skip;
const suffix = reason === undefined ? '' : ` (${reason})`;

let mounted: LoopMount | undefined;
afterEach(() => {
  mounted?.unmount();
  mounted = undefined;
});
const mounting = (...args: Parameters<typeof mountLoop>): LoopMount => {
  mounted = mountLoop(...args);
  if (mounted === undefined) throw new Error('no loop device could be mounted here');
  return mounted;
};

real(`a mounted filesystem is a medium, also with a blank in its path${suffix}`, () => {
  const { path } = mounting(temporaryFolder());
  const presence = requirePlace({ kind: 'medium', path });
  expect(presence).toMatchObject({ path, fsType: 'ext4', readOnly: false });
  expect(presence.freeBytes).toBeGreaterThan(1_000_000);
  expect(presence.freeBytes).toBeLessThan(17_000_000);
  expect(mountAt(path)?.path).toBe(path);
});

real(`a folder within a medium is no medium${suffix}`, () => {
  const { path } = mounting(temporaryFolder());
  mkdirSync(join(path, 'gapferry'));
  expect(thrownBy(() => requirePlace({ kind: 'medium', path: join(path, 'gapferry') }))).toMatchObject({
    code: 'NOT_MOUNTED',
  });
  expect(requirePlace({ kind: 'folder', path: join(path, 'gapferry') }).fsType).toBe('ext4');
});

real(`a write-protected medium says so${suffix}`, () => {
  const medium = mounting(temporaryFolder());
  expect(medium.remount('ro')).toBe(true);
  expect(requirePlace({ kind: 'medium', path: medium.path }).readOnly).toBe(true);
  expect(thrownBy(() => new DirectWriter(join(medium.path, 'file')))).toMatchObject({ code: 'MEDIA_READONLY' });
});

real(`a medium that was exchanged is not the same any more${suffix}`, () => {
  const first = mounting(temporaryFolder());
  const before = requirePlace({ kind: 'medium', path: first.path });
  first.unmount();
  expect(thrownBy(() => requireSame(before))).toMatchObject({ code: 'MEDIA_GONE' });
});

real(`a full medium says so, and what was begun can be removed${suffix}`, () => {
  const { path } = mounting(temporaryFolder());
  const file = join(path, 'large');
  const writer = new DirectWriter(file);
  expect(
    thrownBy(() => {
      for (let i = 0; i < 64; i++) writer.append(Buffer.alloc(1024 * 1024));
      writer.finish();
    }),
  ).toMatchObject({ code: 'MEDIA_FULL', kind: 'unfit' });
  writer.abandon();
  expect(readdirSync(path)).toEqual(['lost+found']);
});

const noPull = reason ?? (hasTool('python3') ? undefined : 'python3 is not installed');
const pulling = noPull === undefined ? test : test.skip;

pulling(`a pulled medium is told apart from a bad sector${noPull === undefined ? '' : ` (${noPull})`}`, () => {
  const medium = mounting(temporaryFolder());
  const file = join(medium.path, 'file');
  writeFileSync(file, 'x'.repeat(100_000));
  const reader = new DirectReader(file);
  const writer = new DirectWriter(join(medium.path, 'new'));
  expect(reader.read(new Uint8Array(10), 0)).toBe(10);
  expect(medium.pull()).toBe(true);
  writer.append(new Uint8Array(5_000_000).subarray(0, 4_000_000));
  for (const use of [
    () => writer.finish(),
    () => writeDurably(join(medium.path, 'x'), 'x', 0o600, { where: 'medium' }),
    () => openRegular(file),
  ]) {
    expect(thrownBy(use)).toMatchObject({ code: 'MEDIA_GONE' });
  }
  reader.close();
});

const FAT16 = ['mkfs.vfat', '-F', '16'] as const;
const noFat = reason ?? whyNoMounts(FAT16);
const fat = noFat === undefined ? test : test.skip;

fat(`FAT holds no file of 4 GiB, and direct writing works on it${noFat === undefined ? '' : ` (${noFat})`}`, () => {
  const { path } = mounting(temporaryFolder(), FAT16);
  expect(requirePlace({ kind: 'medium', path }).fileLimit).toBe(4_294_967_295);
  const writer = new DirectWriter(join(path, 'odd'));
  writer.append(Buffer.from('thirteen byte'));
  writer.finish();
  expect(readFileSync(join(path, 'odd'), 'utf8')).toBe('thirteen byte');
  const reader = new DirectReader(join(path, 'odd'));
  const into = new Uint8Array(20);
  expect(reader.read(into, 0)).toBe(13);
  reader.close();
});
