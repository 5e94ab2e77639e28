/** Bundles that are perfectly well made, and not for us or not from anyone we trust. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseSecretKey, signStatement } from '@gapferry/bundle-format/signature';
import { codesIn, type Outcome, pause, valuesOf, withStatus } from './support/commands.ts';
import { type BundleOnMedium, configure, fingerprintOf, Pair } from './support/pair.ts';
import { sha256 } from './support/seeded.ts';
import { differences, plant, snapshotOf } from './support/trees.ts';

let pair: Pair;
let stranger: Pair | undefined;
let before = '';

/** One good round first: there is something published that must not change. Then one refusal after the other, with the same site. */
beforeAll(async () => {
  pair = await Pair.create({ name: 'trusted' });
  plant(pair.source(), { a: 'good' });
  await pair.export();
  await pair.published();
}, 60_000);
beforeEach(() => {
  before = snapshotOf(pair.target());
});
afterEach(async () => {
  for (const bundle of pair.bundles()) pair.takeAway(bundle);
  await stranger?.remove();
  stranger = undefined;
});
afterAll(() => pair?.remove());

/** A bundle of our own that the site knows already, for bending. */
const goodBundle = async (): Promise<BundleOnMedium> => {
  for (const bundle of pair.bundles()) pair.takeAway(bundle);
  return pair.export('--full');
};

const onlyOnCarrier = (bundle: BundleOnMedium): BundleOnMedium => {
  const kept = pair.takeAway(bundle);
  for (const other of pair.bundles()) pair.takeAway(other);
  pair.putBack(kept);
  return kept;
};

/** Exactly these: status 3, the code, nothing published, the bundle as it was, one new entry in the audit log. */
const expectRefused = async (code: string): Promise<Outcome> => {
  const bundles = join(pair.far.carrier, 'gapferry', 'bundles');
  const medium = snapshotOf(bundles);
  const audit = pair.far.audit.length;
  const outcome = withStatus(await pair.import(), 3);
  expect(codesIn(outcome)).toContain(code);
  expect(snapshotOf(pair.target())).toBe(before);
  expect(snapshotOf(bundles)).toBe(medium);
  const added = pair.far.audit.slice(audit).filter((line) => line.includes(code));
  expect(added).toHaveLength(1);
  expect(pair.far.log.some((line) => line.includes(code))).toBe(true);
  return outcome;
};

/** A later good bundle on the same carrier is taken as if nothing had been. */
const expectGoodAfterwards = async (): Promise<void> => {
  for (const bundle of pair.bundles()) pair.takeAway(bundle);
  plant(pair.source(), { later: 'good again' });
  withStatus(await pair.near('export', '--full'), 0);
  await pair.published();
  expect(differences(pair.source(), pair.target())).toEqual([]);
};

const signature = (folder: string): string => join(folder, 'manifest.json.minisig');

