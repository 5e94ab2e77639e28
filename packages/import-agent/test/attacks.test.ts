/** What an attacker tried, with a stick, at the disk, or by pulling the plug: each once, as it was found. */
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { fingerprintOf, type InventoryRow, publicKeyOf, sha256Of } from '@gapferry/bundle-format';
import { readSecretKeyFile } from '@gapferry/station/keys/files';
import { surveyAll } from '../src/holdings/check.ts';
import type { Outcome } from '../src/agent.ts';
import { recoverAll } from '../src/holdings/check.ts';
import { publishReceived } from '../src/publishing/publish-received.ts';
import { readTrust, writeTrust } from '../src/trust/file.ts';
import { withKey, withoutKey } from '../src/trust/store.ts';
import { aBundle, anExporter, type Exporter } from './support/bundle.ts';
import { Site } from './support/site.ts';

const codes = (outcome: Outcome): string[] => outcome.bundles.flatMap(({ errors }) => errors.map(({ code }) => code));
const digest = (text: string): string => sha256Of(Buffer.from(text));
const far = (site: Site, ...names: string[]): string => join(site.root, 'far', ...names);
const events = (site: Site, event: string): { event: string; code?: string }[] =>
  site.audit().filter((entry) => entry.event === event);

function revoke(site: Site, exporter: Exporter): void {
  writeTrust(site.trustPath, withoutKey(readTrust(site.trustPath), exporter.id, '2026-11-20T00:00:00Z'));
}

describe('trust is asked again', () => {
  /** A bundle of two volumes of which the second has not come. */
  async function waiting(): Promise<{ site: Site; exporter: Exporter; rest: string }> {
    const exporter = anExporter();
    const site = new Site().trusts(exporter);
    const { folder } = await aBundle(exporter)
      .repository('files', { a: 'a'.repeat(3_000_000), b: 'b'.repeat(3_000_000) })
      .limits({ volumeBytes: 4 * 1024 * 1024 })
      .on(site.medium);
    const rest = site.copyMedium('rest');
    rmSync(join(folder, 'vol-0002.zip'));
    expect((await site.import()).status).toBe(5);
    return { site, exporter, rest };
  }

  test('a bundle that waits is refused once its key was revoked, with one audit entry, and never published', async () => {
    const { site, exporter, rest } = await waiting();
    revoke(site, exporter);
    const empty = join(site.root, 'empty');
    mkdirSync(empty);
    const outcome = await site.import(empty);
    expect([outcome.status, outcome.refused.map(({ code }) => code)]).toEqual([3, ['KEY_REVOKED']]);
    expect((await site.import(empty)).status).toBe(0);
    expect(site.audit().filter(({ code }) => code === 'KEY_REVOKED')).toHaveLength(1);
    const late = await site.import(rest);
    expect([late.status, late.published, site.published()]).toEqual([3, [], {}]);
  });

  test('what was received before is not published after the revocation, by the daemon neither', async () => {
    const { site, exporter } = await waiting();
    revoke(site, exporter);
    const { world, close } = site.open();
    const [offer] = world.journal.bundles.openOffers('files');
    if (offer !== undefined) world.journal.bundles.setState(offer, 'received', '2026-11-20T00:00:00Z');
    expect(await publishReceived(world, readTrust(site.trustPath))).toEqual([]);
    expect(world.journal.bundles.offersFor('files', 1)[0]).toMatchObject({ state: 'refused', code: 'KEY_REVOKED' });
    await close();
  });

  test('another key that was enrolled meanwhile does not speak for a bundle that it never signed', async () => {
    const { site, exporter } = await waiting();
    revoke(site, exporter);
    site.trusts(anExporter(), { replaces: exporter.id });
    const empty = join(site.root, 'empty');
    mkdirSync(empty);
    expect((await site.import(empty)).refused.map(({ code }) => code)).toEqual(['KEY_REVOKED']);
  });
});

describe('copies of one bundle', () => {
  test('a broken one on the same medium costs the good one nothing, whichever comes first', async () => {
    for (const name of ['copy', 'zcopy']) {
      const exporter = anExporter();
      const site = new Site().trusts(exporter);
      const { folder } = await aBundle(exporter).repository('files', { a: 'one' }).on(site.medium);
      const copy = join(folder, '..', name);
      cpSync(folder, copy, { recursive: true });
      truncateSync(join(copy, 'vol-0000.zip'), 100);
      const outcome = await site.import();
      expect([outcome.status, site.published()]).toEqual([4, { a: 'one' }]);
    }
  });

  test('a false signature on one copy does not take the place of the good one', async () => {
    const exporter = anExporter();
    const site = new Site().trusts(exporter);
    const { folder } = await aBundle(exporter).repository('files', { a: 'one' }).on(site.medium);
    const other = new Site();
    const false_ = await aBundle(anExporter()).repository('files', { a: 'two' }).on(other.medium);
    cpSync(folder, join(folder, '..', 'zcopy'), { recursive: true });
    cpSync(join(false_.folder, 'manifest.json.minisig'), join(folder, '..', 'zcopy', 'manifest.json.minisig'));
    const outcome = await site.import();
    expect([codes(outcome), site.published()]).toEqual([['KEY_UNKNOWN'], { a: 'one' }]);
  });
});

