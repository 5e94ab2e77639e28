import { beforeAll, expect, test } from '@jest/globals';
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
  closeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { type ErrorCode, exitStatusOfKind, GapferryError, kindOf, worstStatus } from '@gapferry/bundle-format/errors';
import {
  encodePublicKey,
  fingerprintOf,
  generateKeyPair,
  keyIdText,
  signStatement,
} from '@gapferry/bundle-format/signature';
import {
  aMemoryBundle,
  type MemoryBundle,
  type MemoryFile,
} from '../../../bundle-format/test/support/memory-bundle.ts';
import { BlockHasher, encodeBlockList } from '@gapferry/bundle-format/blocks';
import { encodeManifest } from '@gapferry/bundle-format/manifest';
import { sha256Of } from '@gapferry/bundle-format/sha256';
import type { EntryPlan, ObjectToCarry } from '@gapferry/bundle-format/volume-plan';
import { defineProgram } from '../../src/command/program.ts';
import { sharedCommands } from '../../src/command/shared/commands.ts';
import { findBundles } from '../../src/command/shared/find.ts';
import { verifyBundle } from '../../src/command/shared/verify-bundle.ts';
import { temporaryFolder } from '../temporary.ts';

const MIB = 1024 * 1024;
const bytes = (length: number, seed: number): Buffer => {
  const words = Uint32Array.from({ length: Math.ceil(length / 4) }, (_, at) => (at + seed) * 2_654_435_761);
  return Buffer.from(words.buffer, 0, length);
};
const TREE: MemoryFile[] = [
  ...Array.from({ length: 50 }, (_, n) => ({ path: `small/${n}.txt`, data: bytes(n * 9, n) })),
  { path: 'big/one.bin', data: bytes(9 * MIB + 12_345, 1) },
  { path: 'ümlaut/größe.bin', data: bytes(100_000, 2) },
  { path: 'index.json', data: bytes(200, 3), role: 'metadata' },
];

const NAME = 'x0123456789abcdef-00000012';
let bundle: MemoryBundle;
let other: MemoryBundle;

/** A medium with the bundle on it, and the key beside it. */
const aMedium = (of: MemoryBundle = bundle, name = NAME, medium = temporaryFolder()) => {
  const folder = join(medium, 'gapferry/bundles', name);
  mkdirSync(folder, { recursive: true });
  for (const [file, data] of of.files) writeFileSync(join(folder, file), data);
  const key = join(medium, 'exporter.pub');
  writeFileSync(key, encodePublicKey(of.keys.publicKey));
  return { medium, folder, key };
};

beforeAll(async () => {
  bundle = await aMemoryBundle(TREE, { limits: { volumeBytes: 4 * MIB } });
  other = await aMemoryBundle([{ path: 'only', data: bytes(1000, 9) }]);
});

const run = async (...args: string[]) => {
  const texts = [new PassThrough(), new PassThrough()].map((stream) => {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    return { stream, text: () => Buffer.concat(chunks).toString('utf8') };
  });
  const [out, err] = texts;
  if (out === undefined || err === undefined) throw new Error('no streams');
  const program = defineProgram({ name: 'gapferry-test', version: '1', says: '', commands: sharedCommands() });
  const status = await program.run(args, { stdin: new PassThrough(), stdout: out.stream, stderr: err.stream });
  return { status, out: out.text(), err: err.text() };
};

const flip = (path: string, at: number): void => {
  const fd = openSync(path, 'r+');
  const byte = readFileSync(path)[at] ?? 0;
  writeSync(fd, Uint8Array.of(byte ^ 1), 0, 1, at);
  closeSync(fd);
};

const spools = (): string[] => readdirSync(tmpdir()).filter((name) => /^gapferry-[A-Za-z0-9]{6}$/.test(name));

