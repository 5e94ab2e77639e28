/**
 * Freezing: a metadata file is copied into the spool under its digest, hashed in the same pass. The copy is what is sealed, so that what was checked
 * is what crosses, whatever happens to the source meanwhile.
 */

import { closeSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { hashFile, type HashedFile, type HashWish } from './hash-file.ts';
import type { Spool } from './spool.ts';

let counter = 0;

const writeAll = (fd: number, bytes: Uint8Array): void => {
  for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at, bytes.length - at);
};

/** As `hashFile`; on success the bytes also lie in the spool. */
export const freezeFile = (path: string, spool: Spool, wish: HashWish): HashedFile | 'gone' | 'changed' => {
  const temporary = join(spool.metadata, `.part-${process.pid}-${Math.random().toString(36).slice(2)}-${counter++}`);
  const fd = openSync(temporary, 'wx', 0o600);
  let hashed: ReturnType<typeof hashFile>;
  try {
    hashed = hashFile(path, { ...wish, copy: (piece) => writeAll(fd, piece) });
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
  if (typeof hashed === 'string') {
    rmSync(temporary, { force: true });
    return hashed;
  }
  const frozen = spool.frozen(hashed.sha256);
  mkdirSync(dirname(frozen), { recursive: true, mode: 0o700 });
  renameSync(temporary, frozen);
  return hashed;
};