describe('the disk of the site', () => {
  test('a staged object is not believed by its size', async () => {
    const exporter = anExporter();
    const site = new Site().trusts(exporter);
    const { folder } = await aBundle(exporter)
      .repository('files', { a: 'a'.repeat(3_000_000), b: 'b'.repeat(3_000_000) })
      .limits({ volumeBytes: 4 * 1024 * 1024 })
      .on(site.medium);
    const whole = site.copyMedium('whole');
    rmSync(join(folder, 'vol-0002.zip'));
    await site.import();
    const staged = join(site.target('files'), '.gapferry/staging', digest('a'.repeat(3_000_000)));
    const { atime, mtime } = statSync(staged);
    writeFileSync(staged, 'E'.repeat(3_000_000));
    utimesSync(staged, atime, mtime);
    expect((await site.import(whole)).status).toBe(0);
    expect(site.published()).toEqual({ a: 'a'.repeat(3_000_000), b: 'b'.repeat(3_000_000) });
  });

  test('a target that everybody may write to, and a staging folder that leads elsewhere, are refused', () => {
    const site = new Site();
    chmodSync(site.target('files'), 0o777);
    expect(() => site.open()).toThrow(expect.objectContaining({ code: 'CONFIG_PERMS' }));
    chmodSync(site.target('files'), 0o755);
    const outside = join(site.root, 'outside');
    mkdirSync(outside);
    symlinkSync(outside, join(site.target('files'), '.gapferry'));
    expect(() => site.open()).toThrow(expect.objectContaining({ code: 'STORE_TAMPERED' }));
    rmSync(join(site.target('files'), '.gapferry'));
    mkdirSync(join(site.target('files'), '.gapferry'));
    chmodSync(join(site.target('files'), '.gapferry'), 0o777);
    expect(() => site.open()).toThrow(expect.objectContaining({ code: 'STORE_TAMPERED' }));
  });

  test('a published folder that somebody made a link is neither looked through nor written through', async () => {
    const exporter = anExporter();
    const site = new Site().trusts(exporter);
    await aBundle(exporter).sequence(1).repository('files', { 'pool/a': 'a', 'pool/b': 'b' }).on(site.medium);
    await site.import();
    const outside = join(site.root, 'outside');
    renameSync(join(site.target('files'), 'pool'), outside);
    symlinkSync(outside, join(site.target('files'), 'pool'));
    const { world, close } = site.open();
    expect(await surveyAll(world)).toBe(2);
    await close();
    await aBundle(exporter).sequence(2).repository('files', { 'pool/a': 'new', c: 'c' }).on(site.medium);
    const outcome = await site.import();
    expect(outcome.bundles.flatMap(({ repositories }) => repositories.map(({ code }) => code))).toContain(
      'STORE_TAMPERED',
    );
    expect([readFileSync(join(outside, 'a'), 'utf8'), readdirSync(outside)]).toEqual(['a', ['a', 'b']]);
  });

  test('trust.json that others may write to is refused, and so is the key of the site itself as an exporter', () => {
    const site = new Site().trusts(anExporter());
    chmodSync(site.trustPath, 0o666);
    expect(() => site.open()).toThrow(expect.objectContaining({ code: 'CONFIG_PERMS' }));
    chmodSync(site.trustPath, 0o600);
    const publicKey = publicKeyOf(readSecretKeyFile(far(site, 'site.key')));
    writeTrust(
      site.trustPath,
      withKey(readTrust(site.trustPath), {
        publicKey,
        fingerprint: fingerprintOf(publicKey),
        now: '2026-11-01T00:00:00Z',
      }),
    );
    expect(() => site.open()).toThrow(expect.objectContaining({ code: 'CONFIG_TRUST' }));
  });
});