test('a fingerprint stands alone on its line', async () => {
  const { key } = aMedium();
  const fingerprint = fingerprintOf(bundle.keys.publicKey);
  expect(await run('fingerprint', key)).toEqual({ status: 0, out: `${fingerprint}\n`, err: '' });
  expect((await run('fingerprint', key, '--quiet')).out).toBe(`${fingerprint}\n`);
  expect(JSON.parse((await run('fingerprint', key, '--json')).out)).toMatchObject({
    fingerprint,
    keyId: keyIdText(bundle.keys.publicKey),
  });
  expect(await run('fingerprint', `${key}.missing`)).toMatchObject({ status: 2, out: '' });
});

test('a good bundle is good, by its folder, its manifest, its medium or the folder of bundles', async () => {
  const { medium, folder, key } = aMedium();
  for (const path of [folder, join(folder, 'manifest.json'), medium, join(medium, 'gapferry/bundles')]) {
    expect(findBundles(path)).toEqual([folder]);
  }
  for (const path of [folder, medium]) {
    const ran = await run('verify', path, '--key', key);
    expect(ran).toMatchObject({ status: 0, err: '' });
    expect(ran.out).toContain(`${folder}: good\n`);
    expect(ran.out).toContain(fingerprintOf(bundle.keys.publicKey));
  }
  expect(spools()).toEqual([]);
});

test('the document tells everything', async () => {
  const { folder, key } = aMedium();
  const { out } = await run('verify', folder, '--key', key, '--json');
  expect(JSON.parse(out)).toMatchObject({
    good: true,
    bundles: [
      {
        folder,
        signature: 'good',
        signers: [{ fingerprint: fingerprintOf(bundle.keys.publicKey) }],
        statement: { sequence: bundle.manifest.sequence, repositories: [{ rows: TREE.length }] },
        volumes: bundle.manifest.volumes.map(({ name }) => ({ name, state: 'good' })),
        problems: [],
      },
    ],
  });
});

test('every damaged block is named, and the other volumes are still looked at', async () => {
  const { folder, key } = aMedium();
  flip(join(folder, 'vol-0001.zip'), 100);
  flip(join(folder, 'vol-0003.zip'), 5000);
  const ran = await run('verify', folder, '--key', key, '--json');
  expect(ran.status).toBe(4);
  const [report] = JSON.parse(ran.out).bundles;
  expect(report.problems.map(({ facts }: { facts: unknown }) => facts)).toEqual([
    expect.objectContaining({ volume: 'vol-0001.zip', block: 0 }),
    expect.objectContaining({ volume: 'vol-0003.zip', block: 0 }),
  ]);
  expect(report.volumes.map(({ state }: { state: string }) => state)).toEqual(
    ['good', 'damaged', 'good', 'damaged'].slice(0, report.volumes.length),
  );
  const text = await run('verify', folder, '--key', key);
  expect(text.out).toContain('NOT GOOD');
  expect(text.err).toMatch(/^HASH_MISMATCH: vol-0001\.zip, block 0: .*\nhint: /);
});

test('a volume that is not here is incomplete, not damaged', async () => {
  const { folder, key } = aMedium();
  rmSync(join(folder, 'vol-0002.zip'));
  const ran = await run('verify', folder, '--key', key);
  expect(ran).toMatchObject({ status: 5, err: expect.stringContaining('BUNDLE_INCOMPLETE: vol-0002.zip is not here') });
  expect(ran.out).toContain('good so far, incomplete');
  rmSync(join(folder, 'vol-0000.blocks'));
  expect((await run('verify', folder, '--key', key)).status).toBe(5);
});

/** As the child does it, without the child. */
const problemsOf = async (folder: string): Promise<ErrorCode[]> => {
  const options = {
    keys: [bundle.keys.publicKey],
    spool: temporaryFolder(),
    onTotal: () => undefined,
    onBytes: () => undefined,
  };
  try {
    return (await verifyBundle(folder, options)).problems.map(({ code }) => code);
  } catch (error) {
    if (error instanceof GapferryError) return [error.code];
    throw error;
  }
};