describe('refuses', () => {
  test('a bundle of a stranger, and takes a good one afterwards', async () => {
    stranger = await Pair.create({ name: 'stranger' });
    plant(stranger.source(), { a: 'evil' });
    const evil = await stranger.export();
    cpSync(evil.folder, join(pair.far.carrier, 'gapferry/bundles', basename(evil.folder)), { recursive: true });
    // its public key beside it, as a helpful thief would
    cpSync(join(stranger.nearDir, 'exporter.pub'), join(pair.far.carrier, 'gapferry/keys/exporter.pub'));
    await expectRefused('KEY_UNKNOWN');
    await expectGoodAfterwards();
  });

  test('a signature that claims the key id of the trusted key', async () => {
    stranger = await Pair.create({ name: 'claims' });
    plant(stranger.source(), { a: 'evil' });
    const evil = await stranger.export();
    const good = await goodBundle();
    const ours = Buffer.from(readFileSync(signature(good.folder), 'utf8').split('\n')[1] ?? '', 'base64');
    const lines = readFileSync(signature(evil.folder), 'utf8').split('\n');
    const theirs = Buffer.from(lines[1] ?? '', 'base64');
    ours.copy(theirs, 2, 2, 10);
    lines[1] = theirs.toString('base64');
    lines[0] = readFileSync(signature(good.folder), 'utf8').split('\n')[0] ?? ''; // the comment names the key, too
    writeFileSync(signature(evil.folder), lines.join('\n'));
    pair.takeAway(good);
    cpSync(evil.folder, join(pair.far.carrier, 'gapferry/bundles', basename(evil.folder)), { recursive: true });
    await expectRefused('SIG_INVALID');
  });

  test('a bundle that is addressed to another site', async () => {
    const elsewhere = await pair.anotherFar('elsewhere', 'elsewhere');
    await pair.enrol(elsewhere);
    plant(pair.source(), { b: 'for elsewhere' });
    onlyOnCarrier(await pair.export('--site', 'elsewhere'));
    const outcome = await expectRefused('WRONG_SITE');
    expect(outcome.stdout + outcome.stderr).toContain('elsewhere');
    await expectGoodAfterwards();
  });

  test('an expired bundle', async () => {
    configure(pair.nearConfig, { 'bundle.expires': '1 second' });
    plant(pair.source(), { b: 'b' });
    const bundle = onlyOnCarrier(await pair.export());
    const manifest: unknown = JSON.parse(readFileSync(join(bundle.folder, 'manifest.json'), 'utf8'));
    const expires = Date.parse(String(valuesOf(manifest, 'expires')[0]));
    await pause(Math.max(0, expires - Date.now()) + 2100);
    await expectRefused('EXPIRED');
    configure(pair.nearConfig, { 'bundle.expires': '180 days' });
    await expectGoodAfterwards();
  });

  test('everything at a site that trusts nobody', async () => {
    const fresh = await pair.anotherFar('fresh');
    await goodBundle();
    cpSync(pair.nearCarrier, fresh.carrier, { recursive: true });
    const outcome = await fresh.import();
    // THREATS 114: nobody is trusted, so the agent itself is not set up; nothing is opened, nothing is judged
    expect([outcome.status, codesIn(outcome)]).toEqual([2, ['CONFIG_TRUST']]);
    expect(readdirSync(fresh.target()).filter((name) => name !== '.gapferry')).toEqual([]);
    await fresh.trust(join(pair.nearDir, 'exporter.pub'));
    withStatus(await fresh.import(), 0);
    expect(differences(pair.source(), fresh.target())).toEqual([]);
  });

  test('trust without a fingerprint, or with a wrong one', async () => {
    const fresh = await pair.anotherFar('unsure');
    const key = join(pair.nearDir, 'exporter.pub');
    expect((await fresh.run('trust add', key)).status).toBe(2);
    const wrong = (await fingerprintOf('export', key)).replace(/^./, (digit) => (digit === '0' ? '1' : '0'));
    const outcome = withStatus(await fresh.run('trust add', key, '--fingerprint', wrong), 3);
    expect(codesIn(outcome)).toContain('KEY_MISMATCH');
    await goodBundle();
    cpSync(pair.nearCarrier, fresh.carrier, { recursive: true });
    expect((await fresh.import()).status).not.toBe(0);
  });

  test('a signed statement of another kind in the place of a manifest', async () => {
    const receipt = pair.receipts().at(-1);
    if (receipt === undefined) throw new Error('no receipt');
    // the trusted key has signed it, and yet a receipt is no manifest
    const secretKey = parseSecretKey(readFileSync(join(pair.nearDir, 'exporter.key'), 'utf8'), 'exporter.key');
    const signed = signStatement(readFileSync(receipt), secretKey, 'manifest/1');
    const good = await goodBundle();
    const folder = join(pair.far.carrier, 'gapferry/bundles', 'x0000000000000000-00000009');
    cpSync(good.folder, folder, { recursive: true });
    cpSync(receipt, join(folder, 'manifest.json'));
    writeFileSync(signature(folder), signed);
    pair.takeAway(good);
    const outcome = withStatus(await pair.import(), 3);
    expect(codesIn(outcome)).toContain('WRONG_STATEMENT');
    expect(snapshotOf(pair.target())).toBe(before);
  });

  test("the site's own key as the key of an exporter", async () => {
    const own = join(pair.far.dir, 'site.pub');
    const outcome = withStatus(await pair.far.run('trust add', own, '--fingerprint', pair.far.fingerprint), 2);
    expect(codesIn(outcome)).toContain('CONFIG_TRUST');
  });
});

test('the exporter takes no receipt that the site did not sign', async () => {
  const receipt = pair.receipts().at(-1);
  if (receipt === undefined) throw new Error('no receipt');
  const forged = join(pair.root, 'forged');
  cpSync(join(receipt, '..'), forged, { recursive: true });
  const file = join(forged, basename(receipt));
  const bytes = readFileSync(file);
  writeFileSync(
    file,
    bytes.toString('utf8').replace(/"number":(\d+)/, (_, n: string) => `"number":${Number(n) + 5}`),
  );
  expect(sha256(readFileSync(file))).not.toBe(sha256(bytes));
  const outcome = withStatus(await pair.near('receipt add', file), 3);
  expect(codesIn(outcome).filter((code) => /^(RECEIPT_INVALID|SIG_INVALID)$/.test(code))).not.toEqual([]);
});

test('refuses whatever a revoked key signed, also what it signed before, and also when no other key is left', async () => {
  plant(pair.source(), { b: 'b' });
  onlyOnCarrier(await pair.export());
  const listed = withStatus(await pair.far.run('trust list'), 0);
  const fingerprint = await fingerprintOf('export', join(pair.nearDir, 'exporter.pub'));
  expect(listed.stdout).toContain(fingerprint);
  withStatus(await pair.far.run('trust revoke', fingerprint), 0);
  await expectRefused('KEY_REVOKED');
});
