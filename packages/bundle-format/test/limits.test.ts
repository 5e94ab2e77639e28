import { describe, expect, test } from '@jest/globals';
import {
  KNOWN_FEATURES,
  LIMITS,
  MAX_PACK_MEMBERS,
  PackWriter,
  assertName,
  checkEntryName,
  checkPath,
  checkPathForWindows,
  encodeIndexRow,
  readIndex,
  readZipDirectory,
  sha256Of,
  within,
  type IndexRow,
  type ZipBytes,
} from '../src/index.ts';
import { end64, forgeZip, locator64, u16, u32 } from '../../../scripts/vectors/zip.ts';

const coded = (code: string): unknown => expect.objectContaining({ code });

describe('a ZIP file that claims too much', () => {
  /** An archive whose end claims what it likes, of which only the last bytes can be read without going beyond the bounds. */
  const claiming = (count: number, bytes: number): { zip: ZipBytes; largest: () => number } => {
    const length = 2 ** 40;
    const at = length - 22 - 20 - 56;
    const tail = Buffer.concat([
      end64(count, bytes, at - bytes),
      locator64(at),
      u32(0x06054b50),
      u16(0, 0, 0xffff, 0xffff),
      u32(0xffffffff, 0xffffffff),
      u16(0),
    ]);
    let largest = 0;
    const read = (position: number, wanted: number): Uint8Array => {
      largest = Math.max(largest, wanted);
      return position >= at ? tail.subarray(position - at, position - at + wanted) : Buffer.alloc(wanted);
    };
    return { zip: { name: 'v.zip', bytes: length, read }, largest: () => largest };
  };

  test.each([
    ['entries', LIMITS.entries + 1, 1000],
    ['bytes of directory', 10, LIMITS.directoryBytes + 1],
    ['both', 2 ** 50, 2 ** 39],
  ])('%s: is refused before its directory is read', (_name, count, bytes) => {
    const { zip, largest } = claiming(count, bytes);
    expect(() => readZipDirectory(zip)).toThrow(coded('ZIP_COUNT'));
    expect(largest()).toBeLessThan(100);
  });

  test('just within the bounds its directory is read', () => {
    const { zip, largest } = claiming(LIMITS.entries, LIMITS.directoryBytes);
    expect(() => readZipDirectory(zip)).toThrow(coded('ZIP_COUNT'));
    expect(largest()).toBe(LIMITS.directoryBytes);
  });
});

test('a stretch of a ZIP file has no way to what lies beside it', () => {
  const { bytes } = forgeZip([{ name: 'a', data: Buffer.from('0123456789') }]);
  const outer: ZipBytes = { name: 'v.zip', bytes: bytes.length, read: (at, length) => bytes.subarray(at, at + length) };
  const pack = within(outer, 'v.zip, pack', 31, 10);
  expect(Buffer.from(pack.read(2, 8)).toString()).toBe('23456789');
  for (const [at, length] of [
    [-1, 5],
    [0, 11],
    [10, 1],
  ] as const)
    expect(() => pack.read(at, length)).toThrow(coded('ZIP_INVALID'));
});

test('a pack takes no more members than it can count', () => {
  const pack = new PackWriter();
  const nothing = new Uint8Array(0);
  for (let i = 0; i < MAX_PACK_MEMBERS; i++) pack.add('a', nothing);
  expect(() => pack.add('a', nothing)).toThrow(RangeError);
});

test('a row of many bases is long, and still a row', () => {
  const digest = sha256Of(Buffer.from('x'));
  const row: IndexRow = {
    sha256: digest,
    size: 1,
    kind: 'patch',
    volume: 1,
    entry: 'patches/r/a',
    offset: 50,
    stored: 5,
    method: 'stored',
    patch: 'x',
    bases: Array.from({ length: 256 }, () => digest),
  };
  const line = encodeIndexRow(row);
  expect(line.length).toBeGreaterThan(LIMITS.rowBytes / 2);
  expect([...readIndex([Buffer.from(line)])]).toEqual([row]);
});

describe('names', () => {
  test('a name that is none is a wrong use, and the message says which', () => {
    assertName('site', 'plant7');
    expect(() => assertName('site', 'Plant 7')).toThrow(coded('USAGE'));
    expect(() => assertName('site', 'Plant 7')).toThrow('site "Plant 7"');
  });

  test('only a target of Windows refuses the characters of Windows', () => {
    for (const path of ['a<b', 'a>b', 'ab:c', 'a"b', 'a|b', 'a?b', 'a*b']) {
      checkPath(path);
      expect(() => checkPathForWindows(path)).toThrow(coded('NAME_RESERVED'));
    }
    checkPathForWindows('a/b-c (d) [e].txt');
  });

  test('an entry may be longer than a path by what stands around it', () => {
    const path = `${'y'.repeat(255)}/`.repeat(16).slice(0, 4095);
    const deep = Array.from({ length: 64 }, () => 'd').join('/');
    for (const one of [path, deep]) {
      checkPath(one);
      checkEntryName(`parts/${'r'.repeat(63)}/${one}/0001-of-0002`);
    }
    expect(() => checkEntryName(`parts/${path}/${path}`)).toThrow(coded('PATH_TOO_LONG'));
    expect(() => checkEntryName(`a/b/${deep}/c/d`)).toThrow(coded('PATH_TOO_LONG'));
  });
});

test('features that a reader knows are those of the specification', () => {
  expect(KNOWN_FEATURES).toEqual(['zip', 'parts', 'packs']);
});
