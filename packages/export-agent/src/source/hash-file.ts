/**
 * Reads a file once and hashes it, optionally copying it on the way, with blocking calls and one buffer that is used again and again.
 * The digest belongs to the stat that is returned: the file is looked at through one descriptor, before and after.
 */

import { createHash, hash as hashOnce } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs';
import { Unfit } from '@gapferry/bundle-format/errors';
import { type Sha256, sha256Of, Sha256Stream } from '@gapferry/bundle-format/sha256';
import { toFaultOfLimits } from '@gapferry/station/files/fault';
import { errnoOf } from './errno.ts';

export const HASH_BUFFER_BYTES: number = 1 << 20;
const buffer = new Uint8Array(HASH_BUFFER_BYTES);

/** What SHA-256 stands beside: other digests that a closure checker will ask for, made in the same pass. */
export type ExtraAlgorithm = 'sha512' | 'sha1' | 'md5';

export interface HashedFile {
  readonly stats: Stats;
  readonly sha256: Sha256;
  /** lower-case hex by algorithm */
  readonly extra: Readonly<Record<string, string>>;
}

export interface HashWish {
  readonly extra: readonly ExtraAlgorithm[];
  /** Gets every piece; it must have used the bytes when it returns. */
  readonly copy?: (piece: Uint8Array) => void;
  /** Called with the number of bytes after each piece. */
  readonly progress?: (bytes: number) => void;
}

/** Opens a regular file without following a link and without waiting (a FIFO would hang). Undefined: it is not there, or not a file any more. */
export const openSource = (path: string): number | undefined => {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const code = errnoOf(error);
    // ELOOP: it became a link since the walk; ENXIO: a socket
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP' || code === 'ENXIO') return undefined;
    if (code === 'EACCES' || code === 'EPERM')
      throw new Unfit('PERMISSION', `${path} may not be read`, { cause: error });
    const ofLimits = toFaultOfLimits(error);
    if (ofLimits !== error) throw ofLimits;
    throw new Unfit('LOCAL_IO', `${path} cannot be opened`, { cause: error });
  }
};

const read = (fd: number, position: number, path: string): number => {
  try {
    return readSync(fd, buffer, 0, buffer.length, position);
  } catch (error) {
    throw new Unfit('LOCAL_IO', `${path} cannot be read`, { cause: error });
  }
};

const sameFile = (a: Stats, b: Stats): boolean =>
  a.size === b.size && a.mtimeMs === b.mtimeMs && a.ctimeMs === b.ctimeMs && a.ino === b.ino;

/** One call per algorithm: for files that fit the buffer this saves making hash objects. */
const hashSmall = (bytes: Uint8Array, wish: HashWish): Omit<HashedFile, 'stats'> => {
  wish.copy?.(bytes);
  wish.progress?.(bytes.length);
  return {
    sha256: sha256Of(bytes),
    extra: Object.fromEntries(wish.extra.map((algorithm) => [algorithm, hashOnce(algorithm, bytes, 'hex')])),
  };
};

const hashLarge = (fd: number, size: number, path: string, wish: HashWish): Omit<HashedFile, 'stats'> | undefined => {
  const sha256 = new Sha256Stream();
  const extra = wish.extra.map((algorithm) => [algorithm, createHash(algorithm)] as const);
  let position = 0;
  while (position < size) {
    const n = read(fd, position, path);
    if (n === 0) return undefined; // shorter than its stat: it is changing
    const piece = buffer.subarray(0, n);
    sha256.update(piece);
    for (const [, digest] of extra) digest.update(piece);
    wish.copy?.(piece);
    wish.progress?.(n);
    position += n;
  }
  return {
    sha256: sha256.digest(),
    extra: Object.fromEntries(extra.map(([name, digest]) => [name, digest.digest('hex')])),
  };
};

const hashOpen = (fd: number, path: string, wish: HashWish): HashedFile | 'changed' => {
  const before = fstatSync(fd);
  if (!before.isFile()) return 'changed'; // it was one when the walk met it; the next walk names what it is now
  let result: Omit<HashedFile, 'stats'> | undefined;
  if (before.size < buffer.length) {
    const n = read(fd, 0, path);
    result = n === before.size ? hashSmall(buffer.subarray(0, n), wish) : undefined;
  } else {
    result = hashLarge(fd, before.size, path, wish);
  }
  return result !== undefined && sameFile(before, fstatSync(fd)) ? { stats: before, ...result } : 'changed';
};

/**
 * @returns the digest with the stat it belongs to; `'gone'` when there is no such file; `'changed'` when somebody wrote to it meanwhile
 * @throws Unfit PERMISSION, LOCAL_IO
 */
export const hashFile = (path: string, wish: HashWish): HashedFile | 'gone' | 'changed' => {
  const fd = openSource(path);
  if (fd === undefined) return 'gone';
  try {
    return hashOpen(fd, path, wish);
  } finally {
    closeSync(fd);
  }
};
