/** Whole runs: a source, a folder as the medium, a site that answers. Child processes and threads are the real ones. */

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openDatabase } from '@gapferry/station';
import { MIGRATIONS } from '../src/ledger/schema.ts';
import {
  blocksName,
  bundleFolder,
  MANIFEST,
  parseManifest,
  sha256Of,
  verifySignatures,
  volumeName,
  type Manifest,
  type Receipt,
} from '@gapferry/bundle-format';
import { digestOf, FarSite, makeNear, names, type Near, reopened } from './support/near.ts';

let near: Near;
beforeEach(() => {
  near = makeNear();
});
afterEach(() => near.close());

const manifestOf = (sequence: number): Manifest => {
  const read = (name: string): Buffer => readFileSync(join(near.bundle(sequence), name));
  const { bytes } = verifySignatures(
    MANIFEST,
    read(MANIFEST),
    [{ name: 'manifest.json.minisig', bytes: read('manifest.json.minisig') }],
    [near.world().publicKey],
  );
  return parseManifest(bytes);
};
const entry = (sequence: number, volume: number, name: string): string =>
  execFileSync('unzip', ['-p', join(near.bundle(sequence), volumeName(volume)), name], { encoding: 'utf8' });
const rows = (text: string): Record<string, unknown>[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
const inventory = (sequence: number): Record<string, unknown>[] => rows(entry(sequence, 0, 'inventory/docs.ndjson'));
/** Digests of what a bundle carries. */
const carried = (sequence: number): string[] =>
  rows(entry(sequence, 0, 'index.ndjson'))
    .map(({ sha256 }) => String(sha256))
    .toSorted();
const digests = (...texts: string[]): string[] => texts.map(digestOf).toSorted();
/** Bends one fact of the ledger. */
const inLedger = (sql: string): void => {
  const db = openDatabase(join(near.root, 'near/state/ledger.sqlite'), MIGRATIONS);
  db.exec(sql);
  db.close();
};
const only = (report: Awaited<ReturnType<Near['export']>>) => {
  const [bundle] = report.bundles;
  if (bundle === undefined) throw new Error('no bundle');
  return bundle;
};

describe('the first bundle', () => {
  it('carries each object once, states the whole tree, and satisfies ordinary tools', async () => {
    near.put('a.txt', 'alpha');
    near.put('copy/of-a.txt', 'alpha');
    near.put('tool', '#!/bin/sh\n');
    execFileSync('chmod', ['755', join(near.source, 'tool')]);
    near.put('void', '');
    mkdirSync(join(near.source, 'empty'));
    symlinkSync('a.txt', join(near.source, 'link'));

    const bundle = only(await near.export());
    expect(bundle).toMatchObject({
      outcome: 'exported',
      sequence: 1,
      why: 'first',
      objects: 3,
      notEnrolled: ['plant7'],
    });
    expect(inventory(1)).toEqual([
      expect.objectContaining({ path: 'a.txt', type: 'file', role: 'content', size: 5, sha256: digestOf('alpha') }),
      expect.objectContaining({ path: 'copy/of-a.txt', sha256: digestOf('alpha') }),
      { path: 'empty', type: 'dir' },
      { path: 'link', type: 'link', role: 'content', target: 'a.txt' },
      expect.objectContaining({ path: 'tool', exec: true }),
      expect.objectContaining({ path: 'void', size: 0 }),
    ]);
    expect(carried(1)).toEqual(digests('alpha', '#!/bin/sh\n', ''));
    expect(entry(1, 1, 'content/docs/a.txt')).toBe('alpha');
    execFileSync('sha256sum', ['-c', 'SHA256SUMS', '--quiet'], { cwd: near.bundle(1) });
    execFileSync('unzip', ['-tqq', volumeName(1)], { cwd: near.bundle(1) });
  });

  it('is signed, and its manifest says what it is', async () => {
    near.put('a', '1');
    const { manifest } = only(await near.export());
    expect(sha256Of(readFileSync(join(near.bundle(1), MANIFEST)))).toBe(manifest);
    expect(manifestOf(1)).toMatchObject({
      sequence: 1,
      sites: ['plant7'],
      previous: null,
      basis: 'acknowledged',
      repositories: [{ name: 'docs', preset: 'tree', snapshot: 1 }],
    });
    expect(names(near.bundle(1))).toEqual([
      'SHA256SUMS',
      'manifest.json',
      'manifest.json.minisig',
      blocksName(0),
      volumeName(0),
      blocksName(1),
      volumeName(1),
    ]);
  });

  it('packs many small files, and divides a large one over volumes', async () => {
    await near.close();
    near = makeNear({ extra: 'bundle: { volumeBytes: 8 MiB }\n' });
    for (let n = 0; n < 200; n++) near.put(`small/${n}.txt`, `text ${n}`);
    writeFileSync(join(near.source, 'large'), Buffer.alloc(20 << 20, 'gapferry'));
    const bundle = only(await near.export());
    expect(bundle).toMatchObject({ objects: 201 });
    expect(bundle.volumes).toBeGreaterThanOrEqual(3);
    expect(manifestOf(1).requires.toSorted()).toEqual(['packs', 'parts', 'zip']);
    for (const { name, bytes } of manifestOf(1).volumes)
      expect({ name, fits: bytes <= 8 << 20 }).toEqual({ name, fits: true });
    const kinds = rows(entry(1, 0, 'index.ndjson')).map(({ kind }) => kind);
    expect(new Set(kinds)).toEqual(new Set(['packed', 'part']));
    execFileSync('sha256sum', ['-c', 'SHA256SUMS', '--quiet'], { cwd: near.bundle(1) });
  });
});

describe('what follows', () => {
  it('makes nothing when nothing changed', async () => {
    near.put('a', '1');
    await near.export();
    expect(only(await near.export())).toMatchObject({ outcome: 'nothing' });
    expect(names(join(near.folder, 'gapferry/bundles'))).toEqual([bundleFolder(near.world().exporter, 1)]);
  });

  it('carries what is new, and nothing else: a moved and a copied file cross without bytes', async () => {
    near.put('a', 'one');
    near.put('b', 'two');
    await near.export();
    renameSync(join(near.source, 'a'), join(near.source, 'moved'));
    copyFileSync(join(near.source, 'b'), join(near.source, 'copied'));
    near.put('c', 'three');
    expect(only(await near.export())).toMatchObject({ outcome: 'exported', sequence: 2, why: 'objects' });
    expect(carried(2)).toEqual(digests('three'));
    expect(inventory(2).map(({ path }) => path)).toEqual(['b', 'c', 'copied', 'moved']);
    expect(manifestOf(2)).toMatchObject({
      previous: { sequence: 1, sha256: sha256Of(readFileSync(join(near.bundle(1), MANIFEST))) },
      repositories: [{ snapshot: 2 }],
    });
  });

  it('makes a bundle without objects when only paths changed', async () => {
    near.put('a', 'one');
    await near.export();
    renameSync(join(near.source, 'a'), join(near.source, 'b'));
    expect(only(await near.export())).toMatchObject({ outcome: 'exported', why: 'metadata', objects: 0, volumes: 0 });
    expect(carried(2)).toEqual([]);
  });

  it('sees a change of the same size within the tick of the clock', async () => {
    near.put('a', 'one');
    const then = new Date(2026, 1, 1);
    utimesSync(join(near.source, 'a'), then, then);
    await near.export();
    near.put('a', 'eno');
    utimesSync(join(near.source, 'a'), then, then);
    await near.export();
    expect(carried(2)).toEqual(digests('eno'));
  });

  it('sends everything again when asked, and writes nothing when only asked to look', async () => {
    near.put('a', 'one');
    await near.export();
    expect(only(await near.export({ full: true, dryRun: true }))).toMatchObject({ outcome: 'planned', objects: 1 });
    expect(existsSync(near.bundle(2))).toBe(false);
    expect(only(await near.export({ full: true }))).toMatchObject({
      outcome: 'exported',
      sequence: 2,
      basis: 'full',
      objects: 1,
    });
  });
});

describe('receipts', () => {
  const answered = async (answer: Parameters<FarSite['answer']>[1], site = new FarSite()): Promise<FarSite> => {
    site.enrol(near);
    site.answer(near, answer);
    return site;
  };

  it('settle bundles, and what the site holds is not sent again', async () => {
    near.put('a', 'one');
    near.put('b', 'two');
    await near.export();
    await answered({
      number: 1,
      holds: [digestOf('one'), digestOf('two')],
      bundles: [{ sequence: 1, state: 'published' }],
    });
    near.put('c', 'three');
    const report = await near.export();
    expect(report.receipts).toEqual([
      expect.objectContaining({ outcome: 'accepted', held: 2, missing: 0, settled: [1] }),
    ]);
    expect(carried(2)).toEqual(digests('three'));
    expect(report.removed).toEqual([1]);
    expect(existsSync(near.bundle(1))).toBe(false);
  });

  it('bring back what the site misses, although it was sent', async () => {
    near.put('a', 'one');
    near.put('b', 'two');
    await near.export();
    await answered({
      number: 1,
      holds: [digestOf('one')],
      missing: [digestOf('two')],
      bundles: [{ sequence: 1, state: 'waiting' }],
    });
    expect(only(await near.export())).toMatchObject({ outcome: 'exported', why: 'objects' });
    expect(carried(2)).toEqual(digests('two'));
    expect(only(await near.export())).toMatchObject({ outcome: 'nothing' });
  });

  it('of a site that adopted make the first bundle a delta', async () => {
    near.put('a', 'one');
    near.put('b', 'two');
    await answered({ number: 1, holds: [digestOf('one')], bend: (receipt) => ({ ...receipt, repositories: [] }) });
    await near.export();
    expect(carried(1)).toEqual(digests('two'));
  });

  it('move nothing when a stranger signed them, and a later good one counts', async () => {
    near.put('a', 'one');
    await near.export();
    const site = await answered({
      number: 1,
      holds: [],
      missing: [digestOf('one')],
      bundles: [{ sequence: 1, state: 'waiting' }],
    });
    new FarSite().enrol(near); // the enrolled key is another one now
    const report = await near.export();
    expect(report.receipts).toEqual([expect.objectContaining({ outcome: 'refused', code: 'KEY_UNKNOWN' })]);
    expect(only(report)).toMatchObject({ outcome: 'nothing' });
    site.enrol(near);
    expect(only(await near.export())).toMatchObject({ outcome: 'exported', why: 'objects' });
  });

  it('move nothing when a list was changed, and are told in the audit log', async () => {
    near.put('a', 'one');
    await near.export();
    const site = new FarSite();
    site.enrol(near);
    const path = site.answer(near, {
      number: 1,
      holds: [digestOf('one')],
      bundles: [{ sequence: 1, state: 'published' }],
    });
    writeFileSync(path.replace('.json', '.holds'), `${digestOf('two')}\n`);
    expect((await near.export()).receipts).toEqual([
      expect.objectContaining({ outcome: 'refused', code: 'HASH_MISMATCH' }),
    ]);
    const audit = readFileSync(join(near.root, 'near/logs/audit.log'), 'utf8');
    expect(audit.split('\n').filter((line) => line.includes('RECEIPT_INVALID'))).toHaveLength(1);
    expect(near.world().ledger.bundles.onTheRoad()).toEqual([1]);
  });

  const UTMOST = 2 ** 53 - 2;
  it.each<[string, Partial<Receipt>]>([
    ['a snapshot', { repositories: [{ name: 'docs', state: 'published', snapshot: UTMOST, offered: UTMOST }] }],
    ['an offered one', { repositories: [{ name: 'docs', state: 'waiting', snapshot: null, offered: UTMOST }] }],
    ['a bundle', { bundles: [{ sequence: UTMOST, sha256: digestOf('x'), state: 'published', code: null }] }],
    ['its own number', { number: UTMOST }],
  ])('cannot use up the numbers: %s at the limit of the format moves nothing', async (_says, bent) => {
    near.put('a', 'one');
    await near.export();
    const site = new FarSite();
    site.enrol(near);
    site.answer(near, { number: 1, bend: (receipt) => ({ ...receipt, ...bent }) });
    near.put('b', 'two');
    const report = await near.export();
    expect(report.receipts).toEqual([expect.objectContaining({ outcome: 'refused', code: 'RECEIPT_INVALID' })]);
    expect(readFileSync(join(near.root, 'near/logs/audit.log'), 'utf8')).toContain('receipt.refused');
    expect(only(report)).toMatchObject({ sequence: 2, repositories: [{ snapshot: 2 }] });
    site.answer(near, { number: 2, holds: [digestOf('one')], bundles: [{ sequence: 2, state: 'published' }] });
    near.put('c', 'three');
    const after = await near.export();
    expect(after.receipts).toContainEqual(expect.objectContaining({ outcome: 'accepted', number: 2 }));
    expect(only(after)).toMatchObject({ sequence: 3, repositories: [{ snapshot: 3 }] });
  });

  it('of a site that is not enrolled are set aside', async () => {
    near.put('a', 'one');
    await near.export();
    new FarSite().answer(near, { number: 1, bundles: [{ sequence: 1, state: 'published' }] });
    expect((await near.export()).receipts).toEqual([{ site: 'plant7', outcome: 'not enrolled' }]);
  });

  it('that are replayed after a newer one move nothing', async () => {
    near.put('a', 'one');
    await near.export();
    const site = await answered({
      number: 1,
      missing: [digestOf('one')],
      bundles: [{ sequence: 1, state: 'waiting' }],
    });
    const old = join(near.folder, 'gapferry/receipts/plant7');
    execFileSync('cp', ['-r', old, join(near.root, 'kept')]);
    site.answer(near, { number: 2, holds: [digestOf('one')], bundles: [{ sequence: 1, state: 'published' }] });
    await near.export();
    rmSync(old, { recursive: true });
    execFileSync('cp', ['-r', join(near.root, 'kept'), old]);
    const report = await near.export();
    expect(report.receipts).toEqual([{ site: 'plant7', outcome: 'older', number: 1 }]);
    expect(only(report)).toMatchObject({ outcome: 'nothing' });
  });
});

describe('a bundle that never arrives', () => {
  it('is made up for when it is declared lost', async () => {
    near.put('a', 'one');
    await near.export();
    near.put('b', 'two');
    await near.export();
    near.world().ledger.bundles.lose(2);
    near.put('c', 'three');
    await near.export();
    expect(carried(3)).toEqual(digests('two', 'three'));
  });

  it('is made up for when it is overdue', async () => {
    await near.close();
    near = makeNear({ extra: 'bundle: { overdue: 1 ms }\n' });
    near.put('a', 'one');
    await near.export();
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(only(await near.export())).toMatchObject({ outcome: 'exported', objects: 1 });
  });

  it('is not made up for with basis sent, until a receipt says what is missing', async () => {
    await near.close();
    near = makeNear({ extra: 'bundle: { basis: sent, overdue: 1 ms }\n' });
    near.put('a', 'one');
    await near.export();
    near.put('b', 'two');
    await near.export();
    near.put('c', 'three');
    await near.export();
    expect(carried(3)).toEqual(digests('three'));
    const site = new FarSite();
    site.enrol(near);
    site.answer(near, {
      number: 1,
      holds: [digestOf('one'), digestOf('three')],
      missing: [digestOf('two')],
      bundles: [
        { sequence: 1, state: 'published' },
        { sequence: 3, state: 'waiting' },
      ],
    });
    await near.export();
    expect(carried(4)).toEqual(digests('two'));
  });
});

describe('what is left by a run that was cut off', () => {
  it('is removed when it was not signed, and its number is not used again', async () => {
    near.put('a', 'one');
    near.world().ledger.bundles.reserve({ kind: 'folder', path: near.folder }, '2026-11-20T00:00:00Z');
    mkdirSync(near.bundle(1), { recursive: true });
    writeFileSync(join(near.bundle(1), volumeName(1)), 'half a volume');
    writeFileSync(join(near.bundle(1), 'notes.txt'), 'of somebody else');
    expect(only(await near.export())).toMatchObject({ sequence: 2 });
    expect(names(near.bundle(1))).toEqual(['notes.txt']);
  });

  it('is recorded when its signature had reached the medium, and then counts as sent', async () => {
    near.put('a', 'one');
    await near.export();
    inLedger(`UPDATE bundles SET state = 'signing', committed = NULL`);
    expect(only(await near.export())).toMatchObject({ outcome: 'nothing' });
    expect(near.world().ledger.bundles.find(1)).toMatchObject({ state: 'committed' });
  });

  it('is removed when the manifest lies there without its signature', async () => {
    near.put('a', 'one');
    await near.export();
    inLedger(`UPDATE bundles SET state = 'signing', committed = NULL`);
    rmSync(join(near.bundle(1), 'manifest.json.minisig'));
    expect(only(await near.export())).toMatchObject({ outcome: 'exported', sequence: 2, objects: 1 });
    expect(existsSync(near.bundle(1))).toBe(false);
  });

  it('is taken up after a kill at any moment', async () => {
    for (let n = 0; n < 40; n++) near.put(`f${n}`, `${n}`.repeat(1000 * n));
    await near.world().close();
    const cli = fileURLToPath(new URL('../src/cli.ts', import.meta.url));
    const flags = [
      '--conditions=gapferry-source',
      '--disable-warning=ExperimentalWarning',
      cli,
      'export',
      '--quiet',
      '--config',
      near.config,
    ];
    for (const afterMs of [300, 600, 900, 1200]) {
      const child = spawn(process.execPath, flags, { stdio: 'ignore' });
      const ended = new Promise((resolve) => child.once('exit', resolve));
      setTimeout(() => child.kill('SIGKILL'), afterMs);
      await ended;
    }
    expect(spawnSync(process.execPath, flags).status).toBe(0);
    near = reopened(near);
    expect(near.world().ledger.bundles.unfinished()).toEqual([]);
    const committed = near
      .world()
      .ledger.bundles.list(10)
      .filter(({ state }) => state === 'committed');
    expect(committed).toHaveLength(1);
    expect(names(join(near.folder, 'gapferry/bundles'))).toEqual([
      bundleFolder(near.world().exporter, committed[0]?.sequence ?? 0),
    ]);
    execFileSync('sha256sum', ['-c', 'SHA256SUMS', '--quiet'], { cwd: near.bundle(committed[0]?.sequence ?? 0) });
  });

  it('does not let the name of a folder use up the numbers', async () => {
    near.put('a', 'one');
    mkdirSync(near.bundle(2 ** 53 - 2), { recursive: true });
    expect(only(await near.export())).toMatchObject({ sequence: 1 });
  });

  it('tells that the numbers are used up, rather than to give one that nobody can read', async () => {
    near.put('a', 'one');
    near.world().ledger.bundles.raiseSequence(2 ** 53 - 2, '2026-11-20T00:00:00Z');
    await expect(near.export()).rejects.toMatchObject({ code: 'LOCAL_IO', facts: { number: 2 ** 53 - 1 } });
    expect(near.world().ledger.bundles.list(1)).toMatchObject([{ sequence: 2 ** 53 - 2 }]);
  });

  it('passes over numbers of this key that the ledger does not know', async () => {
    near.put('a', 'one');
    mkdirSync(near.bundle(7), { recursive: true });
    expect(only(await near.export())).toMatchObject({ sequence: 8 });
  });
});

describe('a dry run', () => {
  const ledgerText = (): string => {
    const db = openDatabase(join(near.root, 'near/state/ledger.sqlite'), MIGRATIONS);
    try {
      const tables = [
        'repositories',
        'files',
        'snapshots',
        'sites',
        'site_repositories',
        'bundles',
        'bundle_sites',
        'runs',
      ];
      return JSON.stringify(tables.map((table) => db.all(`SELECT * FROM ${table}`)));
    } finally {
      db.close();
    }
  };

  it('changes nothing: no receipt is taken in, no snapshot numbered, nothing counted away', async () => {
    near.put('a', 'one');
    near.put('b', 'two');
    await near.export();
    const site = new FarSite();
    site.enrol(near);
    site.answer(near, { number: 1, holds: [digestOf('one')], bundles: [{ sequence: 1, state: 'published' }] });
    near.put('c', 'three');
    near.put('a', 'one!');
    rmSync(join(near.source, 'b'));
    const audit = readFileSync(join(near.root, 'near/logs/audit.log'), 'utf8');
    const before = ledgerText();
    const counts = { files: 2, changed: 2, gone: 1, snapshot: 2 };
    for (let n = 0; n < 2; n++) {
      const report = await near.export({ dryRun: true });
      expect(only(report)).toMatchObject({ outcome: 'planned', objects: 2, repositories: [counts] });
      expect(report.receipts).toMatchObject([{ outcome: 'accepted', number: 1 }]);
      expect(ledgerText()).toBe(before);
    }
    expect(readFileSync(join(near.root, 'near/logs/audit.log'), 'utf8')).toBe(audit);
    expect(existsSync(join(near.root, 'near/state/evidence/receipts'))).toBe(false);
    expect(existsSync(join(near.root, 'near/state/spool/dry-run'))).toBe(false);
    const real = await near.export();
    expect(real.receipts).toMatchObject([{ outcome: 'accepted', number: 1 }]);
    expect(only(real)).toMatchObject({ outcome: 'exported', sequence: 2, objects: 2, repositories: [counts] });
  });

  it('is the first one as well', async () => {
    near.put('a', 'one');
    expect(only(await near.export({ dryRun: true }))).toMatchObject({ repositories: [{ snapshot: 1, changed: 1 }] });
    near.put('a', 'other');
    expect(only(await near.export({ dryRun: true }))).toMatchObject({ repositories: [{ snapshot: 1, changed: 1 }] });
    expect(only(await near.export())).toMatchObject({ repositories: [{ snapshot: 1, changed: 1 }] });
  });

  it('leaves what an interrupted run left on the medium', async () => {
    near.put('a', 'one');
    near.world().ledger.bundles.reserve({ kind: 'folder', path: near.folder }, '2026-11-20T00:00:00Z');
    mkdirSync(near.bundle(1), { recursive: true });
    writeFileSync(join(near.bundle(1), volumeName(1)), 'half a volume');
    await near.export({ dryRun: true });
    expect(names(near.bundle(1))).toEqual([volumeName(1)]);
  });
});

describe('the counts', () => {
  it('are those since the last bundle, also after a run that failed', async () => {
    near.put('a', 'one');
    near.put('b', 'two');
    await near.export();
    near.put('c', 'three');
    near.put('a', 'once');
    rmSync(join(near.source, 'b'));
    // the scan is done before a number is given
    inLedger(`CREATE TRIGGER no_number BEFORE INSERT ON bundles BEGIN SELECT RAISE(ABORT, 'no number'); END`);
    await expect(near.export()).rejects.toThrow('no number');
    inLedger('DROP TRIGGER no_number');
    const report = only(await near.export());
    expect(report).toMatchObject({ outcome: 'exported', repositories: [{ files: 2, changed: 2, gone: 1 }] });
    expect(only(await near.export())).toMatchObject({ outcome: 'nothing', repositories: [{ changed: 0, gone: 0 }] });
  });
});

describe('a source that is not there', () => {
  it.each<[string, () => void]>([
    ['missing', () => undefined],
    ['empty', () => mkdirSync(near.source)],
    ['full of empty folders', () => mkdirSync(join(near.source, 'x/y'), { recursive: true })],
  ])('costs nothing of what is known: %s', async (_says, instead) => {
    near.put('a', 'one');
    near.put('b', 'two');
    await near.export();
    await sleep(2100); // past the time in which a file is hashed again anyway
    await near.export();
    renameSync(near.source, `${near.source}.away`);
    instead();
    await expect(near.export()).rejects.toMatchObject({ code: 'NOT_READY', kind: 'incomplete' });
    rmSync(near.source, { recursive: true, force: true });
    renameSync(`${near.source}.away`, near.source);
    near.put('c', 'three');
    expect(only(await near.export())).toMatchObject({ repositories: [{ changed: 1, gone: 0, hashedBytes: 5 }] });
  });
});

describe('a source that changes under the seal', () => {
  it('is looked at again, and the manifest tells the bytes that cross', async () => {
    near.put('a', 'one');
    await near.export();
    await sleep(2100); // past the time in which a file is hashed again anyway
    await near.export();
    // as if the file had been written to after it was hashed, without any trace in its stat
    inLedger(`UPDATE files SET sha256 = x'${'00'.repeat(32)}'`);
    inLedger(`UPDATE repositories SET dirty = 1`);
    expect(only(await near.export({ full: true }))).toMatchObject({ outcome: 'exported', objects: 1 });
    expect(carried(3)).toEqual(digests('one'));
    expect(names(join(near.folder, 'gapferry/bundles'))).toEqual(
      [1, 3].map((sequence) => bundleFolder(near.world().exporter, sequence)),
    );
  });
});

describe('the outbox', () => {
  it('keeps a bundle until a medium comes, and then lets it go', async () => {
    near.put('a', 'one');
    expect(only(await near.export({ place: null }))).toMatchObject({ sequence: 1, outbox: true });
    expect(existsSync(near.bundle(1))).toBe(false);
    const report = await near.export();
    expect(report.delivered).toEqual([1]);
    expect(only(report)).toMatchObject({ outcome: 'nothing' });
    expect(manifestOf(1).sequence).toBe(1);
    execFileSync('sha256sum', ['-c', 'SHA256SUMS', '--quiet'], { cwd: near.bundle(1) });
    expect(names(join(near.root, 'near/state/outbox/gapferry/bundles'))).toEqual([]);
  });
});

describe('refusals', () => {
  it('never takes a folder for a medium', async () => {
    near.put('a', 'one');
    await expect(near.export({ place: { kind: 'medium', path: near.folder } })).rejects.toMatchObject({
      code: 'NOT_MOUNTED',
    });
    expect(names(near.folder)).toEqual([]);
  });

  it('names a link that leads out of the repository', async () => {
    symlinkSync('../outside', join(near.source, 'bad'));
    await expect(near.export()).rejects.toMatchObject({ code: 'PATH_UNSAFE', message: expect.stringContaining('bad') });
  });

  it.each([
    [{ sites: ['nowhere'] }, 'UNKNOWN_NAME'],
    [{ repositories: ['nothing'] }, 'UNKNOWN_NAME'],
  ])('knows no %j', (wish, code) => expect(near.export(wish)).rejects.toMatchObject({ code }));
});
