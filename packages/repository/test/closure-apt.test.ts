import { describe, expect, test } from '@jest/globals';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { checkClosure, assertClosed } from '../src/closure.ts';
import type { ClosureReport } from '../src/closure-report.ts';
import type { ClosureWorld } from '../src/closure-world.ts';
import { loadPreset } from '../src/preset.ts';
import { archive, clearsigned, DEB, DEB_PATH, INDEX, paragraph, release, SUITE } from './support/apt-archive.ts';
import { hexOf, MemoryView, type Files } from './support/memory-view.ts';

const apt = loadPreset('apt', []);
const check = (files: Files, world: ClosureWorld = {}): Promise<ClosureReport> =>
  checkClosure(apt, new MemoryView(files), world);
const without = (files: Files, ...paths: string[]): Files =>
  Object.fromEntries(Object.entries(files).filter(([path]) => !paths.includes(path)));
const codes = (report: ClosureReport): string[] => report.problems.map(({ code, to }) => `${code} ${to}`);

/** An archive with this index in the place of its own, rightly listed. */
const withPackages = (packages: string): Files => archive({ packages, variants: [''] });

describe('an APT archive', () => {
  test('that is whole has no problems; what is listed and absent is counted', async () => {
    const report = await check(archive());
    expect(report).toEqual({ references: 5, open: 1, problems: [], problemCount: 0, notes: [] });
    expect(() => assertClosed('debian', report)).not.toThrow();
  });

  test.each(['', '.gz', '.zst'] as const)('with only the variant "%s" is as good', async (variant) => {
    const report = await check(archive({ variants: [variant] }));
    expect(report).toMatchObject({ references: 5, open: 3, problemCount: 0, notes: [] });
  });

  test('of many packages is read in chunks of any size', async () => {
    const names = Array.from({ length: 300 }, (_, n) => `pool/p${n}_ä.deb`);
    const files = archive({ packages: names.map((filename) => paragraph({ filename })).join('') });
    for (const name of names) files[name] = DEB;
    for (const chunk of [1, 2, 4096, 1 << 20]) {
      expect(await checkClosure(apt, new MemoryView(files, chunk))).toMatchObject({ references: 304, problemCount: 0 });
    }
  });

  test('without any metadata has nothing to check', async () => {
    expect(await check({ 'pool/a.deb': DEB })).toEqual({
      references: 0,
      open: 0,
      problems: [],
      problemCount: 0,
      notes: [],
    });
  });

  test('that is empty but listed is whole', async () => {
    expect(await check(withPackages(''))).toMatchObject({ problemCount: 0, notes: [] });
  });

  test('with CRLF and a missing last line feed is read all the same', async () => {
    expect(await check(withPackages(paragraph().trimEnd().replaceAll('\n', '\r\n')))).toMatchObject({
      references: 5,
      problemCount: 0,
    });
  });
});

describe('content of an APT archive', () => {
  test('that is absent is a problem, and says who names it', async () => {
    const report = await check(without(archive(), DEB_PATH));
    expect(codes(report)).toEqual([`META_DANGLING ${DEB_PATH}`]);
    expect(() => assertClosed('debian', report)).toThrow(
      expect.objectContaining({
        code: 'META_DANGLING',
        message: `debian: ${SUITE}/${INDEX} names ${DEB_PATH}, which is not there`,
      }),
    );
  });

  test('that is absent is counted where the preset says so', async () => {
    const counting = { ...apt, closure: { checker: 'apt', dangling: 'count' } } as const;
    const report = await checkClosure(counting, new MemoryView(without(archive(), DEB_PATH)));
    expect(report).toMatchObject({ open: 2, problemCount: 0 });
  });

  test('of another size is a problem', async () => {
    expect(codes(await check({ ...archive(), [DEB_PATH]: `${DEB}!` }))).toEqual([`META_HASH ${DEB_PATH}`]);
  });

  test('of another digest is a problem', async () => {
    expect(codes(await check({ ...archive(), [DEB_PATH]: DEB.replace('b', 'B') }))).toEqual([`META_HASH ${DEB_PATH}`]);
  });

  test('is found under names with ./ in front', async () => {
    expect(await check(withPackages(paragraph({ filename: `./${DEB_PATH}` })))).toMatchObject({ problemCount: 0 });
  });

  test.each(['../outside.deb', '/etc/passwd', 'pool/../../x', '.'])('is never looked for at %s', async (filename) => {
    const report = await check(withPackages(paragraph({ filename })));
    expect(report.problems).toMatchObject([
      { code: 'META_VALUE', says: expect.stringContaining('leads out of the archive') },
    ]);
  });

  test('is checked by other digests where there is no SHA-256', async () => {
    const sha512 = paragraph().replace(/SHA256:.*/, `SHA512: ${hexOf('sha512', DEB)}`);
    const view = new MemoryView(withPackages(sha512));
    expect(await checkClosure(apt, view)).toMatchObject({ problemCount: 0 });
    expect(view.digests).toEqual([`sha512 ${DEB_PATH}`]);
    const md5 = paragraph().replace(/SHA256:.*/, `MD5sum: ${hexOf('md5', 'other')}`);
    expect(codes(await check(withPackages(md5)))).toEqual([`META_HASH ${DEB_PATH}`]);
  });

  test('is listed in the report up to a bound, and counted beyond', async () => {
    const packages = Array.from({ length: 50 }, (_, n) => paragraph({ filename: `pool/${n}.deb` })).join('');
    const report = await check(withPackages(packages));
    expect(report).toMatchObject({ problemCount: 50 });
    expect(report.problems).toHaveLength(20);
    expect(() => assertClosed('debian', report)).toThrow('(and 49 more)');
  });
});

