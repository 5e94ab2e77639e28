/**
 * Makes test/vectors anew (npm has no script for it: `node --conditions=gapferry-source scripts/make-vectors.ts`). Its output is the same each time;
 * `--check` compares it with the committed files, as a test of bundle-format does. Nobody edits vectors by hand.
 */
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { encodePublicKey } from '@gapferry/bundle-format';
import { readVector } from '../packages/bundle-format/test/support/run-vectors.ts';
import { goodBundles, goodVector } from './vectors/good.ts';
import { KEYS } from './vectors/keys.ts';
import { manifestVectors } from './vectors/manifests.ts';
import { namesTable } from './vectors/names.ts';
import { receiptVectors } from './vectors/receipts.ts';
import { rowVectors } from './vectors/rows.ts';
import { keyVectors, signatureVectors } from './vectors/signatures.ts';
import type { NamedVector, Vector } from './vectors/vector.ts';
import { volumeVectors } from './vectors/volumes.ts';

const json = (value: object): Buffer => Buffer.from(`${JSON.stringify(value, null, 2)}\n`);

/** @returns each file by its path below test/vectors */
export async function makeVectors(): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  const bundles = await goodBundles();
  const vectors: NamedVector[] = [
    ...signatureVectors(),
    ...keyVectors(),
    ...manifestVectors(),
    ...volumeVectors(),
    ...rowVectors(),
    ...receiptVectors(),
    ...bundles.keys().map(goodVector),
  ];
  for (const [name, bundle] of bundles) for (const [file, bytes] of bundle) files.set(`good/${name}/${file}`, bytes);
  for (const [name, key] of KEYS) files.set(`keys/${name}.pub`, Buffer.from(encodePublicKey(key.publicKey)));
  for (const { name, ...vector } of vectors) {
    const path = `${vector.expect === 'ok' ? 'accepted' : 'bad'}/${name.replace(/^accepts-/, '')}.json`;
    if (files.has(path)) throw new Error(`two vectors are called ${path}`);
    files.set(path, json(await withResult(vector, bundles)));
  }
  files.set('names.json', json(namesTable()));
  return files;
}

/** What a good bundle says is taken from our own reader: a person has to look at it once. */
async function withResult(vector: Vector, bundles: ReadonlyMap<string, ReadonlyMap<string, Buffer>>): Promise<Vector> {
  if (vector.kind !== 'bundle' || vector.expect !== 'ok') return vector;
  const base = bundles.get(vector.base);
  if (base === undefined) throw new Error(`there is no good bundle ${vector.base}`);
  const keys = vector.keys.flatMap((name) => KEYS.get(name)?.publicKey ?? []);
  return { ...vector, result: await readVector(vector, base, keys) };
}

const FOLDER = join(import.meta.dirname, '..', 'test', 'vectors');
const MADE = ['accepted', 'bad', 'good', 'keys', 'names.json'];

function write(files: ReadonlyMap<string, Buffer>): void {
  for (const made of MADE) rmSync(join(FOLDER, made), { recursive: true, force: true });
  for (const [path, bytes] of files) {
    mkdirSync(dirname(join(FOLDER, path)), { recursive: true });
    writeFileSync(join(FOLDER, path), bytes);
  }
  const total = files.values().reduce((sum, file) => sum + file.length, 0);
  console.log(`${files.size} files, ${total} bytes`);
}

/** Names each file that is missing, too many, or different. */
function differences(files: ReadonlyMap<string, Buffer>): string[] {
  const committed = readdirSync(FOLDER, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== 'README.md')
    .map((entry) => relative(FOLDER, join(entry.parentPath, entry.name)).replaceAll('\\', '/'));
  const same = (path: string): boolean =>
    existsSync(join(FOLDER, path)) && files.get(path)?.equals(readFileSync(join(FOLDER, path))) === true;
  return [...new Set([...committed, ...files.keys()])].filter((path) => !same(path)).toSorted();
}

if (import.meta.main) {
  const files = await makeVectors();
  if (!process.argv.includes('--check')) write(files);
  else {
    const differ = differences(files);
    if (differ.length > 0) console.log(differ.join('\n'));
    process.exitCode = differ.length > 0 ? 1 : 0;
  }
}