test('nothing is found in a good bundle, and every byte was read', async () => {
  const { folder } = aMedium();
  let [total, read] = [0, 0];
  const options = {
    keys: [bundle.keys.publicKey],
    spool: temporaryFolder(),
    onTotal: (all: number) => (total = all),
    onBytes: (more: number) => (read += more),
  };
  expect((await verifyBundle(folder, options)).problems).toEqual([]);
  expect(read).toBe(total);
  expect(total).toBe(bundle.manifest.volumes.reduce((sum, { bytes: each }) => sum + each, 0));
});

test.each<[string, (folder: string) => void, number, ErrorCode]>([
  ['a bit of the head', (f) => flip(join(f, 'vol-0000.zip'), 50), 4, 'HASH_MISMATCH'],
  ['a bit of a block list', (f) => flip(join(f, 'vol-0001.blocks'), 5), 4, 'HASH_MISMATCH'],
  ['a block list that is too long', (f) => appendFileSync(join(f, 'vol-0001.blocks'), 'x'), 4, 'LENGTH_MISMATCH'],
  ['a volume that is too long', (f) => appendFileSync(join(f, 'vol-0001.zip'), 'x'), 4, 'LENGTH_MISMATCH'],
  ['a volume that is too short', (f) => truncateSync(join(f, 'vol-0001.zip'), 4096), 4, 'TRUNCATED'],
  ['an empty volume', (f) => truncateSync(join(f, 'vol-0001.zip'), 0), 4, 'TRUNCATED'],
  ['sums that say something else', (f) => appendFileSync(join(f, 'SHA256SUMS'), '\n'), 4, 'SUMS_MISMATCH'],
  ['a bit of the manifest', (f) => flip(join(f, 'manifest.json'), 60), 3, 'SIG_INVALID'],
  ['a bit of the first bytes', (f) => flip(join(f, 'manifest.json'), 0), 3, 'SIG_INVALID'],
  ['no signature', (f) => rmSync(join(f, 'manifest.json.minisig')), 3, 'SIG_MISSING'],
  ['an empty signature', (f) => truncateSync(join(f, 'manifest.json.minisig'), 0), 3, 'SIG_FORMAT'],
  ['no manifest', (f) => rmSync(join(f, 'manifest.json')), 5, 'MANIFEST_MISSING'],
])('%s is found', async (_, change, status, code) => {
  const { folder } = aMedium();
  change(folder);
  const problems = await problemsOf(folder);
  expect(problems).toContain(code);
  expect(worstStatus(problems.map((each) => exitStatusOfKind(kindOf(each))))).toBe(status);
});

test('a volume that is a link is not followed', async () => {
  const { folder, key, medium } = aMedium();
  cpSync(join(folder, 'vol-0001.zip'), join(medium, 'elsewhere'));
  rmSync(join(folder, 'vol-0001.zip'));
  symlinkSync(join(medium, 'elsewhere'), join(folder, 'vol-0001.zip'));
  expect(await run('verify', folder, '--key', key)).toMatchObject({
    status: 4,
    err: expect.stringContaining('NOT_A_REGULAR_FILE'),
  });
});

test('a good signature by another key is not good', async () => {
  const { folder, medium } = aMedium();
  const stranger = join(medium, 'stranger.pub');
  writeFileSync(stranger, encodePublicKey(generateKeyPair().publicKey));
  expect(await run('verify', folder, '--key', stranger)).toMatchObject({
    status: 3,
    err: expect.stringContaining('KEY_UNKNOWN'),
  });
});

test('without a key nothing is called good', async () => {
  const { folder } = aMedium();
  expect(await run('verify', folder)).toMatchObject({
    status: 2,
    err: expect.stringContaining('USAGE: no key was given'),
  });
});

