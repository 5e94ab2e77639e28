import { execFileSync, spawnSync } from 'node:child_process';
import { createHash, hash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, deflateRawSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import {
  BLOCK_BYTES,
  BlockChecker,
  BlockHasher,
  CheckedVolume,
  PackWriter,
  VolumeWriter,
  encodeBlockList,
  packOverhead,
  parseBlockList,
  readZipDirectory,
  sha256Of,
  walkVolume,
  type IndexRow,
  type Sha256,
} from '../src/index.ts';
import { forgePack } from '../../../scripts/vectors/volumes.ts';
import { forgeZip } from '../../../scripts/vectors/zip.ts';
import { aMemoryBundle } from './support/memory-bundle.ts';
import { openVolume, readBundle, readHeadDocuments, sourceOf } from './support/read-bundle.ts';
import { goodBundle } from './support/vectors.ts';

const noise = (length: number, seed: string): Buffer => {
  const out = Buffer.alloc(length);
  for (let at = 0, n = 0; at < length; at += 64, n++) hash('sha512', `${seed} ${n}`, 'buffer').copy(out, at);
  return out;
};
const open = (bytes: Buffer, name = 'vol-0001.zip'): CheckedVolume => {
  const hasher = new BlockHasher();
  hasher.update(bytes);
  const list = encodeBlockList(hasher.end());
  return new CheckedVolume(
    new BlockChecker(name, sourceOf(bytes), parseBlockList('x', list, bytes.length, sha256Of(list))),
  );
};
/** Whose blocks at the given places are damaged after they were signed. */
const openDamaged = (bytes: Buffer, ...places: number[]): CheckedVolume => {
  const hasher = new BlockHasher();
  hasher.update(bytes);
  const list = encodeBlockList(hasher.end());
  const bad = Buffer.from(bytes);
  for (const at of places) bad[at] = (bad[at] ?? 0) ^ 1;
  return new CheckedVolume(
    new BlockChecker('vol-0001.zip', sourceOf(bad), parseBlockList('x', list, bytes.length, sha256Of(list))),
  );
};
const written = async (
  entries: readonly (readonly [name: string, data: Buffer])[],
  deflate = false,
): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  const writer = new VolumeWriter({ write: (bytes) => void chunks.push(Buffer.from(bytes)) }, deflate);
  for (const [name, data] of entries) await writer.add(name, [data]);
  await writer.end();
  return Buffer.concat(chunks);
};
const taken = (volume: CheckedVolume, rows: readonly IndexRow[], wanted: (row: IndexRow) => boolean = () => true) => {
  const got = new Map<Sha256, Buffer>();
  const damaged: string[] = [];
  walkVolume(
    volume,
    rows,
    (row) =>
      wanted(row)
        ? (pieces) => void got.set(row.sha256, Buffer.concat(Array.from(pieces, (piece) => Uint8Array.from(piece))))
        : undefined,
    (row) => damaged.push(row.kind === 'packed' ? row.member : row.entry),
  );
  return { got, damaged };
};

const without = (tool: string, ...args: string[]): boolean => spawnSync(tool, args, { stdio: 'ignore' }).status !== 0;
const noPython = without('python3', '-c', 'import zipfile');
const withPython = noPython ? test.skip : test;
if (noPython) console.warn('skipped: python3 with zipfile is not on this machine');
const noUnzip = without('unzip', '-v');
const withUnzip = noUnzip ? test.skip : test;
if (noUnzip) console.warn('skipped: the `unzip` command is not on this machine');
const slow = process.env['SLOW'] === '1' ? test : test.skip;

