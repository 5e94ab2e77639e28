import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  BLOCK_BYTES,
  BlockChecker,
  BlockHasher,
  CheckedVolume,
  blockCount,
  checkVolumeLength,
  encodeBlockList,
  parseBlockList,
  sha256Of,
  type BlockList,
  type ByteSource,
} from '../src/index.ts';
import { sourceOf } from './support/read-bundle.ts';

const pattern = (length: number): Buffer =>
  Buffer.alloc(length, 'every 4 MiB block of this differs from the last one: 29 is prime to it');
const listOf = (bytes: Buffer): BlockList => {
  const hasher = new BlockHasher();
  hasher.update(bytes);
  const list = encodeBlockList(hasher.end());
  return parseBlockList('v.blocks', list, bytes.length, sha256Of(list));
};
const volumeOf = (bytes: Buffer, source: ByteSource = sourceOf(bytes)): CheckedVolume =>
  new CheckedVolume(new BlockChecker('v.zip', source, listOf(bytes)));
/** As `split` and `sha256sum` would do it. */
const byHand = (bytes: Buffer): string =>
  Array.from({ length: Math.ceil(bytes.length / BLOCK_BYTES) }, (_, i) =>
    bytes.subarray(i * BLOCK_BYTES, (i + 1) * BLOCK_BYTES),
  )
    .map((block) => `${createHash('sha256').update(block).digest('hex')}\n`)
    .join('');

describe('block lists', () => {
  const LENGTHS = [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 2 * BLOCK_BYTES];

  test.each(LENGTHS)('of %d bytes are those that split and sha256sum make, in pieces of any length', (length) => {
    const bytes = pattern(length);
    for (const piece of [length || 1, 65_537, BLOCK_BYTES, BLOCK_BYTES + 1]) {
      const hasher = new BlockHasher();
      for (let at = 0; at < length; at += piece) hasher.update(bytes.subarray(at, at + piece));
      hasher.update(new Uint8Array(0));
      expect(Buffer.from(encodeBlockList(hasher.end())).toString()).toBe(byHand(bytes));
    }
    expect(blockCount(length)).toBe(Math.ceil(length / BLOCK_BYTES));
  });

  test('a hasher does not keep the bytes that it was given', () => {
    const hasher = new BlockHasher();
    const piece = Buffer.from('first');
    hasher.update(piece);
    piece.write('later');
    expect(Buffer.from(encodeBlockList(hasher.end())).toString()).toBe(byHand(Buffer.from('first')));
  });

  test('length before digest before lines', () => {
    const good = Buffer.from(byHand(pattern(BLOCK_BYTES + 1)));
    const parse = (bytes: Buffer, length = BLOCK_BYTES + 1, signed = sha256Of(bytes)): BlockList =>
      parseBlockList('v.blocks', bytes, length, signed);
    expect(parse(good).count).toBe(2);
    const refused: readonly (readonly [Buffer, string, number?])[] = [
      [good.subarray(0, -1), 'LENGTH_MISMATCH'],
      [good.subarray(0, 65), 'LENGTH_MISMATCH'],
      [good, 'LENGTH_MISMATCH', BLOCK_BYTES],
      [Buffer.alloc(0), 'LENGTH_MISMATCH'],
      [Buffer.from(good.toString().toUpperCase()), 'HASH_MISMATCH'],
      [Buffer.from(good.toString().replaceAll('\n', ' ')), 'HASH_MISMATCH'],
    ];
    for (const [bytes, code, length] of refused)
      expect(() => parse(bytes, length)).toThrow(expect.objectContaining({ code }));
    expect(() => parse(good, BLOCK_BYTES + 1, sha256Of(Buffer.from('other')))).toThrow(
      expect.objectContaining({ code: 'HASH_MISMATCH' }),
    );
  });

  test('a volume is exactly as long as signed', () => {
    checkVolumeLength('v.zip', 5, 5);
    expect(() => checkVolumeLength('v.zip', 6, 5)).toThrow(expect.objectContaining({ code: 'LENGTH_MISMATCH' }));
    expect(() => checkVolumeLength('v.zip', BLOCK_BYTES + 1, 2 * BLOCK_BYTES)).toThrow(
      expect.objectContaining({ code: 'TRUNCATED', facts: expect.objectContaining({ block: 1 }) }),
    );
  });
});

