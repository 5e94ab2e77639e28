import { expect, test } from '@jest/globals';
import { formatBytes } from '../../src/format/bytes.ts';
import { formatAge, formatDuration, formatTime } from '../../src/format/durations.ts';
import { formatPairs, formatTable } from '../../src/format/table.ts';

test.each<[number, string]>([
  [0, '0 bytes'],
  [1, '1 byte'],
  [1023, '1023 bytes'],
  [1024, '1.00 KiB'],
  [10_240, '10.0 KiB'],
  [102_400, '100 KiB'],
  [1_048_575, '1.00 MiB'],
  [4_294_901_760, '4.00 GiB'],
  [5e15, '4.44 PiB'],
  [Number.POSITIVE_INFINITY, 'unknown'],
])('%d is %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

test.each<[number, string]>([
  [0, '0 s'],
  [-5, '0 s'],
  [59_400, '59 s'],
  [125_000, '2 min 5 s'],
  [3_600_000, '1 h'],
  [3_604_000, '1 h'],
  [11_400_000, '3 h 10 min'],
  [1_050_000_000, '12 d 3 h'],
  [Number.NaN, 'unknown'],
])('%d ms is %s', (milliseconds, text) => {
  expect(formatDuration(milliseconds)).toBe(text);
});

test('ages and times', () => {
  const now = new Date('2026-11-20T21:00:00.500Z');
  expect(formatTime(now)).toBe('2026-11-20T21:00:00Z');
  expect(formatAge(new Date('2026-11-20T20:55:00.500Z'), now)).toBe('5 min ago');
  expect(formatAge(now, now)).toBe('just now');
  expect(formatAge(new Date('2026-11-20T22:00:00.500Z'), now)).toBe('in 1 h');
});

test('a table', () => {
  expect(
    formatTable(
      [{ title: 'site' }, { title: 'size', align: 'right' }],
      [
        ['plant7', '1'],
        ['b', '1000'],
        ['c', ''],
      ],
    ),
  ).toEqual(['site    size', 'plant7     1', 'b       1000', 'c']);
  expect(
    formatPairs([
      ['a', '1'],
      ['long', '2'],
      ['x', ''],
    ]),
  ).toEqual(['a     1', 'long  2', 'x']);
});

test('a cell cannot break out of its table', () => {
  expect(formatTable([{ title: 'a' }], [['x\ny']])).toEqual(['a', 'x\\u000ay']);
});