describe('deflated objects', () => {
  const data = Buffer.from('the same words again and again, '.repeat(5000));
  const stream = deflateRawSync(data);
  const rowFor = (bytes: number, stored: number, offset: number): IndexRow => ({
    sha256: sha256Of(data),
    size: bytes,
    kind: 'whole',
    volume: 1,
    entry: 'content/r/words.txt',
    offset,
    stored,
    method: 'deflated',
  });
  const forged = (stored: Buffer, size: number): { volume: CheckedVolume; row: IndexRow } => {
    const zip = forgeZip([{ name: 'content/r/words.txt', data: stored, method: 8, size, crc: crc32(data) }]);
    return { volume: open(zip.bytes), row: rowFor(size, stored.length, zip.data[0] ?? 0) };
  };

  test('are handed out inflated', () => {
    const { volume, row } = forged(stream, data.length);
    expect(taken(volume, [row]).got.get(row.sha256)?.equals(data)).toBe(true);
  });

  test.each([
    ['one byte more than signed', stream, data.length - 1, 'ENTRY_SIZE'],
    ['one byte less than signed', stream, data.length + 1, 'ENTRY_SIZE'],
    ['a bomb', deflateRawSync(Buffer.alloc(50_000_000)), 1000, 'ENTRY_SIZE'],
    ['bytes behind the end', Buffer.concat([stream, Buffer.from('x')]), data.length, 'ZIP_GAP'],
    ['no end', stream.subarray(0, -3), data.length, 'ENTRY_SIZE'],
    ['nothing', Buffer.alloc(0), 0, 'ENTRY_SIZE'],
  ])('%s is refused', (_name, stored, size, code) => {
    const { volume, row } = forged(stored, size);
    expect(() => taken(volume, [row])).toThrow(expect.objectContaining({ code }));
  });

  test('an empty one is empty', () => {
    const { volume, row } = forged(deflateRawSync(Buffer.alloc(0)), 0);
    expect(taken(volume, [row]).got.get(row.sha256)).toEqual(Buffer.alloc(0));
  });

  test('are not inflated when nobody wants them', () => {
    const { volume, row } = forged(Buffer.from([7, 255]), 6);
    expect(taken(volume, [row], () => false).got.size).toBe(0);
  });
});

describe('the head', () => {
  test('is read deflated, as archiver writes it, and a changed byte anywhere in it is told', async () => {
    const { files, manifest } = await aMemoryBundle([{ path: 'a', data: noise(10, 'a') }]);
    const documents = await readHeadDocuments(openVolume(files, manifest, 0), manifest);
    expect(documents.map((one) => sha256Of(one))).toEqual([
      manifest.repositories[0]?.inventory.sha256,
      manifest.index.sha256,
    ]);
    const head = files.get('vol-0000.zip') ?? Buffer.alloc(0);
    for (let at = 0; at < head.length; at += 37) {
      head[at] = (head[at] ?? 0) ^ 1;
      await expect(readHeadDocuments(openVolume(files, manifest, 0), manifest)).rejects.toThrow(
        expect.objectContaining({ code: 'HASH_MISMATCH' }),
      );
      head[at] = (head[at] ?? 0) ^ 1;
    }
  });

  test('a medium that fails at any later read of the head gives its error, not a crash', async () => {
    const { files, manifest } = await aMemoryBundle([{ path: 'a', data: noise(10, 'a') }]);
    const head = files.get('vol-0000.zip') ?? Buffer.alloc(0);
    const list = files.get('vol-0000.blocks') ?? Buffer.alloc(0);
    const blocks = parseBlockList('x', list, head.length, sha256Of(list));
    // CheckedVolume keeps the block; here each read goes to the medium again and fails after n good ones.
    for (let n = 0, failed = true; failed; n++) {
      let reads = 0;
      const checker = new BlockChecker(
        'vol-0000.zip',
        { bytes: head.length, read: (into, at) => head.copy(into, 0, at) },
        blocks,
      );
      const volume = new CheckedVolume(checker);
      const flaky = Object.create(volume) as CheckedVolume;
      Object.assign(flaky, {
        read: (position: number, length: number) => {
          if (reads++ === n) throw Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' });
          return volume.read(position, length);
        },
      });
      failed = false;
      await readHeadDocuments(flaky, manifest).catch((error: unknown) => {
        failed = true;
        expect(String(error)).toContain('EIO');
      });
    }
  });
});

