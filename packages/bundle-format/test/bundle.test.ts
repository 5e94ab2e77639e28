import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import {
  BLOCK_BYTES,
  BlockChecker,
  CheckedVolume,
  blocksName,
  encodePublicKey,
  encodeSecretKey,
  parseBlockList,
  parseManifest,
  readHead,
  readIndex,
  readInventory,
  sha256Of,
  verifySignatures,
  volumeName,
  walkVolume,
  type IndexRow,
  type InventoryRow,
  type Sha256,
} from '../src/index.ts';
import { aMemoryBundle, type MemoryBundle, type MemoryFile } from './support/memory-bundle.ts';

const bytes = (length: number, seed: number): Buffer =>
  Buffer.alloc(length).map((_, i) => (i * 31 + seed * 17 + (i >> 8)) & 0xff) as Buffer;
const small = (count: number): MemoryFile[] =>
  Array.from({ length: count }, (_, i) => ({ path: `small/${i}.txt`, data: bytes(i * 7, i) }));
const TREE: MemoryFile[] = [
  ...small(60),
  { path: 'big/one.bin', data: bytes(BLOCK_BYTES + 12345, 1) },
  { path: 'ümlaut/größe.bin', data: bytes(100_000, 2) },
  { path: 'index.json', data: bytes(200, 3), role: 'metadata' },
];

const open = (bundle: MemoryBundle, n: number): CheckedVolume => {
  const data = bundle.files.get(volumeName(n)) ?? Buffer.alloc(0);
  const statement = bundle.manifest.volumes[n];
  if (statement === undefined) throw new Error('no such volume');
  const list = parseBlockList(
    blocksName(n),
    bundle.files.get(blocksName(n)) ?? Buffer.alloc(0),
    statement.bytes,
    statement.blocks,
  );
  const source = { bytes: data.length, read: (into: Uint8Array, position: number) => data.copy(into, 0, position) };
  return new CheckedVolume(new BlockChecker(volumeName(n), source, list));
};

async function readAll(bundle: MemoryBundle): Promise<{ inventory: InventoryRow[]; objects: Map<Sha256, Buffer> }> {
  const documents: Buffer[] = [];
  await readHead(open(bundle, 0), bundle.manifest, async (_document, pieces) => {
    const chunks: Uint8Array[] = [];
    for await (const piece of pieces) chunks.push(Uint8Array.from(piece));
    documents.push(Buffer.concat(chunks));
  });
  const index = [...readIndex([documents[1] ?? Buffer.alloc(0)])];
  const objects = new Map<Sha256, Buffer>();
  const parts = new Map<Sha256, Buffer>();
  for (let n = 1; n < bundle.manifest.volumes.length; n++)
    walkVolume(
      open(bundle, n),
      index.filter((row) => row.volume === n),
      (row) => (pieces) => {
        const data = Buffer.concat(Array.from(pieces, (piece) => Uint8Array.from(piece)));
        if (row.kind !== 'part') objects.set(row.sha256, data);
        else {
          const whole = parts.get(row.sha256) ?? Buffer.alloc(row.size);
          data.copy(whole, row.at);
          parts.set(row.sha256, whole);
          objects.set(row.sha256, whole);
        }
      },
    );
  return { inventory: [...readInventory([documents[0] ?? Buffer.alloc(0)])], objects };
}

describe('a bundle, written and read', () => {
  test.each([
    ['packs and whole entries', {}],
    ['every object an entry of its own', { packFrom: 1_000_000 }],
    ['parts over several volumes', { volumeBytes: 1024 * 1024, packBytes: 4096 }],
  ])('%s: every object arrives', async (_name, limits) => {
    const bundle = await aMemoryBundle(TREE, { limits });
    const { inventory, objects } = await readAll(bundle);
    expect(inventory.map((row) => row.path)).toEqual(
      TREE.map((file) => file.path).toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
    );
    for (const row of inventory) {
      if (row.type !== 'file') throw new Error('only files here');
      expect(sha256Of(objects.get(row.sha256) ?? Buffer.alloc(1))).toBe(row.sha256);
    }
    const most = 'volumeBytes' in limits ? limits.volumeBytes : Infinity;
    for (const volume of bundle.manifest.volumes.slice(1)) expect(volume.bytes).toBeLessThanOrEqual(most);
  });

  test('the same tree makes the same bytes', async () => {
    const first = await aMemoryBundle(TREE);
    const second = await aMemoryBundle(TREE, { keys: first.keys });
    expect(first.files.get('manifest.json')?.equals(second.files.get('manifest.json') ?? Buffer.alloc(0))).toBe(true);
  });

  test('the manifest verifies, and one changed byte anywhere in it does not', async () => {
    const { files, keys, manifest } = await aMemoryBundle(small(3));
    const good = files.get('manifest.json') ?? Buffer.alloc(0);
    const signature = { name: 'manifest.json.minisig', bytes: files.get('manifest.json.minisig') ?? Buffer.alloc(0) };
    expect(parseManifest(verifySignatures('manifest.json', good, [signature], [keys.publicKey]).bytes)).toEqual(
      manifest,
    );
    for (let i = 0; i < good.length; i += 97) {
      const bad = Buffer.from(good);
      bad[i] = (bad[i] ?? 0) ^ 1;
      expect(() => verifySignatures('manifest.json', bad, [signature], [keys.publicKey])).toThrow(
        expect.objectContaining({ code: 'SIG_INVALID' }),
      );
    }
  });

  test('one changed byte in a signature of ours is seen, also in its comments', async () => {
    const { files, keys } = await aMemoryBundle(small(3));
    const statement = files.get('manifest.json') ?? Buffer.alloc(0);
    const good = files.get('manifest.json.minisig') ?? Buffer.alloc(0);
    for (let i = 0; i < good.length; i += 7) {
      const bad = Buffer.from(good);
      bad[i] = (bad[i] ?? 0) ^ 1;
      expect(() =>
        verifySignatures('manifest.json', statement, [{ name: 'x.minisig', bytes: bad }], [keys.publicKey]),
      ).toThrow(expect.objectContaining({ code: expect.stringMatching(/^SIG_|KEY_UNKNOWN|ALG_/) }));
      expect(() =>
        verifySignatures(
          'manifest.json',
          statement,
          [{ name: 'x.minisig', bytes: good.subarray(0, i) }],
          [keys.publicKey],
        ),
      ).toThrow(expect.objectContaining({ code: 'SIG_FORMAT' }));
    }
  });
});