describe('a package index', () => {
  test.each([
    ['without Filename', paragraph().replace(/^Filename:.*\n/m, ''), 'without Filename'],
    ['without Size', paragraph().replace(/^Size:.*\n/m, ''), 'without size or digest'],
    ['without digest', paragraph().replace(/^SHA256:.*\n/m, ''), 'without size or digest'],
    ['with a digest that is none', paragraph({ sha256: 'abc' }), 'as a sha256 digest'],
    ['with a size that is none', paragraph().replace(/^Size:.*/m, 'Size: 1e3'), 'as a size'],
    ['with a field twice', paragraph().replace(/^Size:/m, 'Filename: other\nSize:'), 'field filename twice'],
    ['of other lines', 'what is this\n', 'has no field name in line 1'],
    ['that begins with a continuation', ' what\n', 'continues a field that never began'],
  ])('%s cannot be believed', async (_, packages, says) => {
    const report = await check(withPackages(packages));
    expect(report.problems).toMatchObject([
      { code: 'META_VALUE', from: `${SUITE}/${INDEX}`, says: expect.stringContaining(says) },
    ]);
  });

  test('with other bytes than listed is a problem of its own', async () => {
    const report = await check({ ...archive(), [`${SUITE}/${INDEX}`]: paragraph({ name: 'other' }) });
    expect(codes(report)).toEqual([`META_HASH ${SUITE}/${INDEX}`]);
  });

  test.each([
    ['.gz', gzipSync],
    ['.zst', zstdCompressSync],
  ])('as %s must hold the text that the uncompressed one is listed with', async (suffix, compress) => {
    const packages = paragraph();
    const other = compress(paragraph({ name: 'hullo' }));
    const text = release({ [INDEX]: packages, [INDEX + suffix]: other });
    const report = await check({ [`${SUITE}/Release`]: text, [`${SUITE}/${INDEX}${suffix}`]: other, [DEB_PATH]: DEB });
    expect(codes(report)).toEqual([`META_HASH ${SUITE}/${INDEX}${suffix}`]);
  });

  test.each([
    ['.gz', gzipSync],
    ['.zst', zstdCompressSync],
  ])('as %s that is cut off or damaged is a problem', async (suffix, compress) => {
    const whole = compress(paragraph());
    const damaged = Buffer.from(whole).fill(0xff, 0, 8);
    for (const bytes of [whole.subarray(0, -6), damaged]) {
      const text = release({ [INDEX + suffix]: bytes });
      const report = await check({
        [`${SUITE}/Release`]: text,
        [`${SUITE}/${INDEX}${suffix}`]: bytes,
        [DEB_PATH]: DEB,
      });
      expect(report.problems).toMatchObject([{ code: 'META_VALUE', from: `${SUITE}/${INDEX}${suffix}` }]);
    }
  });

  test('that is here only by its hash is looked into', async () => {
    const packages = paragraph({ filename: 'pool/absent.deb' });
    const copy = `${SUITE}/main/binary-amd64/by-hash/SHA256/${hexOf('sha256', packages)}`;
    const report = await check({ [`${SUITE}/Release`]: release({ [INDEX]: packages }), [copy]: packages });
    expect(codes(report)).toEqual(['META_DANGLING pool/absent.deb']);
    expect(report.open).toBe(0);
  });

  test('of which only older copies are here leaves clients without one', async () => {
    const copy = `${SUITE}/main/binary-amd64/by-hash/SHA256/${hexOf('sha256', 'older')}`;
    const more = paragraph();
    const files = { ...archive({ variants: [] }), [copy]: 'older', [`${SUITE}/main/source/Sources`]: more };
    const report = await check(files);
    expect(report.problems).toMatchObject([
      { code: 'META_DANGLING', to: `${SUITE}/${INDEX}`, says: expect.stringContaining('only older copies') },
      { code: 'META_DANGLING', says: expect.stringContaining('none of them is there') },
    ]);
  });

  test('that no Release lists is noted and not looked into', async () => {
    const files = { ...archive(), [`${SUITE}/old/binary-amd64/Packages`]: paragraph({ filename: 'pool/gone.deb' }) };
    const report = await check(files);
    expect(report.problemCount).toBe(0);
    expect(report.notes).toEqual([
      `${SUITE}/old/binary-amd64/Packages: no Release lists it, so it was not looked into`,
    ]);
  });

  test('of sources names a folder and files', async () => {
    const sources = (name: string): string =>
      `Package: hello\nDirectory: pool/h\nFiles:\n ${hexOf('md5', 'x')} 1 ignored\nChecksums-Sha256:\n ${hexOf('sha256', DEB)} ${DEB.length} ${name}\n`;
    const files = (name: string): Files => ({
      [`${SUITE}/Release`]: release({ 'main/source/Sources.gz': gzipSync(sources(name)) }),
      [`${SUITE}/main/source/Sources.gz`]: gzipSync(sources(name)),
      'pool/h/hello.dsc': DEB,
    });
    expect(await check(files('hello.dsc'))).toMatchObject({ references: 2, problemCount: 0 });
    expect(codes(await check(files('hello.tar.xz')))).toEqual(['META_DANGLING pool/h/hello.tar.xz']);
  });
});