describe('packs', () => {
  const members = Array.from({ length: 70 }, (_, i) => [`content/r/grün/${i}.txt`, noise(i * 3, `m${i}`)] as const);
  const build = (): { bytes: Buffer; offsets: number[] } => {
    const pack = new PackWriter();
    const pieces: Uint8Array[] = [];
    const offsets = members.map(([name, data]) => {
      const { header, offset } = pack.add(name, data);
      pieces.push(header, data);
      return offset;
    });
    pieces.push(pack.end());
    return { bytes: Buffer.concat(pieces), offsets };
  };

  test('are as long as was planned, and members lie where was said', () => {
    const { bytes, offsets } = build();
    expect(bytes.length).toBe(
      22 + members.reduce((sum, [name, data]) => sum + packOverhead(Buffer.byteLength(name)) + data.length, 0),
    );
    members.forEach(([, data], i) => {
      const at = offsets[i] ?? 0;
      expect(bytes.subarray(at, at + data.length).equals(data)).toBe(true);
    });
    expect(readZipDirectory(open(bytes)).map((entry) => entry.name)).toEqual(members.map(([name]) => name));
  });

  const inFolder = (use: (folder: string) => void): void => {
    const folder = mkdtempSync(join(tmpdir(), 'gapferry-pack-'));
    try {
      use(folder);
    } finally {
      rmSync(folder, { recursive: true });
    }
  };

  withPython('are read by the zipfile of Python, names, checksums and all', () => {
    inFolder((folder) => {
      writeFileSync(join(folder, 'pack.zip'), build().bytes);
      const program = `
import zipfile, hashlib, json, sys
with zipfile.ZipFile(sys.argv[1]) as z:
    assert z.testzip() is None
    print(json.dumps([[i.filename, hashlib.sha256(z.read(i)).hexdigest(), list(i.date_time), oct(i.external_attr >> 16)] for i in z.infolist()]))
`;
      const listed = JSON.parse(
        execFileSync('python3', ['-c', program, join(folder, 'pack.zip')], { encoding: 'utf8' }),
      ) as unknown;
      expect(listed).toEqual(members.map(([name, data]) => [name, sha256Of(data), [1980, 1, 1, 0, 0, 0], '0o100644']));
    });
  });

  withUnzip('and volumes, and the packs in them, are tested by unzip', () => {
    inFolder((folder) => {
      for (const bundle of ['plain', 'whole', 'packed', 'parts'])
        for (const [name, bytes] of goodBundle(bundle)) {
          if (!name.endsWith('.zip')) continue;
          writeFileSync(join(folder, name), bytes);
          expect([bundle, name, spawnSync('unzip', ['-tqq', join(folder, name)]).status]).toEqual([bundle, name, 0]);
        }
      const packed = goodBundle('packed').get('vol-0001.zip') ?? Buffer.alloc(0);
      writeFileSync(join(folder, 'volume.zip'), packed);
      expect(spawnSync('unzip', ['-qq', 'volume.zip', 'packs/*'], { cwd: folder }).status).toBe(0);
      expect(spawnSync('unzip', ['-tqq', join(folder, 'packs', 'files-0001.zip')]).status).toBe(0);
    });
  });
});

describe('damage', () => {
  test('in the directory of a pack costs its members and nothing else', () => {
    // A pack whose data fill the first block, so that its directory lies in the second; behind it an entry in the third.
    const first = noise(BLOCK_BYTES - 100_000, 'first');
    const second = noise(200_000, 'second');
    const last = noise(BLOCK_BYTES * 2, 'last');
    const pack = forgeZip([
      { name: 'content/r/first', data: first },
      { name: 'content/r/second', data: second },
    ]);
    const zip = forgeZip([
      { name: 'packs/r-0001.zip', data: pack.bytes },
      { name: 'content/r/last', data: last },
    ]);
    const start = zip.data[0] ?? 0;
    const row = (data: Buffer, offset: number): Omit<IndexRow, 'kind' | 'entry'> => ({
      sha256: sha256Of(data),
      size: data.length,
      volume: 1,
      offset,
      stored: data.length,
      method: 'stored',
    });
    const rows: IndexRow[] = [
      {
        ...row(first, start + (pack.data[0] ?? 0)),
        kind: 'packed',
        entry: 'packs/r-0001.zip',
        member: 'content/r/first',
      },
      {
        ...row(second, start + (pack.data[1] ?? 0)),
        kind: 'packed',
        entry: 'packs/r-0001.zip',
        member: 'content/r/second',
      },
      { ...row(last, zip.data[1] ?? 0), kind: 'whole', entry: 'content/r/last' },
    ];
    expect(taken(open(zip.bytes), rows).damaged).toEqual([]);

    const directory = taken(openDamaged(zip.bytes, start + pack.bytes.length - 30), rows);
    expect(directory.damaged).toEqual(
      ['content/r/first', 'content/r/second', 'content/r/last'].slice(0, directory.damaged.length),
    );
    expect(directory.damaged.slice(0, 2)).toEqual(['content/r/first', 'content/r/second']);

    const data = taken(openDamaged(zip.bytes, 1000), rows);
    expect([...data.got.keys()]).not.toContain(sha256Of(first));
    expect([...data.got.keys()]).toContain(sha256Of(last));
  });

  test('in the directory of the volume ends the walk', async () => {
    const zip = forgePack();
    expect(() => taken(openDamaged(zip.bytes, zip.bytes.length - 30), zip.rows)).toThrow(
      expect.objectContaining({ code: 'HASH_MISMATCH' }),
    );
  });

  test('a lie in a signed structure ends the walk although damage is tolerated', () => {
    const empty = forgePack({ bend: () => [], rows: () => forgePack().rows });
    expect(() => taken(open(empty.bytes), empty.rows)).toThrow(expect.objectContaining({ code: 'ENTRY_MISSING' }));
  });
});

