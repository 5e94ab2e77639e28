import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { comparePaths } from '@gapferry/bundle-format';
import { type PathRange, rangesAt, rangesByFolders, walk } from '../src/source/walk.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'walk-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const put = (...paths: string[]): void => {
  for (const path of paths) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), path);
  }
};

const found = (range: PathRange = { from: null, to: null }): { entries: string[]; folders: string[] } => {
  const [entries, folders]: [string[], string[]] = [[], []];
  walk(root, range, {
    entry: (path) => entries.push(path),
    emptyFolder: (path) => folders.push(path),
    ignores: () => false,
    skips: (folder) => folder === 'skipped',
  });
  return { entries, folders };
};

// every byte that sorts around '/' (0x2f), and characters whose UTF-16 order is not their UTF-8 order
const AWKWARD = [
  'a',
  'a!',
  'a-b/x',
  'a-b',
  'a.b',
  'a/b',
  'a/b-c',
  'a/c/d',
  'a0',
  'ab/z',
  'é/x',
  '\uffee',
  '\u{1f600}',
  '\u{1f600}/x',
  'z',
].filter((path, _, all) => !all.some((other) => other.startsWith(`${path}/`)));

describe('walk', () => {
  it('meets paths in the order of their UTF-8 bytes, not name by name', () => {
    put(...AWKWARD);
    expect(found().entries).toEqual(AWKWARD.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
  });

  it('meets every path exactly once, however the tree is cut', () => {
    put(...AWKWARD, 'p/1', 'p/2', 'q/r/s/t');
    mkdirSync(join(root, 'empty/inner'), { recursive: true });
    mkdirSync(join(root, 'p/none'));
    const whole = found();
    for (const boundary of [
      'a',
      'a/',
      'a-b/',
      'a0',
      'p/2',
      'p0',
      'empty',
      'empty/inner',
      'empty0',
      'q/r/',
      '\u{1f600}/',
    ]) {
      const pieces = rangesAt([boundary]).map(found);
      expect({ boundary, entries: pieces.flatMap(({ entries }) => entries) }).toEqual({
        boundary,
        entries: whole.entries,
      });
      expect(pieces.flatMap(({ folders }) => folders).toSorted()).toEqual(whole.folders.toSorted());
    }
    const byFolders = rangesByFolders(root, 8);
    expect(byFolders.length).toBeGreaterThan(3);
    expect(byFolders.flatMap((range) => found(range).entries)).toEqual(whole.entries);
  });

  it('follows no link and names empty folders', () => {
    put('dir/file');
    mkdirSync(join(root, 'empty'));
    symlinkSync('dir', join(root, 'link'));
    symlinkSync('/etc', join(root, 'out'));
    expect(found()).toEqual({ entries: ['dir/file', 'link', 'out'], folders: ['empty'] });
  });

  it('refuses a FIFO by name', () => {
    put('a');
    execFileSync('mkfifo', [join(root, 'pipe')]);
    expect(() => found()).toThrow(
      expect.objectContaining({ code: 'ENTRY_TYPE', message: expect.stringContaining('pipe') }),
    );
  });

  it('refuses a name that is not UTF-8, but not U+FFFD itself', () => {
    put('a', '\ufffd');
    expect(found().entries).toEqual(['a', '\ufffd']);
    writeFileSync(Buffer.concat([Buffer.from(`${root}/bad-`), Buffer.from([0xff])]), '');
    expect(() => found()).toThrow(expect.objectContaining({ code: 'PATH_ENCODING' }));
  });

  it('does not enter what is never carried', () => {
    put('skipped/x', 'y');
    expect(found().entries).toEqual(['y']);
  });

  it('takes a missing root for a source that is not ready, never for an empty one', () => {
    rmSync(root, { recursive: true });
    expect(() => found()).toThrow(expect.objectContaining({ code: 'NOT_READY' }));
  });

  it('agrees with comparePaths about its order', () => {
    put(...AWKWARD);
    const { entries } = found();
    entries.slice(1).forEach((path, n) => expect(comparePaths(entries[n] ?? '', path)).toBeLessThan(0));
  });
});
