import { expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { insideFolder } from '../../src/files/inside.ts';
import {
  listFolders,
  listNames,
  openIfThere,
  openRegular,
  readBounded,
  readBoundedIfThere,
} from '../../src/files/safe-open.ts';
import { temporaryFolder, thrownBy } from '../temporary.ts';

const posix = process.platform === 'win32' ? test.skip : test;

posix('opens neither link, pipe, folder, device nor socket, and never waits', async () => {
  const folder = temporaryFolder();
  symlinkSync('/etc/hostname', join(folder, 'link'));
  symlinkSync('nowhere', join(folder, 'dangling'));
  mkdirSync(join(folder, 'folder'));
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  const server = createServer().listen(join(folder, 'socket'));
  await new Promise((resolve) => server.once('listening', resolve));
  try {
    for (const name of ['link', 'dangling', 'pipe', 'folder', 'socket']) {
      expect([name, thrownBy(() => openRegular(join(folder, name)))]).toMatchObject([
        name,
        { code: 'NOT_A_REGULAR_FILE' },
      ]);
    }
  } finally {
    server.close();
  }
  expect(thrownBy(() => openRegular('/dev/null'))).toMatchObject({ code: 'NOT_A_REGULAR_FILE' });
});

test('reads a small file whole', () => {
  const path = join(temporaryFolder(), 'file');
  writeFileSync(path, 'hello');
  expect(Buffer.from(readBounded(path, 5)).toString()).toBe('hello');
  closeSync(openRegular(path));
});

test.each([0, 1])('reads a file of %i bytes', (length) => {
  const path = join(temporaryFolder(), 'file');
  writeFileSync(path, 'x'.repeat(length));
  expect(readBounded(path, 10)).toHaveLength(length);
});

test('reads nothing of a file beyond the limit', () => {
  const path = join(temporaryFolder(), 'file');
  writeFileSync(path, 'hello!');
  expect(thrownBy(() => readBounded(path, 5))).toMatchObject({ code: 'LIMIT_MANIFEST', kind: 'refused' });
});

posix('stops at the limit of a file that says it is empty and never ends', () => {
  // /proc files have the length 0 and yet contents
  expect(thrownBy(() => readBounded('/proc/self/maps', 100))).toMatchObject({ code: 'LENGTH_MISMATCH' });
});

test('a missing file is told apart from one that cannot be read', () => {
  const folder = temporaryFolder();
  expect(readBoundedIfThere(join(folder, 'missing'), 10)).toBeUndefined();
  expect(openIfThere(join(folder, 'missing/below'))).toBeUndefined();
  mkdirSync(join(folder, 'folder'));
  expect(thrownBy(() => readBoundedIfThere(join(folder, 'folder'), 10))).toMatchObject({ code: 'NOT_A_REGULAR_FILE' });
  expect(thrownBy(() => openRegular(join(folder, 'missing')))).toMatchObject({ code: 'MEDIA_READ' });
});

posix('lists ordinary files only, sorted, and no deeper', () => {
  const folder = temporaryFolder();
  for (const name of ['b', 'a', '.hidden']) writeFileSync(join(folder, name), '');
  mkdirSync(join(folder, 'folder'));
  writeFileSync(join(folder, 'folder/below'), '');
  symlinkSync('a', join(folder, 'link'));
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  expect(listNames(folder, 100)).toEqual(['.hidden', 'a', 'b']);
  expect(listFolders(folder, 100)).toEqual(['folder']);
});

test('a missing folder is an empty one', () => {
  expect(listNames(join(temporaryFolder(), 'missing'), 1)).toEqual([]);
});

test('stops looking after so many names', () => {
  const folder = temporaryFolder();
  for (let n = 0; n < 5; n++) writeFileSync(join(folder, String(n)), '');
  expect(listNames(folder, 5)).toHaveLength(5);
  expect(thrownBy(() => listNames(folder, 4))).toMatchObject({ code: 'SCAN_LIMIT' });
  expect(thrownBy(() => listFolders(folder, 4))).toMatchObject({ code: 'SCAN_LIMIT' });
});

posix('a folder that is a link is not a way into another place', () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'outside/bundles'), { recursive: true });
  mkdirSync(join(folder, 'medium/real'), { recursive: true });
  symlinkSync('../outside', join(folder, 'medium/gapferry'));
  const medium = join(folder, 'medium');
  expect(thrownBy(() => insideFolder(medium, 'gapferry/bundles'))).toMatchObject({ code: 'NOT_A_REGULAR_FILE' });
  expect(thrownBy(() => insideFolder(medium, 'gapferry'))).toMatchObject({ code: 'NOT_A_REGULAR_FILE' });
  expect(insideFolder(medium, 'real')).toBe(join(medium, 'real'));
  expect(insideFolder(medium, 'missing/below/it')).toBe(join(medium, 'missing/below/it'));
});

test.each(['../x', '/x', 'a//b', 'a/./b', ''])('%j is no path below a folder', (path) => {
  expect(thrownBy(() => insideFolder(temporaryFolder(), path))).toMatchObject({ kind: 'usage' });
});

test('a file in the place of a folder ends the way', () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'file'), '');
  expect(insideFolder(folder, 'file')).toBe(join(folder, 'file'));
  expect(thrownBy(() => insideFolder(folder, 'file/below'))).toMatchObject({ code: 'NOT_A_REGULAR_FILE' });
});