describe('a checked volume', () => {
  const bytes = pattern(2 * BLOCK_BYTES + 1000);

  test('gives any range, across blocks too', () => {
    const volume = volumeOf(bytes);
    const near = fc.oneof(
      fc.nat(bytes.length),
      fc.integer({ min: BLOCK_BYTES - 3, max: BLOCK_BYTES + 3 }),
      fc.integer({ min: bytes.length - 3, max: bytes.length }),
    );
    fc.assert(
      fc.property(near, near, (a, b) => {
        const [from, to] = [Math.min(a, b), Math.max(a, b)];
        expect(Buffer.from(volume.read(from, to - from)).equals(bytes.subarray(from, to))).toBe(true);
        const pieces = Array.from(volume.pieces(from, to - from), (piece) => Buffer.from(piece));
        expect(Buffer.concat(pieces).equals(bytes.subarray(from, to))).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  test('reads each block once when it is read forward', () => {
    const reads: number[] = [];
    const source = sourceOf(bytes);
    const volume = volumeOf(bytes, {
      ...source,
      read: (into, at) => (reads.push(at / BLOCK_BYTES), source.read(into, at)),
    });
    for (let at = 0; at < bytes.length; at += 500_000) volume.read(at, Math.min(500_000, bytes.length - at));
    expect(reads).toEqual([0, 1, 2]);
  });

  test.each([
    [-1, 5],
    [0, bytes.length + 1],
    [bytes.length, 1],
    [5, -1],
    [2 ** 53, 1],
  ])('a range from %d of %d bytes is outside', (position, length) => {
    const volume = volumeOf(bytes);
    expect(() => volume.read(position, length)).toThrow(expect.objectContaining({ code: 'ZIP_INVALID' }));
    expect(() => [...volume.pieces(position, length)]).toThrow(expect.objectContaining({ code: 'ZIP_INVALID' }));
  });

  test('a medium that gives other bytes at the second read is caught, at each later read', () => {
    let reads = 0;
    const source: ByteSource = {
      bytes: bytes.length,
      read: (into, at) => {
        const count = bytes.copy(into, 0, at);
        if (++reads > 2) into[10] = (into[10] ?? 0) ^ 1;
        return count;
      },
    };
    const volume = volumeOf(bytes, source);
    expect(Buffer.from(volume.read(0, 20)).equals(bytes.subarray(0, 20))).toBe(true); // good
    expect(Buffer.from(volume.read(BLOCK_BYTES, 20)).equals(bytes.subarray(BLOCK_BYTES, BLOCK_BYTES + 20))).toBe(true); // good
    for (let again = 0; again < 3; again++)
      expect(() => volume.read(0, 20)).toThrow(
        expect.objectContaining({
          code: 'HASH_MISMATCH',
          facts: expect.objectContaining({ volume: 'v.zip', block: 0 }),
        }),
      );
  });

  test('a block that failed is not believed, even where its bytes were good', () => {
    let bad = true;
    const source: ByteSource = {
      bytes: bytes.length,
      read: (into, at) => {
        const count = bytes.copy(into, 0, at);
        if (bad) into[999] = (into[999] ?? 0) ^ 1;
        return count;
      },
    };
    const volume = volumeOf(bytes, source);
    expect(() => volume.read(0, 10)).toThrow(expect.objectContaining({ code: 'HASH_MISMATCH' }));
    expect(() => volume.read(0, 10)).toThrow(expect.objectContaining({ code: 'HASH_MISMATCH' }));
    bad = false; // the medium recovers
    expect(Buffer.from(volume.read(0, 10)).equals(bytes.subarray(0, 10))).toBe(true);
  });

  test('a read that comes back short is told with its block', () => {
    const source: ByteSource = { bytes: bytes.length, read: (into, at) => bytes.copy(into, 0, at, at + 100) };
    expect(() => volumeOf(bytes, source).read(BLOCK_BYTES, 10)).toThrow(
      expect.objectContaining({ code: 'TRUNCATED', facts: { volume: 'v.zip', block: 1 } }),
    );
  });

  test('what the source throws goes through, and nothing is kept', () => {
    const source: ByteSource = {
      bytes: bytes.length,
      read: () => {
        throw new Error('EIO');
      },
    };
    const volume = volumeOf(bytes, source);
    expect(() => volume.read(0, 1)).toThrow('EIO');
    expect(() => volume.read(0, 1)).toThrow('EIO');
  });
});