describe('the writer', () => {
  test('tells where data lie, for empty entries too', async () => {
    const entries = [
      ['content/r/a', Buffer.alloc(0)],
      ['content/r/größe', noise(100, 'g')],
      ['content/r/b', Buffer.alloc(0)],
      ['content/r/c', noise(3 * BLOCK_BYTES + 1, 'c')],
    ] as const;
    const chunks: Buffer[] = [];
    const writer = new VolumeWriter({ write: async (bytes) => void chunks.push(Buffer.from(bytes)) });
    const places: { offset: number; size: number }[] = [];
    for (const [name, data] of entries) places.push(await writer.add(name, [data]));
    const length = await writer.end();
    const volume = Buffer.concat(chunks);
    expect(length).toBe(volume.length);
    entries.forEach(([, data], i) => {
      const { offset, size } = places[i] ?? { offset: -1, size: -1 };
      expect(size).toBe(data.length);
      expect(volume.subarray(offset, offset + size).equals(data)).toBe(true);
    });
    expect(readZipDirectory(open(volume)).map(({ name, size }) => [name, size])).toEqual(
      entries.map(([name, data]) => [name, data.length]),
    );
  });

  test('takes pieces of any length, and may be given the same buffer again', async () => {
    const shared = Buffer.alloc(1000);
    const pieces = function* (): Generator<Uint8Array> {
      for (let i = 0; i < 50; i++) yield shared.fill(i);
    };
    const chunks: Buffer[] = [];
    const writer = new VolumeWriter({ write: (bytes) => void chunks.push(Buffer.from(bytes)) });
    const { offset, size } = await writer.add('content/r/a', pieces());
    await writer.end();
    const expected = Buffer.concat(Array.from({ length: 50 }, (_, i) => Buffer.alloc(1000, i)));
    expect(
      Buffer.concat(chunks)
        .subarray(offset, offset + size)
        .equals(expected),
    ).toBe(true);
  });

  test.each(['a\\b', '/abs', '../up', 'a/../b', '', 'a//b', 'a\0', 'content/r/con', 'content/r/x.'])(
    'refuses the name %j, which archiver would rewrite or others cannot hold',
    async (name) => {
      const writer = new VolumeWriter({ write: () => undefined });
      await expect(writer.add(name, [Buffer.from('x')])).rejects.toThrow(
        expect.objectContaining({ code: expect.stringMatching(/^PATH_|^NAME_RESERVED/) }),
      );
    },
  );

  test('a path as long as allowed becomes an entry', async () => {
    const path = `${'d/'.repeat(63)}${'x'.repeat(255)}`;
    const long = `${`${'y'.repeat(250)}/`.repeat(16)}z`;
    for (const one of [path, long]) {
      const { files, keys } = await aMemoryBundle([{ path: one, data: noise(10, 'x') }]);
      const { objects } = await readBundle(files, [keys.publicKey]);
      expect(objects.size).toBe(1);
    }
  });

  test('an error of the sink, after any number of pieces, comes out of add or end and nothing hangs', async () => {
    const failing = async (n: number): Promise<boolean> => {
      let calls = 0;
      const writer = new VolumeWriter({
        write: () => {
          if (calls++ === n) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
        },
      });
      try {
        await writer.add('content/r/a', [noise(10, 'a'), noise(10, 'b')]);
        await writer.add('content/r/b', [noise(10, 'c')]);
        await writer.end();
        return calls > n;
      } catch (error) {
        expect(String(error)).toContain('ENOSPC');
        return true;
      }
    };
    let n = 0;
    while (await failing(n)) n++;
    expect(n).toBeGreaterThan(5);
  });

  test('an error of the data comes out of add', async () => {
    const pieces = function* (): Generator<Uint8Array> {
      yield Buffer.from('x');
      throw new Error('the source vanished');
    };
    const writer = new VolumeWriter({ write: () => undefined });
    await expect(writer.add('content/r/a', pieces())).rejects.toThrow('the source vanished');
  });

  test('2,000 entries leave no listener behind', async () => {
    const warnings: string[] = [];
    const note = (warning: Error): void => void warnings.push(warning.message);
    process.on('warning', note);
    const bytes = await written(
      Array.from({ length: 2000 }, (_, i) => [`content/r/${i}`, Buffer.from([i & 0xff])] as const),
    );
    await new Promise(setImmediate);
    process.off('warning', note);
    expect(warnings).toEqual([]);
    expect(readZipDirectory(open(bytes))).toHaveLength(2000);
  });
});

