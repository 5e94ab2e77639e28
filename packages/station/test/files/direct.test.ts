import { expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { alignedBuffer, assertLength, DirectReader, DirectWriter } from '../../src/files/direct.ts';
import { temporaryFolder, thrownBy } from '../temporary.ts';

const PIECE = 4 * 1024 * 1024;
const SIZES = [0, 1, 511, 4095, 4096, 4097, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE + 12_345];

/** Bytes that differ everywhere, so that a piece at the wrong place shows. */
const pattern = (length: number): Uint8Array => {
  const whole = alignedBuffer(Math.ceil(length / 4) * 4 + 4);
  const words = new Uint32Array(whole.buffer, 0, whole.length / 4);
  for (let at = 0; at < words.length; at++) words[at] = at * 2_654_435_761;
  return whole.subarray(0, length);
};
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

for (const plain of [false, true]) {
  const how = plain ? 'plainly' : 'past the cache';

  test.each(SIZES)(`writes %i bytes ${how}, in pieces of any size, and reads them back`, (size) => {
    const path = join(temporaryFolder(), 'file');
    const bytes = pattern(size);
    const writer = new DirectWriter(path, { plain });
    for (let at = 0, step = 1; at < size; at += step, step = step * 3 + 1) writer.append(bytes.subarray(at, at + step));
    expect(writer.bytes).toBe(size);
    writer.finish();
    expect(sha256(readFileSync(path))).toBe(sha256(bytes));

    const reader = new DirectReader(path, { plain });
    assertLength(reader, size);
    const back = new Uint8Array(size + 100);
    expect(reader.read(back, 0)).toBe(size);
    expect(sha256(back.subarray(0, size))).toBe(sha256(bytes));
    reader.close();
  });

  test(`writes a large aligned buffer as it is, ${how}`, () => {
    const path = join(temporaryFolder(), 'file');
    const bytes = pattern(3 * PIECE + 77);
    const writer = new DirectWriter(path, { plain });
    writer.append(bytes);
    writer.finish();
    expect(sha256(readFileSync(path))).toBe(sha256(bytes));
  });

  test.each([
    [0, 10],
    [1, 4096],
    [4095, 2],
    [4096, 4096],
    [PIECE - 5, 11],
    [PIECE + 3, 2 * PIECE],
    [2 * PIECE, 100],
  ])(`reads from %i on %i bytes, ${how}`, (position, length) => {
    const path = join(temporaryFolder(), 'file');
    const bytes = pattern(2 * PIECE + 50);
    writeFileSync(path, bytes);
    const reader = new DirectReader(path, { plain });
    const into = new Uint8Array(length);
    const expected = bytes.subarray(position, position + length);
    expect(reader.read(into, position)).toBe(expected.length);
    expect(Buffer.from(into.subarray(0, expected.length)).equals(expected)).toBe(true);
    reader.close();
  });
}

test('a plain reader claims no more than the cache', () => {
  const path = join(temporaryFolder(), 'file');
  writeFileSync(path, 'x');
  expect(new DirectReader(path, { plain: true }).proof).toBe('cache');
});

test('reading past the end gives nothing', () => {
  const path = join(temporaryFolder(), 'file');
  writeFileSync(path, 'x');
  expect(new DirectReader(path).read(new Uint8Array(10), 4096)).toBe(0);
});

test('counts the bytes that reached the device', () => {
  const path = join(temporaryFolder(), 'file');
  let seen = 0;
  const writer = new DirectWriter(path, { onBytes: (bytes) => (seen += bytes) });
  writer.append(new Uint8Array(PIECE));
  expect(seen).toBe(PIECE);
  writer.append(new Uint8Array(10));
  expect(seen).toBe(PIECE);
  writer.finish();
  expect(seen).toBeGreaterThan(PIECE);
});

test('does not replace a file unless told to', () => {
  const path = join(temporaryFolder(), 'file');
  writeFileSync(path, 'longer than the new one');
  expect(thrownBy(() => new DirectWriter(path))).toMatchObject({ code: 'MEDIA_WRITE' });
  expect(readFileSync(path, 'utf8')).toBe('longer than the new one');
  const writer = new DirectWriter(path, { replace: true });
  writer.append(Buffer.from('new'));
  writer.finish();
  expect(readFileSync(path, 'utf8')).toBe('new');
});

test('an abandoned file is gone, and abandoning twice is no error', () => {
  const path = join(temporaryFolder(), 'file');
  const writer = new DirectWriter(path);
  writer.append(new Uint8Array(100));
  writer.abandon();
  writer.abandon();
  expect(existsSync(path)).toBe(false);
});

test('reads no link and no folder', () => {
  const folder = temporaryFolder();
  symlinkSync('/etc/hostname', join(folder, 'link'));
  mkdirSync(join(folder, 'folder'));
  for (const name of ['link', 'folder']) {
    expect(thrownBy(() => new DirectReader(join(folder, name)))).toMatchObject({ code: 'NOT_A_REGULAR_FILE' });
  }
});

test('a file that is too short on the medium is told', () => {
  const path = join(temporaryFolder(), 'file');
  writeFileSync(path, 'x');
  expect(thrownBy(() => assertLength(new DirectReader(path), 2))).toMatchObject({
    code: 'MEDIA_VERIFY',
    facts: { expected: 2, found: 1 },
  });
});
