/** Opens compressed metadata as a stream, in bounded memory. */

import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';

/** Compressions that Node has not built in. `lzma` is the old .lzma format. */
export type ForeignCompression = 'xz' | 'bzip2' | 'lzma' | 'lz4';
export type Compression = 'none' | 'gzip' | 'zstd' | ForeignCompression;

/**
 * The caller's way to open a foreign compression: plain chunks, or `undefined` when this machine has nothing for it.
 * The stream must fail when the compressed data are damaged or cut off.
 */
export type Decompress = (
  compression: ForeignCompression,
  bytes: AsyncIterable<Uint8Array>,
) => AsyncIterable<Uint8Array> | undefined;

export const isForeign = (compression: Compression): compression is ForeignCompression =>
  compression !== 'none' && compression !== 'gzip' && compression !== 'zstd';

/** The data are not what their compression promises. Errors of the source itself are not of this class. */
export class NotDecompressible extends Error {}

export type Take = (chunk: Uint8Array) => void | Promise<void>;

const throughNode = async (
  compression: 'gzip' | 'zstd',
  bytes: AsyncIterable<Uint8Array>,
  take: Take,
): Promise<void> => {
  let fault: { readonly error: unknown } | undefined;
  const opener = compression === 'gzip' ? createGunzip() : createZstdDecompress();
  opener.on('error', (error: NodeJS.ErrnoException) => {
    if (isZlibError(error)) fault ??= { error };
  });
  try {
    await pipeline(Readable.from(bytes, { objectMode: false }), opener, async (plain: AsyncIterable<Uint8Array>) => {
      for await (const chunk of plain) await take(chunk);
    });
  } catch (error) {
    if (fault === undefined) throw error;
    throw new NotDecompressible(`its ${compression} data cannot be read`, { cause: fault.error });
  }
};

/** `Z_DATA_ERROR`, `Z_BUF_ERROR` (cut off), `ZSTD_error_…`: told from errors of the source, which pass through the same pipeline. */
const isZlibError = (error: NodeJS.ErrnoException): boolean => /^(Z_|ZSTD_|ERR_ZSTD|ERR_ZLIB)/.test(error.code ?? '');

/**
 * Hands plain chunks to `take`, one after the other.
 * @returns false when nothing here opens this compression; nothing was read then
 * @throws NotDecompressible for damaged data; anything the source or `take` throws
 */
export const decompressInto = async (
  compression: Compression,
  bytes: AsyncIterable<Uint8Array>,
  take: Take,
  foreign: Decompress | undefined,
): Promise<boolean> => {
  if (compression === 'gzip' || compression === 'zstd') {
    await throughNode(compression, bytes, take);
    return true;
  }
  const plain = compression === 'none' ? bytes : foreign?.(compression, bytes);
  if (plain === undefined) return false;
  for await (const chunk of plain) await take(chunk);
  return true;
};
