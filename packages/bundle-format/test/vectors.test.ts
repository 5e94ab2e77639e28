import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import {
  GapferryError,
  checkLinkTarget,
  checkPath,
  collisionKey,
  comparePaths,
  isName,
  isSignatureName,
  parseManifest,
  parsePublicKey,
  resolveLink,
  sha256Of,
  type SignedBytes,
} from '../src/index.ts';
import { VECTORS, applyFiles, goodBundle, vectorsIn } from './support/vectors.ts';

const outcomes = ((): Readonly<Record<string, string>> => {
  const program = join(import.meta.dirname, 'support', 'run-vectors.ts');
  const ran = spawnSync(process.execPath, ['--conditions=gapferry-source', program], {
    encoding: 'utf8',
    maxBuffer: 1e8,
  });
  if (ran.status !== 0) throw new Error(`the vectors could not be run: ${ran.stderr}`);
  return JSON.parse(ran.stdout) as Readonly<Record<string, string>>;
})();

describe('vectors', () => {
  test.each(vectorsIn('bad'))('refuses: %s', (name, vector) => {
    expect(vector.expect).not.toBe('ok');
    expect(outcomes[`bad/${name}`]).toBe(vector.expect);
  });

  test.each(vectorsIn('accepted'))('accepts: %s', (name, vector) => {
    expect(vector.expect).toBe('ok');
    expect(outcomes[`accepted/${name}`]).toBe('ok');
  });

  test('a fact that is called __proto__ stays plain data', () => {
    const vector = vectorsIn('accepted').find(([name]) => name === 'proto-fact')?.[1];
    if (vector?.kind !== 'bundle') throw new Error('the vector is gone');
    const files = new Map<string, Buffer>();
    applyFiles(files, vector.files);
    const bytes = files.get('manifest.json') ?? Buffer.alloc(0);
    const manifest = parseManifest(bytes as Uint8Array as SignedBytes);
    expect(manifest.repositories[0]?.facts.get('__proto__')).toBe('x');
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });

  test('results of the accepted ones, looked at by a person', () => {
    const results = new Map(
      vectorsIn('accepted').flatMap(([name, one]) => (one.kind === 'bundle' ? [[name, one.result]] : [])),
    );
    const signers = ['plain-ed', 'counter-signature', 'stranger-beside', 'same-key-twice'].map(
      (name) => results.get(name)?.signers,
    );
    expect(signers).toEqual([1, 2, 1, 1]);
    expect(results.get('patch')?.carried.map(([path]) => path)).toEqual(['a.txt', 'index.json']);
    expect(results.get('patch')?.missing).toEqual([sha256Of(Buffer.from('bravo\n'))]);
    expect(results.get('good-parts')?.carried).toEqual([
      ['image.bin', 1600, sha256Of(Buffer.from('sixteen letters\n'.repeat(100)))],
    ]);
    expect(results.get('good-packed')).toEqual(results.get('good-whole'));
    expect(results.get('good-whole')?.carried).toHaveLength(8);
  });

  test('the committed files are what the program makes', () => {
    const ran = spawnSync(
      process.execPath,
      ['--conditions=gapferry-source', join(VECTORS, '..', '..', 'scripts', 'make-vectors.ts'), '--check'],
      { encoding: 'utf8' },
    );
    expect(ran).toMatchObject({ status: 0, stdout: '' });
  });
});

test('the digests of the worked example (format §14) are those of the bundle', () => {
  const spec = readFileSync(join(VECTORS, '..', '..', 'docs', 'format.md'), 'utf8');
  const example = spec.slice(spec.indexOf('\n## 14 '));
  const key = parsePublicKey(readFileSync(join(VECTORS, 'keys', 'exporter.pub'), 'utf8'), 'exporter.pub');
  const known = [...goodBundle('plain').values(), Buffer.from(sha256Of(key.key))].map((bytes) =>
    bytes.toString('latin1'),
  );
  const told = example.match(/\b[0-9a-f]{64}\b/g) ?? [];
  expect(told.length).toBeGreaterThan(4);
  for (const digest of told) expect([digest, known.some((bytes) => bytes.includes(digest))]).toEqual([digest, true]);
});

interface NamesTable {
  readonly names: readonly { readonly name: string; readonly good: boolean }[];
  readonly paths: readonly { readonly path: string; readonly expect: string }[];
  readonly links: readonly {
    readonly path: string;
    readonly target: string;
    readonly expect: string;
    readonly resolved?: string;
  }[];
  readonly twins: readonly (readonly string[])[];
  readonly order: readonly string[];
}
const NAMES = JSON.parse(readFileSync(join(VECTORS, 'names.json'), 'utf8')) as NamesTable;

const codeOf = (doing: () => void): string => {
  try {
    doing();
    return 'ok';
  } catch (error) {
    if (error instanceof GapferryError) return error.code;
    throw error;
  }
};

describe('the table of names', () => {
  test.each(NAMES.names)('name $name', ({ name, good }) => expect(isName(name)).toBe(good));
  test.each(NAMES.paths)('path $path', ({ path, expect: expected }) =>
    expect(codeOf(() => checkPath(path))).toBe(expected),
  );
  test.each(NAMES.links)('link $path to $target', ({ path, target, expect: expected, resolved }) => {
    expect(codeOf(() => checkLinkTarget(path, target))).toBe(expected);
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
    const good = ['manifest.json.minisig', 'manifest.json.officer.minisig'];
    const bad = [
      'manifest.json.a.b.minisig',
      'manifest.json..minisig',
      'manifest.minisig',
      'x',
      'manifest.json.minisig.part',
    ];
    expect(good.filter(isSignatureName)).toEqual(good);
    expect(bad.filter(isSignatureName)).toEqual([]);
  });
});