test('two signers are both named', async () => {
  const { folder, key, medium } = aMedium();
  const second = generateKeyPair();
  writeFileSync(
    join(folder, 'manifest.json.officer.minisig'),
    signStatement(bundle.manifestBytes, second.secretKey, 'seen'),
  );
  writeFileSync(join(medium, 'second.pub'), encodePublicKey(second.publicKey));
  const ran = await run('verify', '--key', key, '--key', join(medium, 'second.pub'), folder);
  expect(ran.out).toContain(fingerprintOf(bundle.keys.publicKey));
  expect(ran.out).toContain(fingerprintOf(second.publicKey));
});

test('of several bundles each is looked at, and the worst counts', async () => {
  const { medium, key } = aMedium();
  aMedium(other, 'x0123456789abcdef-00000013', medium);
  writeFileSync(key, encodePublicKey(bundle.keys.publicKey));
  const ran = await run('verify', medium, '--key', key, '--json');
  expect(ran.status).toBe(3);
  expect(JSON.parse(ran.out)).toMatchObject({
    good: false,
    bundles: [{ problems: [] }, { problems: [{ code: 'KEY_UNKNOWN' }] }],
  });
  expect((await run('verify', medium, '--key', key)).out).toContain('00000012: good');
});

test('foreign files are named and do no harm', async () => {
  const { folder, key } = aMedium();
  writeFileSync(join(folder, 'kiosk-report.txt'), 'clean');
  expect(await run('verify', folder, '--key', key)).toMatchObject({
    status: 0,
    out: expect.stringContaining('kiosk-report.txt'),
  });
});

test('inspect says that nothing was checked, and with a key that it was', async () => {
  const { folder, key } = aMedium();
  const without = await run('inspect', folder);
  expect(without).toMatchObject({ status: 0, err: '' });
  expect(without.out).toContain('NOT CHECKED');
  expect(without.out).toContain(keyIdText(bundle.keys.publicKey));
  expect(without.out).not.toContain('good');
  const checked = await run('inspect', folder, '--key', key);
  expect(checked.out).not.toContain('NOT CHECKED');
  expect(checked.out).toContain(`good: signed by ${fingerprintOf(bundle.keys.publicKey)}`);
});