test('sources without folder or digests cannot be believed', async () => {
  for (const sources of ['Package: a\nFiles:\n', `Package: a\nDirectory: x\n`]) {
    const files = {
      [`${SUITE}/Release`]: release({ 'main/source/Sources': sources }),
      [`${SUITE}/main/source/Sources`]: sources,
    };
    expect((await check(files)).problems).toMatchObject([
      { code: 'META_VALUE', says: expect.stringContaining('names a without directory or digests') },
    ]);
  }
});

test('two suites with one index look into it once', async () => {
  const packages = paragraph();
  const files = {
    'dists/a/Release': release({ [INDEX]: packages }),
    'dists/b/Release': release({ [INDEX]: packages }),
  };
  const both = { ...files, [`dists/a/${INDEX}`]: packages, [`dists/b/${INDEX}`]: packages };
  expect(await check({ ...both, [DEB_PATH]: DEB })).toMatchObject({ references: 3, problemCount: 0 });
  expect(await check(both)).toMatchObject({ problemCount: 1 });
});

describe('an index in a foreign compression', () => {
  const foreign = (others: Files = {}): Files => ({
    [`${SUITE}/Release`]: release({ [INDEX]: paragraph(), [`${INDEX}.xz`]: 'xz bytes', ...others }),
    [`${SUITE}/${INDEX}.xz`]: 'xz bytes',
    ...Object.fromEntries(Object.entries(others).map(([name, data]) => [`${SUITE}/${name}`, data])),
  });
  const opening = (text: string): { world: ClosureWorld; asked: string[] } => {
    const asked: string[] = [];
    const decompress = (compression: string): AsyncIterable<Uint8Array> => {
      asked.push(compression);
      return (async function* () {
        yield new TextEncoder().encode(text);
      })();
    };
    return { world: { decompress }, asked };
  };

  test('that nothing opens is noted', async () => {
    const report = await check(foreign());
    expect(report.problemCount).toBe(0);
    expect(report.notes).toEqual([`${SUITE}/${INDEX}.xz: not looked into, because nothing here can open it`]);
    expect((await check(foreign(), { decompress: () => undefined })).notes).toEqual(report.notes);
  });

  test('is looked into with the help of the caller', async () => {
    const { world, asked } = opening(paragraph());
    expect(codes(await check(foreign(), world))).toEqual([`META_DANGLING ${DEB_PATH}`]);
    expect(asked).toEqual(['xz']);
  });

  test('must hold the listed text', async () => {
    const { world } = opening('');
    expect(codes(await check(foreign(), world))).toEqual([`META_HASH ${SUITE}/${INDEX}.xz`]);
  });

  test('is left alone beside one that Node opens', async () => {
    const { world, asked } = opening('');
    const report = await check({ ...foreign({ [`${INDEX}.gz`]: gzipSync(paragraph()) }), [DEB_PATH]: DEB }, world);
    expect(report).toMatchObject({ problemCount: 0, notes: [] });
    expect(asked).toEqual([]);
  });
});

