import { describe, expect, test } from '@jest/globals';
import { encodeReceipt, parseReceipt, readDigestList, sha256Of, type Receipt, type SignedBytes } from '../src/index.ts';

const digest = (text: string): ReturnType<typeof sha256Of> => sha256Of(Buffer.from(text));
const RECEIPT: Receipt = {
  site: 'plant7',
  exporter: 'x0123456789abcdef',
  epoch: '0'.repeat(32),
  number: 3,
  repositories: [
    { name: 'debian', state: 'published', snapshot: 4, offered: 4 },
    { name: 'files', state: 'on hold', snapshot: null, offered: 1 },
  ],
  bundles: [
    { sequence: 1, sha256: digest('a'), state: 'refused', code: 'EXPIRED' },
    { sequence: 1, sha256: digest('b'), state: 'published', code: null }, // a fork shows as two
  ],
  holds: { bytes: 65, sha256: digest('c'), rows: 1 },
  missing: { bytes: 0, sha256: digest(''), rows: 0 },
};
// The signature is the business of other tests.
const parse = (bytes: Uint8Array): Receipt => parseReceipt(bytes as SignedBytes);

describe('a receipt', () => {
  test('is read as it was written, and is the same bytes each time', () => {
    const bytes = encodeReceipt(RECEIPT);
    expect(parse(bytes)).toEqual(RECEIPT);
    expect(Buffer.from(encodeReceipt(parse(bytes))).equals(bytes)).toBe(true);
  });

  test('a code that a newer site tells reads as none, everything else is as before', () => {
    const newer = Buffer.from(encodeReceipt(RECEIPT)).toString().replace('EXPIRED', 'NEW_CODE_2');
    expect(parse(Buffer.from(newer)).bundles.map(({ code }) => code)).toEqual([null, null]);
  });

  test('says all that is wrong at once, each with its path', () => {
    const bad = Buffer.from(encodeReceipt(RECEIPT))
      .toString()
      .replace('"number":3', '"number":0,"host":"srv1"')
      .replace('"snapshot":4', '"snapshot":"4"');
    expect(() => parse(Buffer.from(bad))).toThrow(
      /receipt\.host is not a field.*receipt\.number must be.*receipt\.repositories\[0\]\.snapshot must be/,
    );
  });

  test('a companion whose last line does not end, or that has a line without end, is refused in bounded memory', () => {
    const read = (chunks: Iterable<Uint8Array>): unknown[] => [...readDigestList(chunks, 'holds')];
    const refused = expect.objectContaining({ code: 'INVENTORY_INVALID' });
    expect(() => read([Buffer.from(digest('a'))])).toThrow(refused);
    let given = 0;
    const endless = function* (): Generator<Uint8Array> {
      for (; ; given++) yield Buffer.from('a');
    };
    expect(() => read(endless())).toThrow(refused);
    expect(given).toBeLessThan(70);
  });
});
