import {
  closeSync,
  cpSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { sha256Of } from '@gapferry/bundle-format';
import { aBundle, anExporter, MTIME, type Tree } from './support/bundle.ts';
import { Site } from './support/site.ts';

const digest = (text: string): string => sha256Of(Buffer.from(text));
const codes = (outcome: { bundles: readonly { errors: readonly { code: string }[] }[] }): string[] =>
  outcome.bundles.flatMap(({ errors }) => errors.map(({ code }) => code));

function flip(path: string, at: number): void {
  const fd = openSync(path, 'r+');
  const before = readFileSync(path)[at] ?? 0;
  writeSync(fd, Buffer.from([before ^ 1]), 0, 1, at);
  closeSync(fd);
}

describe('one import from a folder', () => {
  test('publishes a first bundle, answers with a receipt, and does nothing the second time', async () => {
    const exporter = anExporter();
    const site = new Site().trusts(exporter);
    const tree = {
      'a/one.txt': 'one',
      'a/two.sh': { data: '#!/bin/sh\n', exec: true },
      'b/link': { link: '../a/one.txt' },
      empty: { dir: true as const },
      zero: '',
    };
    await aBundle(exporter).sequence(1).repository('files', tree).on(site.medium);
    const first = await site.import();
    expect(first.bundles.flatMap(({ errors }) => errors)).toEqual([]);
    expect(first.status).toBe(0);
    expect(site.published()).toEqual({
      'a/one.txt': 'one',
      'a/two.sh': 'x #!/bin/sh\n',
      'b/link': '-> ../a/one.txt',
      'empty/': '',
      zero: '',
    });
    expect(Math.round(lstatSync(join(site.target('files'), 'a/one.txt')).mtimeMs)).toBe(MTIME);
    expect(lstatSync(join(site.target('files'), 'a/one.txt')).mode & 0o777).toBe(0o644);
    expect(site.staging()).toEqual([]);
    const answer = site.receipt();
    expect(answer?.receipt.repositories).toEqual([{ name: 'files', state: 'published', snapshot: 1, offered: 1 }]);
    expect(answer?.holds).toEqual([digest('one'), digest('#!/bin/sh\n'), digest('')].toSorted());
    expect(answer?.missing).toEqual([]);
    const again = await site.import();
    expect(again.status).toBe(0);
    expect(again.bundles[0]?.nothingNew).toBe(true);
    expect(again.published).toEqual([]);
    expect(site.receipt()?.receipt.number).toBe(answer?.receipt.number);
    expect(site.audit().filter(({ event }) => event === 'repository.published')).toHaveLength(1);
  });

  test('moved, copied and swapped files cross without bytes', async () => {
    const exporter = anExporter();
    const site = new Site().trusts(exporter);
    await aBundle(exporter).sequence(1).repository('files', { a: 'AAA', b: 'BBB', c: 'CCC', d: 'DDD' }).on(site.medium);
    await site.import();
    const second: Tree = {
      a: 'BBB',
      b: 'AAA',
      'moved/c': 'CCC',
      d: 'DDD',
      'copy/d': { data: 'DDD', exec: true },
      'copy/d2': 'DDD',
    };
    await aBundle(exporter).sequence(2).repository('files', second).bearing().on(site.medium);
    const outcome = await site.import();
    expect(codes(outcome)).toEqual([]);
    expect(outcome.status).toBe(0);
    expect(outcome.bytes).toBe(0);
    expect(site.published()).toMatchObject({
      a: 'BBB',
      b: 'AAA',
      'moved/c': 'CCC',
      d: 'DDD',
      'copy/d': 'x DDD',
      'copy/d2': 'DDD',
    });
    expect(site.staging()).toEqual([]);
  });

  test('a late bundle is superseded and changes nothing', async () => {
    const exporter = anExporter();
    const site = new Site().trusts(exporter);
    const late = new Site();
    await aBundle(exporter).sequence(1).repository('files', { a: 'old' }).on(late.medium);
    await aBundle(exporter).sequence(2).repository('files', { a: 'new' }).on(site.medium);
    expect((await site.import()).status).toBe(0);
    const outcome = await site.import(late.medium);
    expect(outcome.status).toBe(0);
    expect(outcome.bundles[0]?.repositories[0]?.state).toBe('superseded');
    expect(site.published()).toEqual({ a: 'new' });
  });

  test('of several bundles the newest complete snapshot is published', async () => {
    const exporter = anExporter();
    const site = new Site().trusts(exporter);
    await aBundle(exporter).sequence(1).repository('files', { a: 'one', keep: 'keep' }).on(site.medium);
    await aBundle(exporter)
      .sequence(2)
      .repository('files', { a: 'two', b: 'b', keep: 'keep' })
      .bearing('a', 'b')
      .on(site.medium);
    await aBundle(exporter)
      .sequence(3)
      .repository('files', { a: 'three', b: 'b', keep: 'keep', lost: 'lost' })
      .bearing('a')
      .on(site.medium);
    const outcome = await site.import();
    expect(outcome.published.map(({ snapshot }) => snapshot)).toEqual([2]);
    expect(site.published()).toEqual({ a: 'two', b: 'b', keep: 'keep' });
    expect(outcome.status).toBe(5);
    expect(outcome.bundles.map(({ sequence, repositories }) => [sequence, repositories[0]?.state])).toEqual([
      [1, 'superseded'],
      [2, 'published'],
      [3, 'waiting'],
    ]);
    expect(site.receipt()?.missing).toEqual([digest('lost')]);
    expect(site.receipt()?.receipt.repositories).toEqual([
      { name: 'files', state: 'waiting', snapshot: 2, offered: 3 },
    ]);
  });

  test('a lost bundle: waits with the exact list, the published state stays, and whatever brings the objects ends the wait', async () => {
    const exporter = anExporter();
    const site = new Site().trusts(exporter);
    const stick3 = new Site();
    const stick4 = new Site();
    await aBundle(exporter).sequence(1).repository('files', { a: '1' }).on(site.medium);
    await site.import();
    await aBundle(exporter)
      .sequence(3)
      .repository('files', { a: '1', b: 'lost', c: 'came' })
      .bearing('c')
      .on(stick3.medium);
    const waits = await site.import(stick3.medium);
    expect(waits.status).toBe(5);
    expect(waits.bundles[0]?.repositories[0]).toMatchObject({
      state: 'waiting',
      code: 'OBJECTS_MISSING',
      missing: 1,
      missingBytes: 4,
    });
    expect(site.published()).toEqual({ a: '1' });
    const { world, close } = site.open();
    const offer = world.journal.bundles.openOffers('files')[0];
    const target = offer === undefined ? undefined : world.journal.targetOf(offer);
    expect([...world.journal.inventories.missing(target?.inventory ?? 0)]).toEqual([
      { path: 'b', size: 4, sha256: digest('lost') },
    ]);
    await close();
    await aBundle(exporter).sequence(2).repository('files', { a: '1', b: 'lost' }).bearing('b').on(stick4.medium);
    const late = await site.import(stick4.medium);
    expect(late.published.map(({ snapshot }) => snapshot)).toEqual([3]);
    expect(late.status).toBe(0);
    expect(site.published()).toEqual({ a: '1', b: 'lost', c: 'came' });
  });

  test('of two repositories in one bundle the complete one is published', async () => {
    const exporter = anExporter();
    const site = new Site({ repositories: { files: 'tree', other: 'tree' } }).trusts(exporter);
    await aBundle(exporter)
      .sequence(1)
      .repository('files', { a: '1' })
      .repository('other', { x: 'x', y: 'y' })
      .without('y')
      .on(site.medium);
    const outcome = await site.import();
    expect(outcome.status).toBe(5);
    expect(site.published('files')).toEqual({ a: '1' });
    expect(site.published('other')).toEqual({});
    expect(outcome.bundles[0]?.repositories.map(({ name, state }) => [name, state])).toEqual([
      ['files', 'published'],
      ['other', 'waiting'],
    ]);
  });

  test('a repository that this site does not carry is left out and named', async () => {
    const exporter = anExporter();
    const site = new Site().trusts(exporter);
    await aBundle(exporter)
      .sequence(1)
      .repository('elsewhere', { z: 'z' })
      .repository('files', { a: '1' })
      .on(site.medium);
    const outcome = await site.import();
    expect(outcome.status).toBe(0);
    expect(outcome.bundles[0]?.skipped).toEqual(['elsewhere']);
    expect(outcome.objects).toBe(1);
  });

  test('an object shared by two repositories is taken once and lies in both', async () => {
    const exporter = anExporter();
    const site = new Site({ repositories: { files: 'tree', other: 'tree' } }).trusts(exporter);
    await aBundle(exporter)
      .sequence(1)
      .repository('files', { a: 'same' })
      .repository('other', { b: 'same', c: 'same' })
      .on(site.medium);
    const outcome = await site.import();
    expect(outcome.objects).toBe(1);
    expect([site.published('files'), site.published('other')]).toEqual([{ a: 'same' }, { b: 'same', c: 'same' }]);
  });

  test('packs and parts arrive whole', async () => {
    const exporter = anExporter();
    const site = new Site().trusts(exporter);
    const big = randomBytes(9 * 1024 * 1024 + 17)
      .toString('hex')
      .slice(0, 9 * 1024 * 1024 + 17);
    const tree: Record<string, string> = { big };
    for (let n = 0; n < 200; n++) tree[`small/${n}`] = `small ${n}`;
    await aBundle(exporter)
      .sequence(1)
      .repository('files', tree)
      .limits({ volumeBytes: 4 * 1024 * 1024 })
      .on(site.medium);
    const outcome = await site.import();
    expect(codes(outcome)).toEqual([]);
    expect(outcome.status).toBe(0);
    expect(site.published()).toEqual(tree);
    expect(site.staging()).toEqual([]);
  });

  test('parts from two media, a part on each', async () => {
    const exporter = anExporter();
    const site = new Site().trusts(exporter);
    const big = 'x'.repeat(5 * 1024 * 1024);
    const { folder } = await aBundle(exporter)
      .sequence(1)
      .repository('files', { big })
      .limits({ volumeBytes: 4 * 1024 * 1024 })
      .on(site.medium);
    const second = site.copyMedium('second');
    rmSync(join(folder, 'vol-0002.zip'));
    const half = await site.import();
    expect(half.status).toBe(5);
    expect(half.bundles[0]?.repositories[0]).toMatchObject({
      state: 'waiting',
      code: 'BUNDLE_INCOMPLETE',
      says: 'bring vol-0002.zip of bundle 1',
    });
    rmSync(join(second, 'gapferry', 'bundles', folder.split('/').at(-1) ?? '', 'vol-0001.zip'));
    const whole = await site.import(second);
    expect(whole.status).toBe(0);
    expect(site.published()).toEqual({ big });
  });
});

describe('metadata', () => {
  const p1 = '1'.repeat(64);
  const p2 = '2'.repeat(64);

  const first: Tree = {
    'pool/a.deb': 'a1',
    [`dists/s/main/by-hash/SHA256/${p1}`]: { data: 'P1', phase: 1 },
    'dists/s/main/Packages': { data: 'P1', phase: 2 },
    'dists/s/InRelease': { data: 'R1', phase: 4 },
    'dists/s/gone': { data: 'gone', phase: 2 },
  };
  const second: Tree = {
    'pool/a.deb': 'a1',
    'pool/b.deb': 'b2',
    [`dists/s/main/by-hash/SHA256/${p2}`]: { data: 'P2', phase: 1 },
    'dists/s/main/Packages': { data: 'P2', phase: 2 },
    'dists/s/InRelease': { data: 'R2', phase: 4 },
  };

  test('what is no longer named goes to the tombstones; what digest names may still be read goes one publish later', async () => {
    const exporter = anExporter();
    const site = new Site({ repositories: { deb: 'apt' } }).trusts(exporter);
    await aBundle(exporter).sequence(1).repository('deb', first, 1, 'apt').on(site.medium);
    await site.import();
    writeFileSync(join(site.target('deb'), 'foreign.txt'), 'mine');
    await aBundle(exporter).sequence(2).repository('deb', second, 2, 'apt').on(site.medium);
    expect((await site.import()).status).toBe(0);
    expect(Object.keys(site.published('deb'))).toEqual([
      'dists/s/InRelease',
      'dists/s/main/Packages',
      `dists/s/main/by-hash/SHA256/${p1}`,
      `dists/s/main/by-hash/SHA256/${p2}`,
      'foreign.txt',
      'pool/a.deb',
      'pool/b.deb',
    ]);
    expect(readFileSync(join(site.target('deb'), '.gapferry/tombstones/2/dists/s/gone'), 'utf8')).toBe('gone');
    const third: Tree = { ...second, 'dists/s/InRelease': { data: 'R3', phase: 4 } };
    await aBundle(exporter).sequence(3).repository('deb', third, 3, 'apt').on(site.medium);
    expect((await site.import()).status).toBe(0);
    expect(Object.keys(site.published('deb'))).not.toContain(`dists/s/main/by-hash/SHA256/${p1}`);
    expect(Object.keys(site.published('deb'))).toContain(`dists/s/main/by-hash/SHA256/${p2}`);
    expect(site.published('deb')['foreign.txt']).toBe('mine');
  });
});

describe('what is refused', () => {
  test('a stranger, a wrong site, an expired bundle, a revoked key, a fork: status 3, one audit entry, nothing published', async () => {
    const exporter = anExporter();
    const stranger = anExporter();
    const cases: [string, string, (site: Site) => Promise<unknown>][] = [
      ['a stranger', 'KEY_UNKNOWN', (site) => aBundle(stranger).repository('files', { a: '1' }).on(site.medium)],
      [
        'a stolen name',
        'WRONG_EXPORTER',
        (site) =>
          aBundle(exporter)
            .bent((m) => ({ ...m, exporter: 'x0123456789abcdef' }))
            .repository('files', { a: '1' })
            .on(site.medium),
      ],
      [
        'another site',
        'WRONG_SITE',
        (site) => aBundle(exporter).forSites('plant8').repository('files', { a: '1' }).on(site.medium),
      ],
      [
        'an expired one',
        'EXPIRED',
        (site) =>
          aBundle(exporter)
            .bent((m) => ({ ...m, created: '2026-02-01T00:00:00Z', expires: '2026-03-01T00:00:00Z' }))
            .repository('files', { a: '1' })
            .on(site.medium),
      ],
      [
        'one of the future',
        'CREATED_IN_FUTURE',
        (site) =>
          aBundle(exporter)
            .bent((m) => ({ ...m, created: '2126-02-01T00:00:00Z', expires: '2126-03-01T00:00:00Z' }))
            .repository('files', { a: '1' })
            .on(site.medium),
      ],
      [
        'another preset',
        'PRESET_DIFFERS',
        (site) => aBundle(exporter).repository('files', { a: '1' }, 1, 'npm').on(site.medium),
      ],
      [
        'an unknown repository',
        'REPOSITORY_UNKNOWN',
        (site) => aBundle(exporter).repository('nothing', { a: '1' }).on(site.medium),
      ],
      [
        'an unknown feature',
        'FORMAT_UNSUPPORTED',
        (site) =>
          aBundle(exporter)
            .bent((m) => ({ ...m, requires: ['warp'] }))
            .repository('files', { a: '1' })
            .on(site.medium),
      ],
    ];
    for (const [says, code, make] of cases) {
      const site = new Site().trusts(exporter);
      await make(site);
      const outcome = await site.import();
      expect([says, codes(outcome), outcome.status]).toEqual([says, [code], 3]);
      if (code === 'WRONG_SITE') await site.import(); // the same copy again is not audited again
      expect(site.audit().map((entry) => entry.code)).toEqual([code]);
      expect(site.published()).toEqual({});
    }
  }, 60_000);

  test('two bundles with one number', async () => {
    const exporter = anExporter();
    const site = new Site().trusts(exporter);
    const other = new Site();
    await aBundle(exporter).sequence(4).repository('files', { a: '1' }).on(site.medium);
    await aBundle(exporter).sequence(4).repository('files', { a: '2' }).on(other.medium);
    await site.import();
    const outcome = await site.import(other.medium);
    expect([codes(outcome), outcome.status]).toEqual([['FORK_DETECTED'], 3]);
    expect(site.published()).toEqual({ a: '1' });
  });

  test('a folder without a signature is unfinished, not refused', async () => {
    const exporter = anExporter();
    const site = new Site().trusts(exporter);
    const { folder } = await aBundle(exporter).repository('files', { a: '1' }).on(site.medium);
    rmSync(join(folder, 'manifest.json.minisig'));
    const outcome = await site.import();
    expect([codes(outcome), outcome.status]).toEqual([['BUNDLE_INCOMPLETE'], 5]);
    expect(site.audit()).toEqual([]);
  });

  test('a link in the target where a folder goes is not written through', async () => {
    const exporter = anExporter();
    const site = new Site().trusts(exporter);
    const outside = join(site.root, 'outside');
    mkdirSync(outside);
    symlinkSync(outside, join(site.target('files'), 'pool'));
    await aBundle(exporter).repository('files', { 'pool/a': '1', z: 'z' }).on(site.medium);
    const outcome = await site.import();
    expect(outcome.bundles[0]?.repositories[0]).toMatchObject({ state: 'failed', code: 'STORE_TAMPERED' });
    expect(outcome.status).toBe(3);
    expect(readdirSync(outside)).toEqual([]);
    expect(site.published()).toEqual({ pool: `-> ${outside}` });
    rmSync(join(site.target('files'), 'pool'));
    expect((await site.import()).status).toBe(0);
    expect(site.published()).toEqual({ 'pool/a': '1', z: 'z' });
  });

  test('names of our own folder are no names for files', async () => {
    const exporter = anExporter();
    const site = new Site().trusts(exporter);
    await aBundle(exporter).repository('files', { '.gapferry/staging/x': '1' }).on(site.medium);
    const outcome = await site.import();
    expect([codes(outcome), outcome.status]).toEqual([['NAME_RESERVED'], 3]);
  });
});

describe('damage', () => {
  test('names volume and block, takes everything outside it, and takes the rest from a mended copy', async () => {
    const exporter = anExporter();
    const site = new Site().trusts(exporter);
    const tree: Record<string, string> = {};
    for (let n = 0; n < 6; n++) tree[`file${n}`] = randomBytes(1024 * 1024).toString('hex');
    const { folder } = await aBundle(exporter).repository('files', tree).on(site.medium);
    const volume = join(folder, 'vol-0001.zip');
    const good = readFileSync(volume);
    flip(volume, 5 * 1024 * 1024);
    const outcome = await site.import();
    expect(outcome.status).toBe(4);
    expect(outcome.bundles[0]?.errors.map(({ message }) => message)).toEqual([
      'vol-0001.zip, block 1: its bytes are not the signed ones',
    ]);
    expect(outcome.objects).toBeGreaterThan(1);
    expect(outcome.bundles[0]?.repositories[0]?.state).toBe('waiting');
    expect(site.published()).toEqual({});
    writeFileSync(volume, good);
    const mended = await site.import();
    expect(mended.status).toBe(0);
    expect(mended.objects).toBe(6 - outcome.objects);
    expect(site.published()).toEqual(tree);
    expect(site.audit().filter(({ event }) => event === 'bundle.damaged')).toHaveLength(1);
  });

  test('one flipped byte anywhere is never taken as good', async () => {
    const exporter = anExporter();
    const pristine = new Site();
    const { folder } = await aBundle(exporter)
      .repository('files', { a: 'hello world', b: 'x'.repeat(5000), c: { link: 'a' } })
      .on(pristine.medium);
    const files = readdirSync(folder);
    const where = folder.slice(pristine.medium.length + 1);
    // one flip in each file, then cuts; with SLOW=1 many more
    const rounds = process.env['SLOW'] === undefined ? 10 : 200;
    for (let n = 0; n < rounds; n++) {
      // a new site each time: what another copy brought is held, and needs no second reading
      const site = new Site().trusts(exporter);
      const name = files[n % files.length] ?? '';
      rmSync(site.medium, { recursive: true });
      cpSync(pristine.medium, site.medium, { recursive: true });
      const path = join(site.medium, where, name);
      if (n >= files.length && n % 2 === 0) truncateSync(path, Math.floor(readFileSync(path).length * Math.random()));
      else flip(path, Math.floor(Math.random() * readFileSync(path).length));
      const outcome = await site.import();
      expect({ name, status: outcome.status, published: site.published() }).toEqual({
        name,
        status: expect.any(Number),
        published: {},
      });
      expect([3, 4, 5]).toContain(outcome.status);
      if (n % files.length > 0) continue;
      rmSync(site.medium, { recursive: true });
      cpSync(pristine.medium, site.medium, { recursive: true });
      expect((await site.import()).status).toBe(0);
      expect(site.published()).toEqual({ a: 'hello world', b: 'x'.repeat(5000), c: '-> a' });
    }
  }, 600_000);
});