describe('a Release', () => {
  test('that lists other sums than InRelease is a problem', async () => {
    const files = { ...archive(), [`${SUITE}/InRelease`]: clearsigned(release({ [`${INDEX}.gz`]: 'newer' })) };
    const report = await check(files);
    expect(report.problems[0]).toMatchObject({ code: 'META_HASH', from: `${SUITE}/InRelease`, to: `${SUITE}/Release` });
  });

  test('alone, and InRelease alone, will do', async () => {
    expect(await check(without(archive(), `${SUITE}/InRelease`, `${SUITE}/Release.gpg`))).toMatchObject({
      problemCount: 0,
    });
    expect(await check(without(archive(), `${SUITE}/Release`, `${SUITE}/Release.gpg`))).toMatchObject({
      problemCount: 0,
    });
  });

  test('of which no package index is here is of no use to anybody', async () => {
    const report = await check(archive({ variants: [] }));
    expect(report.problems).toMatchObject([
      { code: 'META_DANGLING', says: expect.stringContaining('none of them is there') },
    ]);
  });

  test('may list itself, as some writers do', async () => {
    const text = release({ [INDEX]: paragraph(), Release: 'unfinished' });
    expect(
      await check({ [`${SUITE}/Release`]: text, [`${SUITE}/${INDEX}`]: paragraph(), [DEB_PATH]: DEB }),
    ).toMatchObject({ problemCount: 0 });
  });

  test('of a component has no list and is none to follow', async () => {
    expect(await check({ ...archive(), [`${SUITE}/main/binary-amd64/Release`]: 'Component: main\n' })).toMatchObject({
      problemCount: 0,
      notes: [],
    });
  });

  test.each([
    ['InRelease that is not signed', 'InRelease', release({}), 'not one clear-signed message'],
    ['InRelease with text before', 'InRelease', `x\n${clearsigned(release({}))}`, 'not one clear-signed message'],
    ['InRelease with text after', 'InRelease', `${clearsigned(release({}))}SHA256:\n`, 'goes on after its signature'],
    ['InRelease with a bare dash', 'InRelease', clearsigned(`${release({})}-x\n`), 'unescaped dash'],
    ['two paragraphs', 'Release', `${release({})}\nOrigin: other\n`, '2 paragraphs'],
    ['a line that is no sum', 'Release', 'SHA256:\n abc\n', 'in its sha256 list'],
    [
      'two sums for one name',
      'Release',
      `${release({ a: '1' })} ${hexOf('sha256', '2')} 1 a\n`,
      'two different sums for a',
    ],
    ['a name that leads out', 'Release', release({ '../a': '1' }), 'leads out of its folder'],
    ['a date that is none', 'Release', release({}, 'Valid-Until: soon'), 'as Valid-Until'],
    ['bytes that are not UTF-8', 'Release', new Uint8Array([0x41, 0xff]), 'not UTF-8'],
  ])('with %s cannot be believed', async (_, name, data, says) => {
    const report = await check({ [`${SUITE}/${name}`]: data });
    expect(report.problems).toMatchObject([
      { code: 'META_VALUE', from: `${SUITE}/${name}`, says: expect.stringContaining(says) },
    ]);
  });

  test('escapes dashes in its signed form', async () => {
    const text = release({ [INDEX]: paragraph() });
    const files = {
      [`${SUITE}/InRelease`]: clearsigned(text.replace(/^Origin/m, '- Origin')),
      [`${SUITE}/Release`]: text,
    };
    expect(await check({ ...files, [`${SUITE}/${INDEX}`]: paragraph(), [DEB_PATH]: DEB })).toMatchObject({
      problemCount: 0,
    });
  });

  test.each([
    ['Thu, 19 Nov 2026 21:00:00 UTC', 'was valid until 2026-11-19T21:00:00Z: clients refuse it,'],
    ['Mon, 23 Nov 2026 21:00:00 UTC', 'is valid until 2026-11-23T21:00:00Z, 3 more days'],
  ])('valid until %s is noted in time', async (until, says) => {
    const report = await check(archive({ more: `Valid-Until: ${until}` }), { now: new Date('2026-11-20T21:00:00Z') });
    expect(report).toMatchObject({ problemCount: 0, notes: [expect.stringContaining(says)] });
  });

  test('valid for long is not noted; without a clock its date is named', async () => {
    const files = archive({ more: 'Valid-Until: Sun, 20 Dec 2026 21:00:00 UTC' });
    expect((await check(files, { now: new Date('2026-11-20T21:00:00Z') })).notes).toEqual([]);
    expect((await check(files)).notes).toEqual([`${SUITE}/InRelease is valid until 2026-12-20T21:00:00Z`]);
  });
});

