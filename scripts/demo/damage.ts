/** What may happen to a bundle on its way. */
import { closeSync, cpSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { basename, join } from 'node:path';
import { BUNDLES, KEYS } from '@gapferry/bundle-format/layout';

/** Turns all bits of one byte. Done twice it is mended. */
export const flipByte = (file: string, at: number): void => {
  const fd = openSync(file, 'r+');
  try {
    const byte = Buffer.alloc(1);
    readSync(fd, byte, 0, 1, at);
    byte[0] = (byte[0] ?? 0) ^ 0xff;
    writeSync(fd, byte, 0, 1, at);
  } finally {
    closeSync(fd);
  }
};

/** Where the middle of these bytes lies in a file that holds them as they are. @throws Error when it does not */
export const placeWithin = (file: string, bytes: Uint8Array): number => {
  const at = readFileSync(file).indexOf(bytes);
  if (at < 0) throw new Error(`${file} does not hold what should be in it`);
  return at + (bytes.length >> 1);
};

/** Lays a bundle of somebody else onto a medium, with the key that signed it beside it, as a helpful thief would. @returns what was laid there */
export const slipIn = (medium: string, bundle: string, key: string): string[] => {
  const places = [join(medium, BUNDLES, basename(bundle)), join(medium, KEYS, `helpful-${basename(key)}`)];
  for (const [at, from] of [bundle, key].entries()) cpSync(from, places[at] ?? '', { recursive: true });
  return places;
};
