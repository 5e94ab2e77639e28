import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, jest, test } from '@jest/globals';
import type { Companion, PublicKey } from '../src/index.ts';
import type { BundleVector, KeyVector, ReceiptVector, Vector } from '../../../scripts/vectors/vector.ts';
import { nativeNacl } from './support/native-nacl.ts';
import type { ReadBundle } from './support/read-bundle.ts';
import { VECTORS, applyEdit, applyFiles, goodBundle, vectorsIn } from './support/vectors.ts';

jest.unstable_mockModule('tweetnacl', nativeNacl);
const {
  Damaged,
  GapferryError,
  Incomplete,
  checkLinkTarget,
  checkPath,
  collisionKey,
  comparePaths,
  exporterIdOf,
  fingerprintOf,
  isName,
  isSignatureName,
  keyIdText,
  parsePublicKey,
  parseReceipt,
  readDigestList,
  resolveLink,
  sha256Of,
  verifySignatures,
} = await import('../src/index.ts');
const { readBundle } = await import('./support/read-bundle.ts');
const { makeVectors } = await import('../../../scripts/make-vectors.ts');

const trusted = (names: readonly string[]): PublicKey[] =>
  names.map((name) => parsePublicKey(readFileSync(join(VECTORS, 'keys', `${name}.pub`), 'utf8'), name));

function runBundle(vector: BundleVector): Promise<ReadBundle> {
  const files = goodBundle(vector.base);
  applyFiles(files, vector.files);
  for (const edit of vector.edits) applyEdit(files, edit);
  return readBundle(files, trusted(vector.keys));
}

function runReceipt(vector: ReceiptVector): void {
  const files = new Map<string, Buffer>();
  applyFiles(files, vector.files);
  const bytes = files.get('receipt.json') ?? Buffer.alloc(0);
  const signatures = [...files].filter(([name]) => name.endsWith('.minisig')).map(([name, one]) => ({ name, bytes: one }));
  const receipt = parseReceipt(verifySignatures('receipt.json', bytes, signatures, trusted(vector.keys)).bytes);
  for (const name of ['holds', 'missing'] as const) readCompanion(`receipt.json.${name}`, files, receipt[name]);
}

function readCompanion(name: string, files: ReadonlyMap<string, Buffer>, signed: Companion): void {
  const bytes = files.get(name);
  if (bytes === undefined) throw new Incomplete('BUNDLE_INCOMPLETE', `${name} is not there`);
  if (bytes.length !== signed.bytes) throw new Damaged('LENGTH_MISMATCH', `${name} is not as long as signed`);
  if (sha256Of(bytes) !== signed.sha256) throw new Damaged('HASH_MISMATCH', `${name} is not the signed one`);
  expect([...readDigestList([bytes], name)]).toHaveLength(signed.rows);
}

function runKey(vector: KeyVector): void {
  const key = parsePublicKey(vector.text, 'key');
  expect(fingerprintOf(key)).toBe(vector.fingerprint);
  expect(keyIdText(key)).toBe(vector.keyId);
  expect(exporterIdOf(key)).toBe(vector.exporter);
}

async function run(vector: Vector): Promise<void> {
  if (vector.kind === 'bundle') {
    const read = await runBundle(vector);
    if (vector.result !== undefined) expectResult(read, vector.result);
  } else if (vector.kind === 'receipt') runReceipt(vector);
  else runKey(vector);
}

function expectResult({ signers, inventories, objects }: ReadBundle, result: NonNullable<BundleVector['result']>): void {
  const rows = inventories.flat().filter((row) => row.type === 'file');
  expect(signers).toHaveLength(result.signers);
  expect(rows.filter((row) => objects.has(row.sha256)).map((row) => [row.path, row.size, row.sha256])).toEqual(result.carried);
  expect(rows.filter((row) => !objects.has(row.sha256)).map((row) => row.sha256)).toEqual(result.missing);
}

