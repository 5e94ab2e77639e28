import { describe, expect, test } from '@jest/globals';
import { compileGlobs, globFault } from '../src/glob.ts';

/** [glob, paths that match, paths that do not] */
const TABLE: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['**', ['a', 'a/b', '.a/.b'], ['']],
  ['*', ['a', '.hidden', 'ä'], ['a/b', '']],
  ['a/**', ['a/b', 'a/b/c', 'a/.b'], ['a', 'ab', 'x/a/b']],
  ['**/a', ['a', 'x/a', 'x/y/a'], ['a/x', 'xa', 'x/xa']],
  ['a/**/b', ['a/b', 'a/x/b', 'a/x/y/b'], ['ab', 'a/xb', 'a/b/c']],
  ['**/**/a', ['a', 'x/y/a'], ['b']],
  ['**/a/**', ['a/b', 'x/a/b/c'], ['a', 'x/a']],
  ['*.tgz', ['a.tgz', '.tgz'], ['a/b.tgz', 'a.tgz2', 'atgz']],
  ['a?c', ['abc', 'a.c', 'a😀c'], ['ac', 'a/c', 'abbc']],
  ['{a,b}/c', ['a/c', 'b/c'], ['c', 'ab/c']],
  ['a{,.gz,.xz}', ['a', 'a.gz', 'a.xz'], ['a.bz2', 'a.gz.xz']],
  ['{a,b/{c,d}}/e', ['a/e', 'b/c/e', 'b/d/e'], ['b/e', 'c/e']],
  ['a{,/**}', ['a', 'a/b', 'a/b/c'], ['ab', 'b/a']],
  ['{**,x}/y', ['y', 'x/y', 'z/y'], ['y/z']],
  ['a*{,b}*', ['a', 'ab', 'axbx'], ['a/b', 'a/a']],
  ['a,b', ['a,b'], ['a', 'b']],
  ['\\*\\?\\{\\}\\[\\\\', ['*?{}[\\'], ['a']],
  ['\\!a', ['!a'], ['a']],
  ['a.b+c(d)^$|', ['a.b+c(d)^$|'], ['axb+c(d)^$|', 'abbc']],
  ['$RECYCLE.BIN/**', ['$RECYCLE.BIN/x'], ['$RECYCLExBIN/x']],
  ['a]-b', ['a]-b'], ['a']],
  ['A', ['A'], ['a']],
  ['a\nb*', ['a\nbc'], ['a']],
];

describe('a glob', () => {
  test.each(TABLE)('%s', (glob, matching, others) => {
    const matches = compileGlobs([glob]);
    expect(matching.filter((path) => !matches(path))).toEqual([]);
    expect(others.filter((path) => matches(path))).toEqual([]);
  });

  test('of a list matches when any does, and none of an empty list', () => {
    const matches = compileGlobs(['a', '**/b', 'c/**/d']);
    expect(['a', 'b', 'x/b', 'c/d', 'c/x/d'].every(matches)).toBe(true);
    expect(['x/a', 'b/x', 'd'].some(matches)).toBe(false);
    expect(compileGlobs([])('a')).toBe(false);
  });
});

describe('refuses a glob with', () => {
  test.each([
    ['', 'is empty'],
    ['!a', 'no negation'],
    ['[ab]', 'character classes'],
    ['a/[!b]', 'character classes'],
    ['a**', 'does not stand alone'],
    ['a/**b/c', 'does not stand alone'],
    ['***', 'does not stand alone'],
    ['/a', 'empty component'],
    ['a/', 'empty component'],
    ['a//b', 'empty component'],
    ['{,a}/b', 'empty component'],
    ['./a', '`.`'],
    ['a/../b', '`..`'],
    ['{a', 'without its `}`'],
    ['{a,{b}', 'without its `}`'],
    ['a}', 'without its `{`'],
    ['a\\', 'quotes nothing'],
    ['a\\/b', 'quotes nothing'],
    ['{a/,b/}'.repeat(9) + 'c', 'more than 256'],
    ['{'.repeat(9) + '}'.repeat(9), 'braces more than'],
    ['a'.repeat(1025), 'longer than'],
  ])('%s', (glob, why) => {
    expect(globFault(glob)).toContain(why);
    expect(() => compileGlobs([glob])).toThrow();
  });

  test.each(TABLE)('nothing to refuse in %s', (glob) => expect(globFault(glob)).toBeUndefined());
});
