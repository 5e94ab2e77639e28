import { expect, test } from '@jest/globals';
import { progressLine } from '../../src/command/progress.ts';

const GIB = 2 ** 30;

test.each([
  [
    { label: 'writing', bytes: 0, totalBytes: 3 * GIB, elapsedMs: 0 },
    'writing  [....................]    0 %  0 bytes of 3.00 GiB',
  ],
  [
    { label: 'writing', bytes: GIB, totalBytes: 4 * GIB, elapsedMs: 10_000 },
    'writing  [#####...............]   25 %  1.00 GiB of 4.00 GiB  102 MiB/s  30 s left',
  ],
  [{ label: 'reading', bytes: GIB, totalBytes: undefined, elapsedMs: 10_000 }, 'reading  1.00 GiB  102 MiB/s'],
  [{ label: 'empty', bytes: 0, totalBytes: 0, elapsedMs: 5000 }, 'empty  0 bytes of 0 bytes'],
  [
    { label: 'more than all', bytes: 20, totalBytes: 10, elapsedMs: 0 },
    'more than all  [####################]  100 %  20 bytes of 10 bytes',
  ],
])('%j', (state, line) => {
  expect(progressLine(state, 200)).toBe(line);
});

test('never wraps', () => {
  expect(progressLine({ label: 'x'.repeat(100), bytes: 1, totalBytes: 2, elapsedMs: 1 }, 40)).toHaveLength(39);
});
