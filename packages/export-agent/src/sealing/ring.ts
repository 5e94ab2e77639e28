/**
 * Blocks of 4 MiB that two threads share: one fills, the other takes, in order. The memory is page-aligned (WebAssembly memory is), and nothing is copied
 * between the threads.
 */

import { BLOCK_BYTES } from '@gapferry/bundle-format/blocks';

/** What we use of it; the type libraries of a browser have the whole. */
declare const WebAssembly: {
  readonly Memory: new (size: { initial: number; maximum: number; shared: true }) => {
    readonly buffer: SharedArrayBuffer;
  };
};

const WASM_PAGE_BYTES = 65_536;
/** Enough that filling, hashing and writing go on at once. */
export const SLOTS = 4;

export const makeRing = (slots: number = SLOTS): SharedArrayBuffer => {
  const pages = (slots * BLOCK_BYTES) / WASM_PAGE_BYTES;
  return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }).buffer;
};

export const slotsOf = (ring: SharedArrayBuffer): Uint8Array[] =>
  Array.from(
    { length: Math.floor(ring.byteLength / BLOCK_BYTES) },
    (_, n) => new Uint8Array(ring, n * BLOCK_BYTES, BLOCK_BYTES),
  );
