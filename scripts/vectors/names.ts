/** The table of names and paths (format §3), good ones too, in one file. */
import { BAD_LINKS, BAD_PATHS } from './rows.ts';

const GOOD_PATHS: readonly string[] = [
  'a',
  'a/b/c',
  '.hidden',
  '..a',
  '...a',
  'a b',
  'com10',
  'console',
  'conx.txt',
  'co\u00b9',
  'größe.txt',
  '\u{1f600}',
  'ab:c',
  'e\u0301',
  'a\u200db',
  'x'.repeat(255),
  `${'x'.repeat(239)}/`.repeat(17).slice(0, 4079),
  Array.from({ length: 64 }, () => 'd').join('/'),
];
const GOOD_LINKS: readonly (readonly [path: string, target: string, resolved: string])[] = [
  ['l', 'a', 'a'],
  ['d/l', '../a', 'a'],
  ['d/l', '..', ''],
  ['d/l', '.', 'd'],
  ['d/e/l', './../../a//b/', 'a/b'],
  ['by-hash/SHA256/ab', '../../Packages', 'Packages'],
];
const NAMES: readonly (readonly [name: string, good: boolean])[] = [
  ['a', true],
  ['debian-12.updates_x', true],
  ['0', true],
  ['x'.repeat(63), true],
  ['x'.repeat(64), false],
  ['', false],
  ['A', false],
  ['.a', false],
  ['-a', false],
  ['a.', false],
  ['con', false],
  ['nul.txt', false],
  ['a/b', false],
  ['*', false],
  ['ü', false],
  ['a\n', false],
];
/** Groups of paths that are one file where letter case or Unicode forms are folded, and that no two of different groups share. */
const TWINS: readonly (readonly string[])[] = [
  ['straße', 'STRASSE', 'strasse'],
  ['é', 'e\u0301', 'É'],
  ['K', 'k', '\u212a'],
  ['ΑΣ', 'ας', 'ασ'],
  ['a'],
  ['ﬀ', 'ff', 'FF'],
];
/** Ascending by the bytes of UTF-8; UTF-16 would put the last before the third. */
const ORDER: readonly string[] = [
  'a',
  'a-b',
  'a/b',
  'ab',
  'b',
  'ü',
  '\ud7ff',
  '\ue000',
  '\uff5e',
  '\u{10000}',
  '\u{1f600}',
];

export const namesTable = (): object => ({
  says: 'names, paths and links: what is accepted, what is refused, what is the same',
  spec: '§3',
  names: NAMES.map(([name, good]) => ({ name, good })),
  paths: [
    ...GOOD_PATHS.map((path) => ({ path, expect: 'ok' })),
    ...BAD_PATHS.map(({ path, expect }) => ({ path, expect })),
  ],
  links: [
    ...GOOD_LINKS.map(([path, target, resolved]) => ({ path, target, expect: 'ok', resolved })),
    ...BAD_LINKS.map(({ path, target, expect }) => ({ path, target, expect })),
  ],
  twins: TWINS,
  order: ORDER,
});