describe('killed between two lines', () => {
  test('between the commit and the audit entry: one entry in the end', async () => {
    const exporter = anExporter();
    const site = new Site().trusts(exporter);
    await aBundle(exporter).repository('files', { a: '1' }).on(site.medium);
    await site.import();
    expect(events(site, 'repository.published')).toHaveLength(1);
    const [entry] = events(site, 'repository.published');
    const fields = Object.fromEntries(
      Object.entries(entry ?? {}).filter(([name]) => !['n', 'at', 'prev'].includes(name)),
    );
    const { world, close } = site.open();
    world.journal.oweAudit({ event: 'x', ...fields }); // written already, and the mark was lost
    world.journal.oweAudit({ event: 'repository.published', repository: 'other' }); // not written
    await recoverAll(world);
    await recoverAll(world);
    await close();
    expect(events(site, 'repository.published').map((one) => 'repository' in one && one.repository)).toEqual([
      'files',
      'other',
    ]);
  });

  test('an entry that is owed is written at the next start, before all others', async () => {
    const exporter = anExporter();
    const site = new Site().trusts(exporter);
    await aBundle(exporter).repository('files', { a: '1' }).on(site.medium);
    const { world, close } = site.open();
    world.journal.transaction(() => world.journal.oweAudit({ event: 'x.y' }));
    await close();
    await site.import();
    expect(site.audit().map(({ event }) => event)).toEqual(['x.y', 'bundle.admitted', 'repository.published']);
  });

  test('what a run left in spool and inbox is gone after the next start; evidence of what was admitted stays', async () => {
    const exporter = anExporter();
    const site = new Site().trusts(exporter);
    const { sha256 } = await aBundle(exporter).repository('files', { a: '1' }).on(site.medium);
    await site.import();
    mkdirSync(far(site, 'state/spool', `${'0'.repeat(64)}-1`));
    writeFileSync(far(site, 'state/spool/findings-files.sqlite'), 'not a database');
    for (const name of ['0'.repeat(64), 'incoming-1']) mkdirSync(far(site, 'state/inbox', name));
    const { world, close } = site.open();
    await recoverAll(world);
    await close();
    expect([readdirSync(far(site, 'state/spool')), readdirSync(far(site, 'state/inbox'))]).toEqual([[], [sha256]]);
  });

  test('a failure within the taking over of findings is told as what it is, and the next one is not locked out', async () => {
    const exporter = anExporter();
    const site = new Site().trusts(exporter);
    const { world, close } = site.open();
    const findings = far(site, 'state/spool/f.sqlite');
    const { Findings } = await import('../src/journal/findings.ts');
    new Findings(findings).during(() => undefined);
    expect(() =>
      world.journal.holdings.merge('files', findings, () => {
        throw new Error('the first error');
      }),
    ).toThrow('the first error');
    world.journal.holdings.merge('files', findings);
    await close();
  });
});

