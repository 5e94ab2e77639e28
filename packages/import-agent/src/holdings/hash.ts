/** Digests of local files, for workers: blocking, in large pieces, no link followed. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { Sha256Stream, sha256Of, type Sha256 } from '@gapferry/bundle-format/sha256';
import { errnoOf, withFaults } from '@gapferry/station/files/fault';

const PIECE_BYTES = 4 * 1024 * 1024;
const piece = Buffer.allocUnsafeSlow(PIECE_BYTES);
const ABSENT = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO']);

/** Undefined when there is no ordinary file. @throws Unfit LOCAL_IO, PERMISSION */
export function hashFile(path: string, alive: (bytes: number) => void = () => undefined): Sha256 | undefined {
  return withFaults({ where: 'machine', doing: 'read', what: path }, () => {
    let fd: number;
    try {
      fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    } catch (error) {
      if (ABSENT.has(errnoOf(error) ?? '')) return undefined;
      throw error;
    }
    try {
      return fstatSync(fd).isFile() ? hashOpen(fd, alive) : undefined;
    } finally {
      closeSync(fd);
    }
  });
}

function hashOpen(fd: number, alive: (bytes: number) => void): Sha256 {
  const first = readSync(fd, piece);
  alive(first);
  if (first < PIECE_BYTES && readSync(fd, piece, first, PIECE_BYTES - first, null) === 0)
    return sha256Of(piece.subarray(0, first));
  return hashStream(fd, alive);
}

function hashStream(fd: number, alive: (bytes: number) => void): Sha256 {
  const digest = new Sha256Stream();
  for (let at = 0; ;) {
    const got = readSync(fd, piece, 0, PIECE_BYTES, at);
    if (got === 0) return digest.digest();
    digest.update(piece.subarray(0, got));
    at += got;
    alive(got);
  }
}
