/** Damage to files of a bundle, and how to mend it. */
import { closeSync, ftruncateSync, openSync, readFileSync, readSync, writeFileSync, writeSync } from 'node:fs';

/** Changes one byte in place (never to itself) and gives back what mends it. */
export const flipByte = (file: string, position: number, mask: number): (() => void) => {
  if (mask < 1 || mask > 255) throw new Error('a mask of 0 changes nothing');
  const exchange = (): void => {
    const fd = openSync(file, 'r+');
    const byte = Buffer.alloc(1);
    readSync(fd, byte, 0, 1, position);
    byte[0] = (byte[0] ?? 0) ^ mask;
    writeSync(fd, byte, 0, 1, position);
    closeSync(fd);
  };
  exchange();
  return exchange;
};

/** Leaves only the first `length` bytes and gives back what mends it. */
export const cutFile = (file: string, length: number): (() => void) => {
  const before = readFileSync(file);
  const fd = openSync(file, 'r+');
  ftruncateSync(fd, length);
  closeSync(fd);
  return () => writeFileSync(file, before);
};

/** `count` different lengths shorter than `size`: nothing, one byte, all but one, and evenly between. */
export const cutLengths = (size: number, count: number): number[] => {
  const even = Array.from({ length: count }, (_, n) => Math.floor((size * n) / count));
  return [...new Set([0, 1, size - 1, ...even])]
    .filter((length) => length >= 0 && length < size)
    .slice(0, count)
    .toSorted((a, b) => a - b);
};
