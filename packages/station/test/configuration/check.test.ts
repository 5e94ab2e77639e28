import { expect, test } from '@jest/globals';
import { chmodSync, chownSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { checkYaml } from '../../src/configuration/check.ts';
import { loadConfig } from '../../src/configuration/load.ts';
import { duration, name, parseDuration, parseSize, pathIn, size } from '../../src/configuration/units.ts';
import { temporaryFolder, thrownBy } from '../temporary.ts';

const place = z.union([
  z.strictObject({ medium: z.string() }),
  z.strictObject({ folder: z.string(), after: z.enum(['keep', 'remove-ours']).optional() }),
]);
const schema = z.strictObject({
  site: name(),
  repositories: z.record(name(), z.strictObject({ preset: name(), path: z.string() })),
  media: z.array(place),
  bundle: z
    .strictObject({ volumeBytes: size().default(5), expires: duration().default(7), count: z.int().min(1).default(1) })
    .optional(),
});

const GOOD = `site: plant7
repositories:
  debian: { preset: apt, path: /srv/mirror }
media:
  - medium: /media/usb
`;

const mistakes = (text: string): readonly string[] => {
  const checked = checkYaml(text, schema);
  return checked.good ? [] : checked.mistakes;
};

test('a good configuration comes out with its defaults', () => {
  expect(checkYaml(`${GOOD}bundle: { expires: 2 days }`, schema)).toEqual({
    good: true,
    value: expect.objectContaining({ site: 'plant7', bundle: { volumeBytes: 5, expires: 172_800_000, count: 1 } }),
  });
});

test.each<[string, string, string[]]>([
  ['an unknown key', `${GOOD}bundel: {}`, ['line 6: bundel: there is no such key']],
  ['a key twice', `${GOOD}site: other`, ['line 6: Map keys must be unique']],
  ['a missing key', GOOD.replace('site: plant7\n', ''), ['line 1: site: is missing']],
  ['a wrong kind', GOOD.replace('plant7', '[a]'), ['line 1: site: must be text']],
  ['a key without a value', GOOD.replace('plant7', ''), ['line 1: site: must be text']],
  [
    'a wrong name',
    GOOD.replace('debian', 'Debian'),
    ['line 3: repositories.Debian: the name must be 1 to 63 of a-z 0-9 . _ - and begin with a letter or digit'],
  ],
  [
    'an unknown key below',
    GOOD.replace('path:', 'pat:'),
    ['line 3: repositories.debian.path: is missing', 'line 3: repositories.debian.pat: there is no such key'],
  ],
  [
    'an unknown key in a list',
    GOOD.replace('medium:', 'medum:'),
    ['line 5: media[0].medium: is missing', 'line 5: media[0].medum: there is no such key'],
  ],
  [
    'a number without a unit',
    `${GOOD}bundle:\n  expires: 14`,
    ['line 7: bundle.expires: must be a duration with a unit, such as 14 days or 30 min'],
  ],
  [
    'a negative time',
    `${GOOD}bundle:\n  expires: -14 days`,
    ['line 7: bundle.expires: must be a duration with a unit, such as 14 days or 30 min'],
  ],
  [
    'a size of nothing',
    `${GOOD}bundle:\n  volumeBytes: 0`,
    ['line 7: bundle.volumeBytes: must be a size above zero, such as 4 GiB or 900 MB'],
  ],
  [
    'not a number',
    `${GOOD}bundle:\n  volumeBytes: .nan`,
    ['line 7: bundle.volumeBytes: must be a size above zero, such as 4 GiB or 900 MB'],
  ],
  ['an empty file', '', ['line 1: the file is empty']],
  ['a file of comments', '# nothing\n', ['line 1: the file is empty']],
  ['a list', '- a', ['line 1: the file: must be a group of keys']],
  ['the prototype', `${GOOD}__proto__: {}`, ['line 6: __proto__: there is no such key']],
])('%s is told with its line and path', (_, text, expected) => {
  expect(mistakes(text).map((each) => each.replace(/; .*/s, ''))).toEqual(expected);
});

test('a size or time without a default must be there', () => {
  const checked = checkYaml('a: 1', z.strictObject({ a: size(), b: size(), c: duration().optional() }));
  expect(checked).toEqual({ good: false, mistakes: ['line 1: b: is missing'] });
});

test('tells all mistakes at once', () => {
  expect(mistakes(`${GOOD}more: 1\nbundle:\n  expires: soon\n  count: 0\n`)).toHaveLength(3);
});

test.each([
  'two: 1\n---\ndocuments: 2',
  'site: !!js/function "x"',
  'a: [',
  'a: *nowhere',
  'a: &a [*a]',
  '? [complex]\n: key',
])('refuses %j', (text) => {
  expect(mistakes(text).length).toBeGreaterThan(0);
});

test('a runaway of aliases ends', () => {
  const levels = Array.from(
    { length: 30 },
    (_, n) => `a${n + 1}: &a${n + 1} [${Array.from({ length: 9 }, () => `*a${n}`).join(', ')}]`,
  );
  const begin = performance.now();
  expect(mistakes(`a0: &a0 [x]\n${levels.join('\n')}`).length).toBeGreaterThan(0);
  expect(performance.now() - begin).toBeLessThan(2000);
});

test('a file is named in the error, and its folder is where paths begin', () => {
  const folder = temporaryFolder();
  const path = join(folder, 'agent.yaml');
  writeFileSync(path, 'state: state\nlogs: /var/log/x\n');
  const paths = (base: string) => z.strictObject({ state: pathIn(base), logs: pathIn(base) });
  expect(loadConfig(path, paths)).toEqual({ state: join(folder, 'state'), logs: '/var/log/x' });
  writeFileSync(path, 'state: ""\nlog: x\n');
  expect(thrownBy(() => loadConfig(path, paths))).toMatchObject({
    code: 'CONFIG_INVALID',
    kind: 'usage',
    message: `${path}: line 1: state: must not be empty; line 1: logs: is missing; line 2: log: there is no such key`,
    facts: {
      mistakes: ['line 1: state: must not be empty', 'line 1: logs: is missing', 'line 2: log: there is no such key'],
    },
  });
  expect(thrownBy(() => loadConfig(join(folder, 'missing.yaml'), paths))).toMatchObject({ code: 'CONFIG_INVALID' });
});

const posix = process.platform === 'win32' ? test.skip : test;
posix.each([0o666, 0o660, 0o602])('a configuration of mode %o, which others may change, is not used', (mode) => {
  const path = join(temporaryFolder(), 'agent.yaml');
  writeFileSync(path, 'a: 1\n');
  const only = z.strictObject({ a: z.number() });
  chmodSync(path, mode);
  expect(thrownBy(() => loadConfig(path, only))).toMatchObject({ code: 'CONFIG_PERMS', kind: 'usage' });
  chmodSync(path, 0o644);
  expect(loadConfig(path, only)).toEqual({ a: 1 });
});

const asRoot = process.geteuid?.() === 0 ? test : test.skip;
asRoot('a configuration of somebody else is not used', () => {
  const path = join(temporaryFolder(), 'agent.yaml');
  writeFileSync(path, 'a: 1\n');
  chownSync(path, 12_345, 12_345);
  expect(thrownBy(() => loadConfig(path, z.strictObject({ a: z.number() })))).toMatchObject({ code: 'CONFIG_PERMS' });
});

test('mistakes of YAML itself name file and line', () => {
  const path = join(temporaryFolder(), 'agent.yaml');
  writeFileSync(path, 'a: 1\nb: [1\nc: "x\n');
  const { message } = thrownBy(() => loadConfig(path, z.strictObject({ a: z.number() }))) as Error;
  expect(message).toContain(`${path}: line `);
  expect(message).not.toContain('\n');
});

test.each<[string, number | undefined]>([
  ['4 GiB', 4_294_967_296],
  ['900 MB', 900_000_000],
  ['1.5 KiB', 1536],
  ['7b', 7],
  ['4096 bytes', 4096],
  ['4', undefined],
  ['4 gigs', undefined],
  ['-4 GiB', undefined],
  ['1e3 MB', undefined],
  ['99999999 TiB', undefined],
  ['4 constructor', undefined],
  ['', undefined],
])('the size %j is %j', (text, bytes) => {
  expect(parseSize(text)).toBe(bytes);
});

test.each<[string, number | undefined]>([
  ['14 days', 1_209_600_000],
  ['1 day', 86_400_000],
  ['30 min', 1_800_000],
  ['1.5h', 5_400_000],
  ['250 ms', 250],
  ['2 weeks', 1_209_600_000],
  ['14', undefined],
  ['a day', undefined],
  ['3 months', undefined],
])('the duration %j is %j', (text, milliseconds) => {
  expect(parseDuration(text)).toBe(milliseconds);
});
