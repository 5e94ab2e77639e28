/**
 * A stat as one number, so that a rescan reads and compares one number a file. It mixes size, mtime, ctime and file id, each with all the bits that Node
 * gives; two different stats meet in one of 2^53 cases. Sources are trusted: nobody is to be kept from making such a case on purpose.
 */

import type { Stats } from 'node:fs';

const numbers = new Float64Array(4);
const words = new Int32Array(numbers.buffer);

/** An integer from 0 to 2^53 - 1. */
export const stampOf = (stats: Pick<Stats, 'size' | 'mtimeMs' | 'ctimeMs' | 'ino'>): number => {
  numbers[0] = stats.size;
  numbers[1] = stats.mtimeMs;
  numbers[2] = stats.ctimeMs;
  numbers[3] = stats.ino;
  // two lanes of MurmurHash3's mixing with different seeds
  let low = 0x9747b28c;
  let high = 0x3c6ef372;
  for (let n = 0; n < words.length; n++) {
    const word = words[n] ?? 0;
    const mixed = Math.imul(word, 0xcc9e2d51);
    low = Math.imul((low ^ Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593)) | 0, 5) + 0xe6546b64;
    low = (low << 13) | (low >>> 19);
    high = Math.imul(high ^ word, 0x85ebca6b);
    high ^= high >>> 13;
  }
  low = Math.imul(low ^ (low >>> 16), 0x85ebca6b);
  high = Math.imul(high ^ (high >>> 16), 0xc2b2ae35);
  return ((high ^ (high >>> 15)) & 0x1fffff) * 0x1_0000_0000 + ((low ^ (low >>> 13)) >>> 0);
};