test('inspect shows a tampered manifest without a key, and refuses it with one', async () => {
  const { folder, key } = aMedium();
  const path = join(folder, 'manifest.json');
  writeFileSync(path, readFileSync(path, 'utf8').replace(/"created":"20/, '"created":"19'));
  expect((await run('inspect', folder)).out).toContain('NOT CHECKED');
  expect(await run('inspect', folder, '--key', key)).toMatchObject({
    status: 3,
    out: '',
    err: expect.stringContaining('SIG_INVALID'),
  });
});

test('inspect --list prints every path with size and digest', async () => {
  const { folder } = aMedium();
  const lines = (await run('inspect', folder, '--list')).out.split('\n');
  expect(lines.filter((line) => /^[0-9a-f]{64} {2} +\d+ {2}files\//.test(line))).toHaveLength(TREE.length);
  expect(lines.some((line) => line.endsWith('       100000  files/ümlaut/größe.bin'))).toBe(true);
  const document = JSON.parse((await run('inspect', folder, '--list', '--json')).out);
  expect(document.bundles[0].files).toHaveLength(TREE.length);
  expect(document.bundles[0].files[0]).toMatchObject({
    repository: 'files',
    path: 'big/one.bin',
    size: 9 * MIB + 12_345,
  });
  expect(spools()).toEqual([]);
});

test('inspect --list needs the head, and says when it is damaged or missing', async () => {
  const { folder } = aMedium();
  flip(join(folder, 'vol-0000.zip'), 50);
  expect((await run('inspect', folder)).status).toBe(0);
  expect((await run('inspect', folder, '--list')).status).toBe(4);
  rmSync(join(folder, 'vol-0000.zip'));
  expect((await run('inspect', folder, '--list')).status).toBe(5);
  expect(spools()).toEqual([]);
});

test('a place without a bundle, and one that is not there', async () => {
  expect(await run('inspect', temporaryFolder())).toMatchObject({
    status: 5,
    err: expect.stringContaining('MANIFEST_MISSING'),
  });
  expect((await run('inspect', join(temporaryFolder(), 'missing'))).status).toBe(4);
});

test('an interrupted command ends at once and leaves nothing behind', async () => {
  const { folder, key } = aMedium();
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const program = defineProgram({ name: 'x', version: '1', says: '', commands: sharedCommands() });
  const controller = new AbortController();
  const running = program.run(
    ['verify', folder, '--key', key],
    { stdin: new PassThrough(), stdout, stderr },
    controller.signal,
  );
  setTimeout(() => controller.abort(), 50);
  expect(await running).toBe(5);
  expect(String(stderr.read())).toContain('INTERRUPTED');
  expect(spools()).toEqual([]);
});

/** Bends one fact of a correct bundle and signs it again, as a faulty exporter would. */
const bent = (change: Partial<MemoryBundle['manifest']>, of: MemoryBundle = bundle): MemoryBundle => {
  const manifest = { ...of.manifest, ...change };
  const manifestBytes = encodeManifest(manifest);
  const files = new Map(of.files);
  files.set('manifest.json', Buffer.from(manifestBytes));
  files.set('manifest.json.minisig', Buffer.from(signStatement(manifestBytes, of.keys.secretKey, 'manifest/1')));
  files.delete('SHA256SUMS');
  return { ...of, manifest, manifestBytes, files };
};

test('a signed digest of a whole volume that does not fit its blocks is found', async () => {
  const volumes = bundle.manifest.volumes.map((volume, n) =>
    n === 1 ? { ...volume, sha256: sha256Of(Buffer.from('other')) } : volume,
  );
  expect(await problemsOf(aMedium(bent({ volumes })).folder)).toEqual(['HASH_MISMATCH']);
});

test('a signed digest of the inventory that does not fit is found', async () => {
  const repositories = bundle.manifest.repositories.map((one) => ({
    ...one,
    inventory: { ...one.inventory, sha256: sha256Of(Buffer.from('other')) },
  }));
  expect(await problemsOf(aMedium(bent({ repositories })).folder)).toEqual(['ENTRY_HASH']);
});

const wholeEntry = (object: ObjectToCarry): EntryPlan<ObjectToCarry> => ({
  kind: 'whole',
  volume: 1,
  entry: `content/files/${object.path}`,
  stored: object.size,
  object,
});

test('an object that is not the one that the index names is found', async () => {
  const { index, files, manifest, ...rest } = await aMemoryBundle([{ path: 'a', data: bytes(5000, 1) }], {
    keys: bundle.keys,
  });
  const volume = Buffer.from(files.get('vol-0001.zip') ?? '');
  const at = (index[0]?.offset ?? 0) + 4000;
  volume[at] = (volume[at] ?? 0) ^ 1;
  const hasher = new BlockHasher();
  hasher.update(volume);
  const blocks = encodeBlockList(hasher.end());
  const volumes = manifest.volumes.map((one, n) =>
    n === 1 ? { ...one, sha256: sha256Of(volume), blocks: sha256Of(blocks) } : one,
  );
  const wrong = bent(
    { volumes },
    { ...rest, index, manifest, files: new Map([...files, ['vol-0001.zip', volume], ['vol-0001.blocks', blocks]]) },
  );
  expect(await problemsOf(aMedium(wrong).folder)).toEqual(['ENTRY_HASH']);
});

test('an object that no inventory names is found', async () => {
  const ghost: ObjectToCarry = {
    sha256: sha256Of(Buffer.alloc(0)),
    size: 0,
    repository: 'files',
    role: 'content',
    path: 'ghost',
  };
  const smuggled = await aMemoryBundle([{ path: 'a', data: bytes(5000, 1) }], {
    keys: bundle.keys,
    plan: (objects) => [...objects, ghost].map(wholeEntry),
  });
  expect(await problemsOf(aMedium(smuggled).folder)).toEqual(['ENTRY_UNLISTED']);
});
