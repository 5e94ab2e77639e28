/**
 * Runs all vectors through the public interface and prints what became of each as JSON: `{"bad/sig-missing":"SIG_MISSING",…}`.
 * A program of its own because a signature takes 100 ms within Jest's sandbox, and 15 ms outside.
 */
import { deepEqual, equal } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  Damaged,
  GapferryError,
  Incomplete,
  exporterIdOf,
  fingerprintOf,
  keyIdText,
  parsePublicKey,
  parseReceipt,
  readDigestList,
  sha256Of,
  verifySignatures,
  type Companion,
  type PublicKey,
} from '../../src/index.ts';
import type {
  BundleResult,
  BundleVector,
  KeyVector,
  ReceiptVector,
  Vector,
} from '../../../../scripts/vectors/vector.ts';
import { readBundle, type ReadBundle } from './read-bundle.ts';
import { VECTORS, applyEdit, applyFiles, goodBundle, vectorsIn } from './vectors.ts';

const trusted = (names: readonly string[]): PublicKey[] =>
  names.map((name) => parsePublicKey(readFileSync(join(VECTORS, 'keys', `${name}.pub`), 'utf8'), name));

/** What the bundle of a vector says. @throws what refuses it */
export async function readVector(
  vector: BundleVector,
  base: ReadonlyMap<string, Buffer>,
  keys: readonly PublicKey[],
): Promise<BundleResult> {
  const files = new Map(base);
  applyFiles(files, vector.files);
  for (const edit of vector.edits) applyEdit(files, edit);
  return resultOf(await readBundle(files, keys));
}

async function runBundle(vector: BundleVector): Promise<void> {
  const result = await readVector(vector, goodBundle(vector.base), trusted(vector.keys));
  if (vector.result !== undefined) deepEqual(result, vector.result);
}

function resultOf({ signers, inventories, objects }: ReadBundle): BundleResult {
  const rows = inventories.flat().filter((row) => row.type === 'file');
  return {
    signers: signers.length,
    carried: rows.filter((row) => objects.has(row.sha256)).map((row) => [row.path, row.size, row.sha256] as const),
    missing: [...new Set(rows.filter((row) => !objects.has(row.sha256)).map((row) => row.sha256))].toSorted(),
  };
}

function runReceipt(vector: ReceiptVector): void {
  const files = new Map<string, Buffer>();
  applyFiles(files, vector.files);
  const bytes = files.get('receipt.json') ?? Buffer.alloc(0);
  const signatures = [...files]
    .filter(([name]) => name.endsWith('.minisig'))
    .map(([name, one]) => ({ name, bytes: one }));
  const receipt = parseReceipt(verifySignatures('receipt.json', bytes, signatures, trusted(vector.keys)).bytes);
  for (const name of ['holds', 'missing'] as const) readCompanion(`receipt.${name}`, files, receipt[name]);
}

/** In the order of format §9.2: length, digest, then the rows. */
function readCompanion(name: string, files: ReadonlyMap<string, Buffer>, signed: Companion): void {
  const bytes = files.get(name);
  if (bytes === undefined) throw new Incomplete('BUNDLE_INCOMPLETE', `${name} is not there`);
  if (bytes.length !== signed.bytes) throw new Damaged('LENGTH_MISMATCH', `${name} is not as long as signed`);
  if (sha256Of(bytes) !== signed.sha256) throw new Damaged('HASH_MISMATCH', `${name} is not the signed one`);
  equal([...readDigestList([bytes], name)].length, signed.rows);
}

function runKey(vector: KeyVector): void {
  const key = parsePublicKey(vector.text, 'key');
  deepEqual(
    [fingerprintOf(key), keyIdText(key), exporterIdOf(key)],
    [vector.fingerprint, vector.keyId, vector.exporter],
  );
}

const run = async (vector: Vector): Promise<void> => {
  if (vector.kind === 'bundle') await runBundle(vector);
  else if (vector.kind === 'receipt') runReceipt(vector);
  else runKey(vector);
};

/** An error code, `ok`, or the text of an error that has no code: that is a fault. */
export async function outcomeOf(vector: Vector): Promise<string> {
  try {
    await run(vector);
    return 'ok';
  } catch (error) {
    return error instanceof GapferryError ? error.code : String(error);
  }
}

if (import.meta.main) {
  const outcomes: Record<string, string> = {};
  for (const folder of ['bad', 'accepted'] as const)
    for (const [name, vector] of vectorsIn(folder)) outcomes[`${folder}/${name}`] = await outcomeOf(vector);
  console.log(JSON.stringify(outcomes));
}