const outcome = async (doing: () => Promise<void> | void): Promise<string> => {
  try {
    await doing();
    return 'ok';
  } catch (error) {
    if (error instanceof GapferryError) return error.code;
    throw error;
  }
};

describe('vectors', () => {
  test.each(vectorsIn('bad'))('refuses: %s', async (_name, vector) => {
    expect(vector.expect).not.toBe('ok');
    expect(await outcome(() => run(vector))).toBe(vector.expect);
  });

  test.each(vectorsIn('accepted'))('accepts: %s', async (_name, vector) => {
    expect(await outcome(() => run(vector))).toBe('ok');
  });

  test('a key that is called __proto__ stays plain data', async () => {
    const vector = vectorsIn('accepted').find(([name]) => name === 'proto-fact')?.[1];
    if (vector?.kind !== 'bundle') throw new Error('the vector is gone');
    const { manifest } = await runBundle(vector);
    expect(manifest.repositories[0]?.facts.get('__proto__')).toBe('x');
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });

  test('the object of a patch row counts as missing', async () => {
    const vector = vectorsIn('accepted').find(([name]) => name === 'patch')?.[1];
    if (vector?.kind !== 'bundle') throw new Error('the vector is gone');
    const { inventories, objects } = await runBundle(vector);
    expect(inventories.flat().map((row) => row.type === 'file' && objects.has(row.sha256))).toEqual([true, false, true]);
  });

  test('the committed files are what the program makes, twice', async () => {
    const [made, again] = [await makeVectors(), await makeVectors()];
    const committed = readdirSync(VECTORS, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name !== 'README.md')
      .map((entry) => join(entry.parentPath, entry.name).slice(VECTORS.length + 1).replaceAll('\\', '/'));
    expect(committed.toSorted()).toEqual([...made.keys()].toSorted());
    for (const [path, bytes] of made) {
      expect([path, again.get(path)?.equals(bytes)]).toEqual([path, true]);
      expect([path, readFileSync(join(VECTORS, path)).equals(bytes)]).toEqual([path, true]);
    }
  });
});

interface NamesTable {
  readonly names: readonly { readonly name: string; readonly good: boolean }[];
  readonly paths: readonly { readonly path: string; readonly expect: string }[];
  readonly links: readonly { readonly path: string; readonly target: string; readonly expect: string; readonly resolved?: string }[];
  readonly twins: readonly (readonly string[])[];
  readonly order: readonly string[];
}
const NAMES = JSON.parse(readFileSync(join(VECTORS, 'names.json'), 'utf8')) as NamesTable;

describe('the table of names', () => {
  test.each(NAMES.names)('name $name', ({ name, good }) => expect(isName(name)).toBe(good));
  test.each(NAMES.paths)('path $path', async ({ path, expect: expected }) =>
    expect(await outcome(() => checkPath(path))).toBe(expected),
  );
  test.each(NAMES.links)('link $path to $target', async ({ path, target, expect: expected, resolved }) => {
    expect(await outcome(() => checkLinkTarget(path, target))).toBe(expected);
    if (resolved !== undefined) expect(resolveLink(path, target)).toBe(resolved);
  });

  test('twins share a key, and no two groups do', () => {
    const keys = NAMES.twins.map((group) => new Set(group.map(collisionKey)));
    expect(keys.map((group) => group.size)).toEqual(keys.map(() => 1));
    expect(new Set(keys.flatMap((group) => [...group])).size).toBe(NAMES.twins.length);
  });

  test('paths ascend by their bytes', () => {
    expect(NAMES.order.toReversed().toSorted(comparePaths)).toEqual(NAMES.order);
  });

  test('names of signature files', () => {
    const names = ['manifest.json.minisig', 'manifest.json.officer.minisig', 'manifest.json.a.b.minisig', 'manifest.json..minisig', 'manifest.minisig', 'xmanifest.json.minisig', 'manifest.json.minisig.part'];
    expect(names.map(isSignatureName)).toEqual([true, true, false, false, false, false, false]);
  });
});
