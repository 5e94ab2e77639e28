/** How often a file that goes through the page cache is brought to the device. In a file of its own, as it listens to `node:fs`. */
import { expect, jest, test } from '@jest/globals';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../temporary.ts';

const happened: string[] = [];
jest.unstable_mockModule('node:fs', () => ({
  ...fs,
  fdatasyncSync: (fd: number) => {
    happened.push('flush');
    fs.fdatasyncSync(fd);
  },
}));
const { DirectWriter } = await import('../../src/files/direct.ts');

const MIB = 1024 * 1024;

test('what goes through the page cache is flushed every 32 MiB, before it is told as written', () => {
  const writer = new DirectWriter(join(temporaryFolder(), 'file'), {
    plain: true,
    onBytes: (bytes) => happened.push(`${bytes / MIB}`),
  });
  for (let n = 0; n < 17; n++) writer.append(Buffer.alloc(4 * MIB));
  writer.finish();
  const seven = Array.from({ length: 7 }, () => '4');
  expect(happened).toEqual([...seven, 'flush', '4', ...seven, 'flush', '4', '4']);
});
