import { describe, expect, it } from '@jest/globals';
import type { Stats } from 'node:fs';
import { stampOf } from '../src/source/stamp.ts';
import { isRacy, isUnchanged, type KnownRow, Merge } from '../src/source/compare.ts';

const row = (path: string, stamp: number | null = stampOf(stats())): KnownRow => ({ path, stamp });
const stats = (more: Partial<Stats> = {}): Stats =>
  ({ size: 1, mtimeMs: 1000.25, ctimeMs: 2000.5, ino: 7, ...more }) as unknown as Stats;

describe('isUnchanged', () => {
  it.each<[string, KnownRow, Stats, boolean]>([
    ['the same', row('a'), stats(), true],
    ['another size', row('a'), stats({ size: 2 }), false],
    ['another mtime below a millisecond', row('a'), stats({ mtimeMs: 1000.5 }), false],
    ['the same size and mtime, but written to (ctime)', row('a'), stats({ ctimeMs: 2000.75 }), false],
    ['another file under the name', row('a'), stats({ ino: 8 }), false],
    ['hashed too soon after a change', row('a', null), stats(), false],
  ])('%s', (_says, known, now, expected) => expect(isUnchanged(known, now)).toBe(expected));
});

describe('stampOf', () => {
  it('differs between stats that are nearly alike', () => {
    const seen = new Set<number>();
    for (let n = 0; n < 20_000; n++) {
      seen.add(stampOf({ size: n, mtimeMs: 1.7e12, ctimeMs: 1.7e12, ino: 1 }));
      seen.add(stampOf({ size: 1, mtimeMs: 1.7e12 + (n + 1) / 4096, ctimeMs: 1.7e12, ino: 1 }));
      seen.add(stampOf({ size: 1, mtimeMs: 1.7e12, ctimeMs: 1.7e12 + (n + 1) / 4096, ino: 1 }));
      seen.add(stampOf({ size: 1, mtimeMs: 1.7e12, ctimeMs: 1.7e12, ino: n + 2 }));
    }
    expect(seen.size).toBe(80_000);
    for (const stamp of seen) if (!Number.isSafeInteger(stamp) || stamp < 0) throw new Error(`${stamp} is no stamp`);
  });
});

describe('isRacy', () => {
  it.each([
    ['an old file', { mtimeMs: 0, ctimeMs: 0 }, 10_000, false],
    ['changed just now', { mtimeMs: 9000, ctimeMs: 9000 }, 10_000, true],
    ['copied just now with an old mtime', { mtimeMs: 0, ctimeMs: 9950 }, 10_000, true],
    ['mtime a little in the future', { mtimeMs: 11_000, ctimeMs: 0 }, 10_000, true],
    ['mtime far in the future', { mtimeMs: 99_000, ctimeMs: 0 }, 10_000, false],
  ])('%s', (_says, times, now, expected) => expect(isRacy(times, now)).toBe(expected));
});

describe('Merge', () => {
  const merged = (known: string[], met: string[]): Record<'changed' | 'unchanged' | 'gone', string[]> => {
    const result: ReturnType<typeof merged> = { changed: [], unchanged: [], gone: [] };
    const merge = new Merge(known.map((path) => row(path))[Symbol.iterator](), {
      changed: (path) => result.changed.push(path),
      unchanged: ({ path }) => result.unchanged.push(path),
      gone: ({ path }) => result.gone.push(path),
    });
    for (const path of met) merge.meet(path, stats());
    merge.end();
    return result;
  };

  it.each([
    [[], [], { changed: [], unchanged: [], gone: [] }],
    [[], ['a', 'b'], { changed: ['a', 'b'], unchanged: [], gone: [] }],
    [['a', 'b'], [], { changed: [], unchanged: [], gone: ['a', 'b'] }],
    [['a', 'c'], ['b', 'c', 'd'], { changed: ['b', 'd'], unchanged: ['c'], gone: ['a'] }],
    // a renamed file is one gone and one new
    [['a-b', 'a/x', 'a0'], ['a-b', 'a/y', 'a0'], { changed: ['a/y'], unchanged: ['a-b', 'a0'], gone: ['a/x'] }],
    [['\uffee', '\u{1f600}'], ['\u{1f600}'], { changed: [], unchanged: ['\u{1f600}'], gone: ['\uffee'] }],
  ])('%j beside %j', (known, met, expected) => expect(merged(known, met)).toEqual(expected));
});