describe('a damaged volume', () => {
  test.each([
    ['one volume', {}],
    ['small volumes', { volumeBytes: 1024 * 1024, packBytes: 4096 }],
  ])('%s: one changed byte names its block', async (_name, limits) => {
    const bundle = await aMemoryBundle(TREE, { limits });
    for (let n = 1; n < bundle.manifest.volumes.length; n++) {
      const data = bundle.files.get(volumeName(n)) ?? Buffer.alloc(0);
      for (const at of [0, 1, data.length >> 1, data.length - 1]) {
        data[at] = (data[at] ?? 0) ^ 0x40;
        const volume = volumeName(n);
        expect(() => walk(bundle, n)).toThrow(
          expect.objectContaining({
            code: 'HASH_MISMATCH',
            facts: expect.objectContaining({ volume, block: Math.floor(at / BLOCK_BYTES) }),
          }),
        );
        data[at] = (data[at] ?? 0) ^ 0x40;
      }
    }
  });

  test('objects outside the damaged block are still handed out', async () => {
    const bundle = await aMemoryBundle([
      { path: 'a', data: bytes(70_000, 1) },
      { path: 'b', data: bytes(3 * BLOCK_BYTES, 2) },
      { path: 'c', data: bytes(70_000, 3) },
    ]);
    const data = bundle.files.get('vol-0001.zip') ?? Buffer.alloc(0);
    data[BLOCK_BYTES + 99] = (data[BLOCK_BYTES + 99] ?? 0) ^ 1;
    const taken: string[] = [];
    const damaged: string[] = [];
    walkVolume(
      open(bundle, 1),
      bundle.index,
      (row) => (pieces) => {
        for (const _piece of pieces);
        taken.push(row.entry);
      },
      (row) => damaged.push(row.entry),
    );
    expect({ taken, damaged }).toEqual({ taken: ['content/files/a', 'content/files/c'], damaged: ['content/files/b'] });
  });

  const walk = (bundle: MemoryBundle, n: number): void =>
    walkVolume(
      open(bundle, n),
      bundle.index.filter((row) => row.volume === n),
      () => (pieces) => {
        for (const _piece of pieces);
      },
    );

  test('an index that leaves out an entry, or names one more, is refused', async () => {
    const bundle = await aMemoryBundle(TREE);
    const without = (n: number): readonly IndexRow[] => bundle.index.filter((_, i) => i !== n);
    const walkWith = (rows: readonly IndexRow[]): void => walkVolume(open(bundle, 1), rows, () => undefined);
    expect(() => walkWith(without(0))).toThrow(expect.objectContaining({ code: 'ENTRY_UNLISTED' }));
    expect(() => walkWith(without(bundle.index.length - 1))).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/ENTRY_UNLISTED|ENTRY_MISSING/) }),
    );
    const last = bundle.index.at(-1);
    if (last === undefined) throw new Error('empty');
    expect(() =>
      walkWith([
        ...bundle.index,
        { ...last, kind: 'whole', entry: 'content/files/more', offset: last.offset + 1000 } as IndexRow,
      ]),
    ).toThrow(expect.objectContaining({ code: 'ENTRY_MISSING' }));
  });
});

const has = (tool: string): boolean => spawnSync(tool, ['-v'], { stdio: 'ignore' }).error === undefined;
const withMinisign = has('minisign') ? test : test.skip;
if (!has('minisign')) console.warn('skipped: the `minisign` command is not on this machine');

describe('the minisign command', () => {
  withMinisign('verifies our signature, and its own counts for us', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'gapferry-minisign-'));
    try {
      const { files, keys } = await aMemoryBundle(small(3));
      const manifest = files.get('manifest.json') ?? Buffer.alloc(0);
      const at = (name: string): string => join(folder, name);
      writeFileSync(at('manifest.json'), manifest);
      writeFileSync(at('manifest.json.minisig'), files.get('manifest.json.minisig') ?? '');
      writeFileSync(at('exporter.pub'), encodePublicKey(keys.publicKey));
      writeFileSync(at('exporter.key'), encodeSecretKey(keys.secretKey), { mode: 0o600 });
      const run = (...args: string[]): number | null =>
        spawnSync('minisign', args, { cwd: folder, stdio: 'ignore' }).status;
      expect(run('-Vm', 'manifest.json', '-p', 'exporter.pub')).toBe(0);
      for (const more of [[], ['-l']]) {
        expect(run('-S', '-s', 'exporter.key', '-m', 'manifest.json', '-x', 'theirs.minisig', ...more)).toBe(0);
        const { readFileSync } = await import('node:fs');
        const signature = { name: 'theirs.minisig', bytes: readFileSync(at('theirs.minisig')) };
        expect(verifySignatures('manifest.json', manifest, [signature], [keys.publicKey]).signers).toHaveLength(1);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
