import { afterEach, describe, expect, test } from '@jest/globals';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  makeFolder,
  removeDurably,
  renameDurably,
  syncEach,
  syncFilesystem,
  syncFolder,
  writeDurably,
  writeNew,
} from '../../src/files/durable.ts';
import { temporaryFolder, thrownBy } from '../temporary.ts';

const mode = (path: string): number => statSync(path).mode & 0o777;
const posix = process.platform === 'win32' ? test.skip : test;

test('replaces a file as a whole and leaves no temporary file', () => {
  const folder = temporaryFolder();
  const path = join(folder, 'file');
  writeDurably(path, 'the first, long one');
  writeDurably(path, Buffer.from('the second'));
  expect(readFileSync(path, 'utf8')).toBe('the second');
  expect(readdirSync(folder)).toEqual(['file']);
});

posix('sets the mode that was asked for, whatever the umask', () => {
  const folder = temporaryFolder();
  const before = process.umask(0);
  try {
    writeDurably(join(folder, 'secret'), 'x');
    process.umask(0o077);
    writeDurably(join(folder, 'public'), 'x', 0o644);
    makeFolder(join(folder, 'a/b/c'), 0o755);
  } finally {
    process.umask(before);
  }
  expect(mode(join(folder, 'secret'))).toBe(0o600);
  expect(mode(join(folder, 'public'))).toBe(0o644);
  expect([mode(join(folder, 'a')), mode(join(folder, 'a/b/c'))]).toEqual([0o755, 0o755]);
});

test('replaces a link itself, never what it points to', () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'target'), 'untouched');
  symlinkSync(join(folder, 'target'), join(folder, 'link'));
  writeDurably(join(folder, 'link'), 'new');
  expect(readFileSync(join(folder, 'target'), 'utf8')).toBe('untouched');
  expect(readFileSync(join(folder, 'link'), 'utf8')).toBe('new');
});

test('a new file never replaces one that is there', () => {
  const folder = temporaryFolder();
  const path = join(folder, 'file');
  writeNew(path, 'first');
  expect(thrownBy(() => writeNew(path, 'second'))).toMatchObject({ code: 'ALREADY_THERE' });
  expect(readFileSync(path, 'utf8')).toBe('first');
  expect(readdirSync(folder)).toEqual(['file']);
});

test('leaves no temporary file after a failure', () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'file/full'), { recursive: true });
  expect(thrownBy(() => writeDurably(join(folder, 'file'), 'x'))).toMatchObject({ kind: 'unfit' });
  expect(readdirSync(folder)).toEqual(['file']);
});

test('calls a failure by where it happened', () => {
  const missing = join(temporaryFolder(), 'missing/file');
  expect(thrownBy(() => writeDurably(missing, 'x'))).toMatchObject({ code: 'LOCAL_IO', facts: { errno: 'ENOENT' } });
  expect(thrownBy(() => writeDurably(missing, 'x', 0o600, { where: 'medium' }))).toMatchObject({ code: 'MEDIA_WRITE' });
});

test('makes missing folders and leaves those that are there', () => {
  const folder = temporaryFolder();
  chmodSync(folder, 0o755);
  makeFolder(folder);
  makeFolder(join(folder, 'a/b'));
  makeFolder(join(folder, 'a/b'));
  if (process.platform !== 'win32') expect([mode(folder), mode(join(folder, 'a'))]).toEqual([0o755, 0o700]);
});

test('does not make a folder out of a file', () => {
  const path = join(temporaryFolder(), 'file');
  writeFileSync(path, '');
  expect(thrownBy(() => makeFolder(path))).toMatchObject({ code: 'LOCAL_IO' });
});

test('renames and removes', () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'a'));
  writeFileSync(join(folder, 'a/x'), '1');
  renameDurably(join(folder, 'a/x'), join(folder, 'y'));
  expect(readdirSync(folder)).toEqual(['a', 'y']);
  removeDurably(join(folder, 'y'));
  removeDurably(join(folder, 'a'));
  removeDurably(join(folder, 'never was'));
  expect(readdirSync(folder)).toEqual([]);
});

test('flushes a folder, and a filesystem with or without `sync`', () => {
  const folder = temporaryFolder();
  const file = join(folder, '--help');
  writeFileSync(file, 'x');
  syncFolder(folder);
  syncFilesystem(folder, [file]);
  syncEach(folder, [file]);
  expect(thrownBy(() => syncEach(folder, [join(folder, 'missing')]))).toMatchObject({ code: 'LOCAL_IO' });
});

const linux = process.platform === 'linux' ? describe : describe.skip;
linux('`sync`', () => {
  const path = process.env['PATH'];
  const tools = (script?: string): void => {
    const folder = temporaryFolder();
    if (script !== undefined) writeFileSync(join(folder, 'sync'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    process.env['PATH'] = folder;
  };
  afterEach(() => {
    process.env['PATH'] = path;
  });

  test('that failed is a failure, and nothing takes its place', () => {
    const folder = temporaryFolder();
    tools('echo "sync: error syncing: Input/output error" >&2; exit 1');
    expect(thrownBy(() => syncFilesystem(folder, []))).toMatchObject({
      code: 'LOCAL_IO',
      message: expect.stringContaining('Input/output error'),
    });
    expect(thrownBy(() => syncFilesystem(folder, [], { where: 'medium' }))).toMatchObject({ code: 'MEDIA_WRITE' });
    tools('kill -9 $$');
    expect(thrownBy(() => syncFilesystem(folder))).toMatchObject({ code: 'LOCAL_IO' });
  });

  test.each([
    ['is missing', undefined],
    ['knows no -f', 'echo "sync: invalid option -- f" >&2; exit 1'],
  ])('that %s is replaced by a flush of the files that are named, or of all in the folder', (_says, script) => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'below'));
    writeFileSync(join(folder, 'below', 'file'), 'x');
    tools(script);
    syncFilesystem(folder, [join(folder, 'below', 'file')]);
    expect(thrownBy(() => syncFilesystem(folder, [join(folder, 'missing')]))).toMatchObject({ code: 'LOCAL_IO' });
    syncFilesystem(folder);
    expect(thrownBy(() => syncFilesystem(join(folder, 'missing')))).toMatchObject({ code: 'LOCAL_IO' });
  });
});

test('a folder that is not there cannot be flushed', () => {
  expect(thrownBy(() => syncFolder(join(temporaryFolder(), 'missing')))).toMatchObject({ code: 'LOCAL_IO' });
});