/** A volume of more than 4 GiB that keeps only what is not zero. */
class Sparse {
  static readonly ZERO = Buffer.alloc(BLOCK_BYTES);
  readonly #kept = new Map<number, Buffer>();
  readonly hasher = new BlockHasher();
  bytes = 0;

  write(chunk: Uint8Array): void {
    this.hasher.update(chunk);
    const zero = chunk.length === BLOCK_BYTES && Buffer.compare(chunk, Sparse.ZERO) === 0;
    if (!zero) this.#kept.set(this.bytes, Buffer.from(chunk));
    this.bytes += chunk.length;
  }

  read(into: Uint8Array, position: number): number {
    const length = Math.min(into.length, this.bytes - position);
    into.fill(0, 0, length);
    for (const [at, chunk] of this.#kept) {
      const from = Math.max(at, position);
      const to = Math.min(at + chunk.length, position + length);
      if (from < to) chunk.copy(into, from - position, from - at, to - at);
    }
    return length;
  }
}

slow(
  'a volume above 4 GiB, with an entry above 4 GiB and entries behind it: zip64 throughout',
  async () => {
    const zeros = function* (blocks: number): Generator<Uint8Array> {
      for (let i = 0; i < blocks; i++) yield Sparse.ZERO;
    };
    const sparse = new Sparse();
    const writer = new VolumeWriter({ write: (bytes) => sparse.write(bytes) });
    const small = noise(100, 'small');
    const places = [
      await writer.add('content/r/before', [small]),
      await writer.add('content/r/huge', zeros(1025)),
      await writer.add('content/r/behind', [small]),
    ];
    expect(await writer.end()).toBe(sparse.bytes);
    const list = encodeBlockList(sparse.hasher.end());
    const volume = new CheckedVolume(
      new BlockChecker('vol-0001.zip', sparse, parseBlockList('x', list, sparse.bytes, sha256Of(list))),
    );
    const huge = createHash('sha256');
    for (let i = 0; i < 1025; i++) huge.update(Sparse.ZERO);
    const digests = [sha256Of(small), huge.digest('hex') as Sha256, sha256Of(small)];
    const rows = ['before', 'huge', 'behind'].map((name, i): IndexRow => {
      const { offset, size } = places[i] ?? { offset: 0, size: 0 };
      return {
        sha256: digests[i] ?? sha256Of(small),
        size,
        kind: 'whole',
        volume: 1,
        entry: `content/r/${name}`,
        offset,
        stored: size,
        method: 'stored',
      };
    });
    const seen: string[] = [];
    walkVolume(volume, rows, (row) => (pieces) => {
      const digest = createHash('sha256');
      for (const piece of pieces) digest.update(piece);
      seen.push(`${row.entry} ${digest.digest('hex') === row.sha256}`);
    });
    expect(seen).toEqual(['content/r/before true', 'content/r/huge true', 'content/r/behind true']);
    for (const place of [2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, sparse.bytes - 1]) {
      const bent = {
        bytes: sparse.bytes,
        read: (into: Uint8Array, position: number): number => {
          const length = sparse.read(into, position);
          const at = place - position;
          if (at >= 0 && at < length) into[at] = (into[at] ?? 0) ^ 1;
          return length;
        },
      };
      const damaged = new CheckedVolume(
        new BlockChecker('vol-0001.zip', bent, parseBlockList('x', list, sparse.bytes, sha256Of(list))),
      );
      const block = Math.floor(place / BLOCK_BYTES);
      expect(() => damaged.read(place, 1)).toThrow(
        expect.objectContaining({ code: 'HASH_MISMATCH', facts: expect.objectContaining({ block }) }),
      );
    }
  },
  300_000,
);
