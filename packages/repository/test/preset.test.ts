import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listPresets, loadPreset, parsePreset } from '../src/preset.ts';

const GOOD = `
summary: of a test
content: { include: ['**'] }
`;

const faultOf = (text: string): unknown => {
  try {
    parsePreset('own', text, 'presets/own.yaml');
    return 'none';
  } catch (error) {
    return error;
  }
};

test('what is left out has its plain value', () => {
  expect(parsePreset('own', GOOD, 'own.yaml')).toEqual({
    name: 'own',
    summary: 'of a test',
    content: { include: ['**'], exclude: [], immutable: false },
    metadata: [],
    never: [],
    busy: [],
    closure: { checker: 'none', dangling: 'refuse' },
    prune: 'off',
    facts: {},
  });
});

test('the example of the guide is a good preset', () => {
  const guide = readFileSync(new URL('../../../docs/presets.md', import.meta.url), 'utf8');
  const example = guide.slice(guide.indexOf('# wheels.yaml')).split(/\n\n/, 1)[0] ?? '';
  const preset = parsePreset('wheels', example.replace(/^ {4}/gm, ''), 'wheels.yaml');
  expect(preset).toMatchObject({
    content: { immutable: true },
    metadata: [{ phase: 'projects' }, { phase: 'root' }],
    busy: ['todo'],
  });
});

describe('names file, key and what is expected', () => {
  test.each([
    ['a misspelt key', `${GOOD}nevr: [a]`, 'unknown key nevr'],
    ['a misspelt key within', `summary: x\ncontent: { include: [a], exclud: [b] }`, 'content: unknown key exclud'],
    ['another type', `summary: x\ncontent: { include: a }`, 'content.include: expected array, received string'],
    ['an empty list', `summary: x\ncontent: { include: [] }`, 'content.include: '],
    ['a missing key', `summary: x`, 'content: expected object, received undefined'],
    ['a bad glob', `${GOOD}never: ['ok', 'a/[b]']`, 'never[1]: the glob "a/[b]" has a `[`'],
    [
      'a bad glob of a phase',
      `${GOOD}metadata: [{ phase: a, include: ['/a'] }]`,
      'metadata[0].include[0]: the glob "/a" has an empty',
    ],
    [
      'two phases of one name',
      `${GOOD}metadata: [{phase: a, include: [a]}, {phase: a, include: [b]}]`,
      'metadata[1].phase: two phases',
    ],
    ['an unknown checker', `${GOOD}closure: { checker: rpm }`, 'closure.checker: expected one of "none"|"apt"|"npm"'],
    ['an unknown rule of prune', `${GOOD}prune: all`, 'prune: expected one of "off"|"unlisted"'],
    [
      'an unknown rule of a fact',
      `${GOOD}facts: { languages: maybe }`,
      'facts.languages: expected one of "same"|"covers"',
    ],
    ['a list instead of a mapping', `- a`, 'expected object, received array'],
    ['nothing', ``, 'expected object, received null'],
    ['a key twice', `${GOOD}never: [a]\nnever: [b]`, 'Map keys must be unique'],
    ['what is not YAML', `summary: [`, 'Flow sequence'],
    ['two documents', `${GOOD}---\n${GOOD}`, 'multiple documents'],
    ['a bomb of aliases', bomb(), 'alias'],
    ['more than any good preset has', `# ${'x'.repeat(300_000)}`, 'larger than any good preset'],
  ])('of %s', (_, text, says) => {
    expect(faultOf(text)).toMatchObject({ code: 'PRESET_INVALID', message: expect.stringContaining(says) });
    expect(faultOf(text)).toMatchObject({ message: expect.stringMatching(/^presets\/own\.yaml: /) });
  });

  test('of all faults at once', () => {
    expect(faultOf(`summary: 1\ncontent: { include: a }`)).toMatchObject({
      message:
        'presets/own.yaml: summary: expected string, received number; content.include: expected array, received string',
    });
  });
});

function bomb(): string {
  const levels = Array.from({ length: 9 }, (_, n) => `l${n + 1}: &l${n + 1} [${`*l${n},`.repeat(9)}]`);
  return ['l0: &l0 [x]', ...levels].join('\n');
}

describe('in folders', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'presets-'));
    mkdirSync(join(folder, 'first'));
    mkdirSync(join(folder, 'second'));
    writeFileSync(join(folder, 'first', 'apt.yaml'), GOOD.replace('of a test', 'mine'));
    writeFileSync(join(folder, 'second', 'apt.yaml'), GOOD.replace('of a test', 'theirs'));
    writeFileSync(join(folder, 'second', 'wheels.yaml'), GOOD);
    writeFileSync(join(folder, 'second', 'notes.txt'), GOOD);
    writeFileSync(join(folder, 'outside.yaml'), GOOD);
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  const folders = (): string[] => [join(folder, 'first'), join(folder, 'absent'), join(folder, 'second')];

  test("the user's own comes first, in their order, then the shipped one", () => {
    expect(loadPreset('apt', folders()).summary).toBe('mine');
    expect(loadPreset('wheels', folders()).name).toBe('wheels');
    expect(loadPreset('npm', folders()).closure.checker).toBe('npm');
  });

  test('all names are listed', () => expect(listPresets(folders())).toEqual(['apt', 'npm', 'tree', 'wheels']));

  test('an unknown one is refused, and those that exist are named', () => {
    expect(() => loadPreset('yum', folders())).toThrow(
      expect.objectContaining({ code: 'PRESET_INVALID', hint: 'presets there are: apt, npm, tree, wheels' }),
    );
  });

  test.each(['../outside', 'first/apt', '', '.', 'apt\0'])('%j is not a name', (name) => {
    expect(() => loadPreset(name, [join(folder, 'first')])).toThrow(
      expect.objectContaining({ code: 'PRESET_INVALID' }),
    );
  });

  test('what is no file cannot be read, and that is said', () => {
    mkdirSync(join(folder, 'first', 'dir.yaml'));
    expect(() => loadPreset('dir', folders())).toThrow(expect.objectContaining({ code: 'PRESET_INVALID' }));
    rmSync(join(folder, 'first', 'dir.yaml'), { recursive: true });
  });
});
