import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compileGlobs, globFault } from '../src/glob.ts';

// A second opinion: as slow and plain as the definition in words.

/** Marks where a brace was, so that `*{,b}*` does not become `**`: what a glob means is decided before braces are chosen from. */
const SEAM = '|';

const withoutBraces = (glob: string): string[] => {
  const close = glob.indexOf('}');
  if (close < 0) return [glob];
  const open = glob.lastIndexOf('{', close);
  const choices = glob.slice(open + 1, close).split(',');
  return choices.flatMap((choice) => withoutBraces(glob.slice(0, open) + SEAM + choice + SEAM + glob.slice(close + 1)));
};

const matchesName = (pattern: string, name: string): boolean => {
  if (pattern === '') return name === '';
  const rest = pattern.slice(1);
  if (pattern.startsWith(SEAM)) return matchesName(rest, name);
  if (pattern.startsWith('*')) return matchesName(rest, name) || (name !== '' && matchesName(pattern, name.slice(1)));
  return name !== '' && (pattern.startsWith('?') || pattern[0] === name[0]) && matchesName(rest, name.slice(1));
};

const matchesComponents = (patterns: readonly string[], names: readonly string[]): boolean => {
  const [pattern, ...rest] = patterns;
  if (pattern === undefined) return names.length === 0;
  if (pattern.includes('**') && pattern.replaceAll(SEAM, '') === '**') {
    if (rest.length === 0) return names.length > 0;
    return names.some((_, at) => matchesComponents(rest, names.slice(at))) || matchesComponents(rest, []);
  }
  const [name, ...others] = names;
  return name !== undefined && matchesName(pattern, name) && matchesComponents(rest, others);
};

const reference = (glob: string, path: string): boolean =>
  withoutBraces(glob).some((pattern) => matchesComponents(pattern.split('/'), path.split('/')));

const piece = fc.constantFrom('a', 'b', '.', '*', '?', '{a,b}', '{,b}', '{a,{b,c*}}', 'c');
const component = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom('**', '{a,b/c}', '{**,a}', 'a{/b,/**}') },
  { weight: 2, arbitrary: fc.array(piece, { minLength: 1, maxLength: 4 }).map((pieces) => pieces.join('')) },
);
const goodGlob = fc
  .array(component, { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join('/'))
  .filter((glob) => globFault(glob) === undefined);
const name = fc
  .array(fc.constantFrom('a', 'b', 'c', '.'), { minLength: 1, maxLength: 3 })
  .map((parts) => parts.join(''));
const path = fc.array(name, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('/'));

test('matches what a plain reading of the definition matches', () => {
  fc.assert(
    fc.property(goodGlob, fc.array(path, { minLength: 1, maxLength: 10 }), (glob, paths) => {
      const matches = compileGlobs([glob]);
      expect(paths.map(matches)).toEqual(paths.map((each) => reference(glob, each)));
    }),
    { numRuns: 5000 },
  );
});

test('a list matches what one of its globs matches', () => {
  fc.assert(
    fc.property(fc.array(goodGlob, { maxLength: 4 }), path, (globs, each) => {
      expect(compileGlobs(globs)(each)).toBe(globs.some((glob) => compileGlobs([glob])(each)));
    }),
  );
});

test('any text is either refused or usable', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 30 }), path, (glob, each) => {
      if (globFault(glob) === undefined) expect(typeof compileGlobs([glob])(each)).toBe('boolean');
      else expect(() => compileGlobs([glob])).toThrow();
    }),
  );
});
