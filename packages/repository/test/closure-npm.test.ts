import { describe, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { checkClosure } from '../src/closure.ts';
import type { ClosureReport } from '../src/closure-report.ts';
import { findDuplicateKey } from '../src/npm/duplicate-keys.ts';
import { parseIntegrity } from '../src/npm/integrity.ts';
import { loadPreset } from '../src/preset.ts';
import { hexOf, MemoryView, type Files } from './support/memory-view.ts';

const npm = loadPreset('npm', []);
const TARBALL = 'the bytes of a tarball';
const sri = (algorithm: string, data: string): string =>
  `${algorithm}-${createHash(algorithm).update(data).digest('base64')}`;
const check = (files: Files): Promise<ClosureReport> => checkClosure(npm, new MemoryView(files));

interface Dist {
  tarball?: string;
  integrity?: string;
  shasum?: string;
}
const GOOD: Dist = {
  tarball: 'http://registry.invalid/lodash/-/lodash-1.0.0.tgz',
  integrity: sri('sha512', TARBALL),
  shasum: hexOf('sha1', TARBALL),
};
const packument = (dist: Dist = GOOD, version = '1.0.0'): string =>
  JSON.stringify({
    name: 'lodash',
    'dist-tags': { latest: version },
    versions: { [version]: { name: 'lodash', version, dist } },
  });
const lodash = (document: string, tarball: string | undefined = TARBALL): Files => ({
  'lodash/package.json': document,
  ...(tarball === undefined ? {} : { 'lodash/lodash-1.0.0.tgz': tarball }),
});

describe('an npm package', () => {
  test('that is whole has no problems', async () => {
    expect(await check(lodash(packument()))).toEqual({
      references: 1,
      open: 0,
      problems: [],
      problemCount: 0,
      notes: [],
    });
  });

  test('with a scope has its tarball beside the document', async () => {
    const document = packument({ ...GOOD, tarball: 'http://registry.invalid/@types%2fnode/-/node-1.0.0.tgz?x#y' });
    expect(await check({ '@types/node/package.json': document, '@types/node/node-1.0.0.tgz': TARBALL })).toMatchObject({
      references: 1,
      open: 0,
      problemCount: 0,
    });
    expect(await check({ '@types/node/package.json': document, 'node/node-1.0.0.tgz': TARBALL })).toMatchObject({
      open: 1,
    });
  });

  test('of which nobody asked for a version is counted, not refused', async () => {
    const document = JSON.parse(packument());
    document.versions['2.0.0'] = { dist: { ...GOOD, tarball: 'x/lodash-2.0.0.tgz' } };
    expect(await check(lodash(JSON.stringify(document)))).toMatchObject({ references: 2, open: 1, problemCount: 0 });
  });

  test('of which a version is absent is refused where the preset says so', async () => {
    const strict = { ...npm, closure: { checker: 'npm', dangling: 'refuse' } } as const;
    const report = await checkClosure(strict, new MemoryView({ 'lodash/package.json': packument() }));
    expect(report.problems).toMatchObject([{ code: 'META_DANGLING', to: 'lodash/lodash-1.0.0.tgz' }]);
  });

  test('with another tarball is a problem', async () => {
    const report = await check(lodash(packument(), `${TARBALL}!`));
    expect(report.problems).toMatchObject([
      { code: 'META_HASH', from: 'lodash/package.json', to: 'lodash/lodash-1.0.0.tgz' },
    ]);
  });

  test.each([
    ['the strongest of several counts, when right', `${sri('sha1', 'x')} ${sri('sha512', TARBALL)}`, undefined, 0],
    ['the strongest of several counts, when wrong', `${sri('sha1', TARBALL)} ${sri('sha512', 'x')}`, undefined, 1],
    ['one of several of the strongest will do', `${sri('sha512', 'x')} ${sri('sha512', TARBALL)}`, undefined, 0],
    ['a wrong integrity is not healed by a right shasum', sri('sha512', 'x'), hexOf('sha1', TARBALL), 1],
    ['a right integrity is not harmed by a wrong shasum', sri('sha512', TARBALL), hexOf('sha1', 'x'), 0],
    ['shasum alone, when right', undefined, hexOf('sha1', TARBALL).toUpperCase(), 0],
    ['shasum alone, when wrong', undefined, hexOf('sha1', 'x'), 1],
    ['an unknown integrity falls back to shasum', 'sha3-abc', hexOf('sha1', 'x'), 1],
    ['sha384', sri('sha384', TARBALL), undefined, 0],
    ['sha256, when wrong', sri('sha256', 'x'), undefined, 1],
    ['options are ignored', `${sri('sha512', TARBALL)}?foo`, undefined, 0],
  ])('of its digests, %s', async (_, integrity, shasum, problems) => {
    const dist = { tarball: 'lodash-1.0.0.tgz', ...(integrity && { integrity }), ...(shasum && { shasum }) };
    expect(await check(lodash(packument(dist)))).toMatchObject({ problemCount: problems, notes: [] });
  });

  test('without a digest is noted', async () => {
    const report = await check(lodash(packument({ tarball: 'lodash-1.0.0.tgz', shasum: 'none' })));
    expect(report).toMatchObject({
      problemCount: 0,
      notes: [expect.stringContaining('no digest to check lodash/lodash-1.0.0.tgz by')],
    });
  });

  test('called __proto__ or constructor is a version like others', async () => {
    for (const name of ['__proto__', 'constructor', 'toString']) {
      const document = packument(GOOD, 'NAME').replaceAll('NAME', name);
      expect(await check(lodash(document))).toMatchObject({ references: 1, problemCount: 0 });
      expect(await check(lodash(document, 'other'))).toMatchObject({ problemCount: 1 });
    }
    expect(Object.prototype).not.toHaveProperty('dist');
  });

  test('takes no field from a __proto__', async () => {
    const document = `{"versions":{"1.0.0":{"dist":{"__proto__":${JSON.stringify(GOOD)}}}}}`;
    expect((await check(lodash(document))).problems).toMatchObject([
      { code: 'META_VALUE', says: expect.stringContaining('no tarball') },
    ]);
    expect(await check(lodash('{"__proto__":{"versions":{"1.0.0":{}}}}'))).toMatchObject({
      problemCount: 0,
      references: 0,
    });
  });
});

describe('a package document', () => {
  test.each([
    ['that is not JSON', '{', 'is not JSON'],
    ['that is a list', '[]', 'is not a JSON object'],
    ['that is null', 'null', 'is not a JSON object'],
    ['with versions in a list', '{"versions":[]}', 'versions that are not an object'],
    ['with a version that is null', '{"versions":{"1":null}}', 'no tarball for version 1'],
    ['without tarball', packument({ shasum: 'x' }), 'no tarball for version 1.0.0'],
    ['with a tarball that is a folder', packument({ tarball: 'http://x/..' }), 'as the tarball of version'],
    ['with an encoded slash', packument({ tarball: 'http://x/..%2f..%2fsecret.tgz' }), 'as the tarball of version'],
    ['with a bad escape', packument({ tarball: 'http://x/%zz.tgz' }), 'as the tarball of version'],
    [
      'with a version twice',
      `{"versions":{"1":{"dist":{"tarball":"a"}},"1":{"dist":{"tarball":"b"}}}}`,
      'versions → 1 twice',
    ],
    ['with versions twice', `{"versions":{},"versi\\u006fns":{}}`, 'versions twice'],
    [
      'with integrity twice',
      packument().replace('"integrity"', '"integrity":"x","integrity"'),
      'dist → integrity twice',
    ],
  ])('%s cannot be believed', async (_, document, says) => {
    const report = await check(lodash(document));
    expect(report.problems).toMatchObject([
      { code: 'META_VALUE', from: 'lodash/package.json', says: expect.stringContaining(says) },
    ]);
  });

  test('that is not UTF-8 cannot be believed', async () => {
    const report = await check({ 'a/package.json': new Uint8Array([0x7b, 0xff, 0x7d]) });
    expect(report.problems).toMatchObject([{ code: 'META_VALUE', says: 'a/package.json is not UTF-8' }]);
  });

  test('may have a key twice where it harms nothing', async () => {
    const document = packument().replace('{"name"', '{"readme":{"a":1,"a":2},"list":[{"a":1,"a":2}],"name"');
    expect(await check(lodash(document))).toMatchObject({ problemCount: 0 });
  });

  test('without versions is none, and that is noted', async () => {
    const report = await check({ 'x/package.json': '{"name":"x","version":"1.0.0"}' });
    expect(report).toMatchObject({
      problemCount: 0,
      notes: ['x/package.json: lists no versions, so there was nothing to check'],
    });
  });
});

describe('a key that stands twice', () => {
  const everywhere = (): boolean => true;
  test.each([
    ['{"a":1,"b":2}', undefined],
    ['{"a":1,"a":2}', ['a']],
    ['{"a":{"x":1},"b":{"x":1}}', undefined],
    ['{"a":{"x":1,"y":"x","x":1}}', ['a', 'x']],
    ['[{"a":1},{"a":1}]', undefined],
    ['{"a":["a","a"],"b":"a"}', undefined],
    ['{"a\\"":1,"a\\\\":2,"a":3}', undefined],
    ['{"\\u0061":1,"a":2}', ['a']],
    ['{"a":"{\\"a\\":1,","b":"}"}', undefined],
    ['{ "a" : [ 1 , { "b" : 1 , "b" : 2 } ] }', ['a', '', 'b']],
    ['"a"', undefined],
  ])('in %s', (json, path) => expect(findDuplicateKey(json, everywhere)).toEqual(path));
});

describe('integrity', () => {
  test.each(['', 'sha512', 'sha512-', 'sha512-AAAA', 'md5-AAAA', 'sha512 AAAA'])('%j says nothing', (text) => {
    expect(parseIntegrity(text)).toBeUndefined();
  });
});