describe('media of strangers and of liars', () => {
  test('what no trusted key signed leaves nothing behind', async () => {
    const site = new Site().trusts(anExporter());
    await aBundle(anExporter()).repository('files', { a: '1' }).on(site.medium);
    expect((await site.import()).status).toBe(3);
    expect([readdirSync(far(site, 'state/inbox')), readdirSync(far(site, 'state/spool'))]).toEqual([[], []]);
  });

  test('a head that declares more than fits is told with its numbers, and other bundles are taken', async () => {
    const exporter = anExporter();
    const site = new Site({ repositories: { files: 'tree', other: 'tree' } }).trusts(exporter);
    await aBundle(exporter)
      .sequence(1)
      .repository('files', { a: '1' })
      .bent((m) => ({ ...m, index: { ...m.index, bytes: 2 ** 50 } }))
      .on(site.medium);
    await aBundle(exporter).sequence(2).repository('other', { b: '2' }).on(site.medium);
    const outcome = await site.import();
    expect([codes(outcome), outcome.status, site.published('other')]).toEqual([['LOCAL_FULL'], 6, { b: '2' }]);
    expect(outcome.bundles.flatMap(({ errors }) => errors)[0]?.message).toMatch(
      /needs 2(\.0+)? PiB|needs .*, and only .* are free/,
    );
  });

  test('an unsafe name in one index stops one bundle, not the medium; the refusal is audited once', async () => {
    const exporter = anExporter();
    const site = new Site({ repositories: { files: 'tree', other: 'tree' } }).trusts(exporter);
    await aBundle(exporter)
      .sequence(2)
      .repository('files', { a: '1' })
      .bentIndex((rows) => rows.map((row) => ({ ...row, kind: 'whole', entry: 'content/files/../../x' }) as typeof row))
      .on(site.medium);
    await aBundle(exporter).sequence(1).repository('other', { b: '2' }).on(site.medium);
    const outcome = await site.import();
    expect([codes(outcome), outcome.status, site.published('other')]).toEqual([['PATH_UNSAFE'], 3, { b: '2' }]);
    await site.import();
    expect(events(site, 'repository.refused')).toHaveLength(1);
  });

  test('an inventory that gives a held object another size is told', async () => {
    const site = new Site();
    const { world, close } = site.open();
    const rows = (sizes: Record<string, number>): InventoryRow[] =>
      Object.entries(sizes).map(([path, size]) => ({
        path,
        type: 'file',
        role: 'content',
        size,
        sha256: sha256Of(Buffer.from('a')),
        exec: false,
        mtime: 1,
      }));
    const lies = (name: string, sizes: Record<string, number>): string | undefined => {
      const id = world.journal.inventories.begin('files', sha256Of(Buffer.from(name)));
      world.journal.inventories.add(id, rows(sizes));
      return world.journal.inventories.pathThatLies('files', id);
    };
    expect([lies('good', { x: 1, y: 1 }), lies('two sizes', { x: 1, y: 2 })]).toEqual([undefined, 'x']);
    world.journal.holdings.stage('files', [{ sha256: sha256Of(Buffer.from('a')), size: 1 }]);
    expect([lies('also good', { x: 1 }), lies('staged', { x: 2 })]).toEqual([undefined, 'x']);
    await close();
  });

  test('a row whose size lies is told', async () => {
    const exporter = anExporter();
    const site = new Site().trusts(exporter);
    await aBundle(exporter)
      .repository('files', { a: '1' })
      .bentIndex((rows) => rows.map((row) => ({ ...row, size: 2, stored: 2 })))
      .on(site.medium);
    const outcome = await site.import();
    expect([codes(outcome), outcome.status, site.published()]).toEqual([['INDEX_INVALID'], 4, {}]);
  });

  test('a volume with an entry that no index names: nothing of that bundle is published, not with the next import either', async () => {
    const exporter = anExporter();
    const site = new Site().trusts(exporter);
    const first = new Site();
    await aBundle(exporter)
      .sequence(1)
      .repository('files', { a: 'a', b: 'b'.repeat(300_000) })
      .bearing('a')
      .on(first.medium);
    expect((await site.import(first.medium)).status).toBe(5);
    await aBundle(exporter)
      .sequence(2)
      .repository('files', { b: 'b'.repeat(300_000), c: 'c'.repeat(300_000), z: 'z'.repeat(300_000) })
      .bentIndex((rows) => rows.slice(0, -1))
      .on(site.medium);
    const outcome = await site.import();
    expect([codes(outcome), outcome.published, site.published()]).toEqual([['ENTRY_UNLISTED'], [], {}]);
    expect(outcome.bundles[0]?.repositories[0]).toMatchObject({ state: 'refused', code: 'ENTRY_UNLISTED' });
    // its objects are what they say, and serve the honest bundle from the next run on
    const again = await site.import();
    expect([codes(again), again.published.map(({ sequence }) => sequence), site.published()]).toEqual([
      ['ENTRY_UNLISTED'],
      [1],
      { a: 'a', b: 'b'.repeat(300_000) },
    ]);
  });

  test('a foreign manifest.json in the root of a medium hides no bundle', async () => {
    const exporter = anExporter();
    const site = new Site().trusts(exporter);
    await aBundle(exporter).repository('files', { a: '1' }).on(site.medium);
    writeFileSync(join(site.medium, 'manifest.json'), '{}');
    expect((await site.import()).published).toHaveLength(1);
  });

  test('after a fork the later bundles of that exporter are held; its successor is taken', async () => {
    const exporter = anExporter();
    const site = new Site().trusts(exporter);
    await aBundle(exporter).sequence(1).repository('files', { a: '1' }).on(site.medium);
    await site.import();
    const forked = new Site();
    await aBundle(exporter).sequence(1).repository('files', { a: 'x' }).on(forked.medium);
    expect(codes(await site.import(forked.medium))).toEqual(['FORK_DETECTED']);
    const later = new Site();
    await aBundle(exporter).sequence(2).repository('files', { a: '2' }).on(later.medium);
    const held = await site.import(later.medium);
    expect([codes(held), held.status, site.published()]).toEqual([['FORK_DETECTED'], 3, { a: '1' }]);
    const successor = anExporter();
    revoke(site, exporter);
    site.trusts(successor, { replaces: exporter.id });
    const fresh = new Site();
    await aBundle(successor).sequence(1).repository('files', { a: '3' }).on(fresh.medium);
    expect((await site.import(fresh.medium)).status).toBe(0);
    expect(site.published()).toEqual({ a: '3' });
    expect(existsSync(far(site, 'state/inbox'))).toBe(true);
  });
});