describe('a by-hash copy', () => {
  const at = (name: string, hash = 'SHA256'): string => `${SUITE}/main/binary-amd64/by-hash/${hash}/${name}`;

  test('must be what its name says, in each algorithm', async () => {
    for (const [folder, algorithm] of [
      ['MD5Sum', 'md5'],
      ['SHA1', 'sha1'],
      ['SHA256', 'sha256'],
      ['SHA512', 'sha512'],
    ] as const) {
      const path = at(hexOf(algorithm, 'copy'), folder);
      expect(await check({ ...archive(), [path]: 'copy' })).toMatchObject({ references: 6, problemCount: 0 });
      expect(codes(await check({ ...archive(), [path]: 'c0py' }))).toEqual([`META_HASH ${path}`]);
    }
  });

  test('of an older generation need not have its packages any more', async () => {
    const older = paragraph({ filename: 'pool/gone.deb' });
    expect(await check({ ...archive(), [at(hexOf('sha256', older))]: older })).toMatchObject({ problemCount: 0 });
  });

  test('named otherwise promises nothing', async () => {
    expect(await check({ ...archive(), [at('Packages.gz')]: 'any' })).toMatchObject({ problemCount: 0 });
  });
});

describe('a flat archive', () => {
  const flat = (folder: string, filename: string): Files => ({
    [`${folder}Release`]: release({
      'Packages.gz': gzipSync(paragraph({ filename })),
      Packages: paragraph({ filename }),
    }),
    [`${folder}Packages.gz`]: gzipSync(paragraph({ filename })),
  });

  test('at the top is whole', async () => {
    expect(await check({ ...flat('', './hello.deb'), 'hello.deb': DEB })).toMatchObject({
      references: 3,
      open: 1,
      problemCount: 0,
    });
  });

  test('in a folder may name files from the folder or from above it', async () => {
    expect(await check({ ...flat('a/b/', './hello.deb'), 'a/b/hello.deb': DEB })).toMatchObject({ problemCount: 0 });
    expect(await check({ ...flat('a/b/', 'b/hello.deb'), 'a/b/hello.deb': DEB })).toMatchObject({ problemCount: 0 });
    expect(await check({ ...flat('a/b/', 'a/b/hello.deb'), 'a/b/hello.deb': DEB })).toMatchObject({ problemCount: 0 });
  });

  test('takes the right one of two files of one name', async () => {
    expect(await check({ ...flat('a/', 'hello.deb'), 'a/hello.deb': 'other', 'hello.deb': DEB })).toMatchObject({
      problemCount: 0,
    });
  });

  test('that dangles or disagrees is a problem', async () => {
    expect(codes(await check(flat('a/', 'hello.deb')))).toEqual(['META_DANGLING hello.deb']);
    expect(codes(await check({ ...flat('a/', 'hello.deb'), 'a/hello.deb': 'other' }))).toEqual([
      'META_HASH a/hello.deb',
    ]);
  });

  test('without a Release is checked as well, and its variants must agree', async () => {
    const packages = paragraph({ filename: 'hello.deb' });
    const files = { Packages: packages, 'Packages.gz': gzipSync(packages), 'hello.deb': DEB };
    expect(await check(files)).toMatchObject({ references: 1, problemCount: 0, notes: [] });
    expect(codes(await check(without(files, 'hello.deb')))).toEqual(['META_DANGLING hello.deb']);
    expect(codes(await check({ ...files, 'Packages.gz': gzipSync('') }))).toEqual(['META_HASH Packages.gz']);
  });
});

describe('several archives in one repository', () => {
  test('have each its own base', async () => {
    const files = Object.fromEntries(Object.entries(archive()).map(([path, data]) => [`mirror/a/${path}`, data]));
    expect(await check({ ...files, ...archive() })).toMatchObject({ problemCount: 0 });
    expect(codes(await check(without({ ...files, ...archive() }, `mirror/a/${DEB_PATH}`)))).toEqual([
      `META_DANGLING ${DEB_PATH}`,
    ]);
  });
});

test('a fault of the view is not taken for bad metadata', async () => {
  class Failing extends MemoryView {
    override async *read(path: string): AsyncGenerator<Uint8Array> {
      yield* super.read(path);
      if (path.endsWith('.gz')) throw new Error('the disk is gone');
    }
  }
  await expect(checkClosure(apt, new Failing(archive({ variants: ['.gz'] })))).rejects.toThrow('the disk is gone');
});
