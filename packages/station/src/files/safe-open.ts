/**
 * Opening what somebody else laid there. A medium may hold links to the host's own files, pipes that block for ever when they are
 * opened, devices, and files that grow while they are read (THREATS 66, 72-74, 77).
 */
import { closeSync, fstatSync, opendirSync, openSync, readSync, type Stats } from 'node:fs';
import { Damaged, Refused, Unfit } from '@gapferry/bundle-format/errors';
import { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } from './open-flags.ts';
import { causeErrno, errnoOf, type Whereabouts, withFaults } from './fault.ts';

export interface OpenOptions {
  /** Decides how a failure is called: `MEDIA_READ` or `LOCAL_IO`. Default: a medium, as that is what this module is for. */
  readonly where?: Whereabouts;
}

const notRegular = (path: string): Damaged =>
  new Damaged('NOT_A_REGULAR_FILE', `${path} is not an ordinary file`, { facts: { path } });

/** What opening answers for a link (ELOOP, EMLINK on BSD), a socket or a device without a driver (ENXIO), a folder on Windows (EISDIR). */
const STRANGE = new Set(['ELOOP', 'EMLINK', 'ENXIO', 'EISDIR']);

/** Opens for reading; the caller closes. Flags beyond reading may be added (O_DIRECT). */
export const openRegularWith = (path: string, extraFlags: number, options: OpenOptions = {}): number =>
  withFaults({ where: options.where ?? 'medium', doing: 'read', what: path }, () => {
    // O_NONBLOCK: a named pipe answers at once instead of waiting for a writer. It means nothing for ordinary files.
    let fd: number;
    try {
      fd = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | extraFlags);
    } catch (error) {
      if (STRANGE.has(errnoOf(error) ?? '')) throw notRegular(path);
      throw error;
    }
    if (fstatSync(fd).isFile()) return fd;
    closeSync(fd);
    throw notRegular(path);
  });

/**
 * Opens an ordinary file for reading, no link followed, without ever blocking. The caller closes the descriptor.
 * @throws Damaged NOT_A_REGULAR_FILE, MEDIA_READ (also when there is no such file); Unfit MEDIA_GONE, PERMISSION
 */
export const openRegular = (path: string, options: OpenOptions = {}): number => openRegularWith(path, 0, options);

/** As `openRegular`, undefined when there is no such file. */
export const openIfThere = (path: string, options: OpenOptions = {}): number | undefined => {
  try {
    return openRegular(path, options);
  } catch (error) {
    const errno = causeErrno(error);
    if (errno === 'ENOENT' || errno === 'ENOTDIR') return undefined;
    throw error;
  }
};

const readFully = (fd: number, into: Uint8Array): number => {
  let filled = 0;
  while (filled < into.length) {
    const got = readSync(fd, into, filled, into.length - filled, filled);
    if (got === 0) break;
    filled += got;
  }
  return filled;
};

const tooLarge = (path: string, maxBytes: number): Refused =>
  new Refused('LIMIT_MANIFEST', `${path} is larger than ${maxBytes} bytes`, { facts: { path, maxBytes } });

const readOpened = (fd: number, path: string, maxBytes: number, options: OpenOptions): Uint8Array => {
  try {
    return withFaults({ where: options.where ?? 'medium', doing: 'read', what: path }, () => {
      const stat: Stats = fstatSync(fd);
      if (stat.size > maxBytes) throw tooLarge(path, maxBytes);
      // One byte more than the size: a file that grows meanwhile is noticed, and never read without end.
      const buffer = new Uint8Array(stat.size + 1);
      const filled = readFully(fd, buffer);
      if (filled > maxBytes) throw tooLarge(path, maxBytes);
      if (filled !== stat.size) {
        throw new Damaged('LENGTH_MISMATCH', `${path} changed its length while it was read`, { facts: { path } });
      }
      return buffer.subarray(0, filled);
    });
  } finally {
    closeSync(fd);
  }
};

/**
 * The whole of a small file, read once.
 * @throws Refused LIMIT_MANIFEST when it is larger than `maxBytes`; Damaged NOT_A_REGULAR_FILE, LENGTH_MISMATCH, MEDIA_READ
 */
export const readBounded = (path: string, maxBytes: number, options: OpenOptions = {}): Uint8Array =>
  readOpened(openRegular(path, options), path, maxBytes, options);

/** As `readBounded`, undefined when there is no such file. */
export const readBoundedIfThere = (
  path: string,
  maxBytes: number,
  options: OpenOptions = {},
): Uint8Array | undefined => {
  const fd = openIfThere(path, options);
  return fd === undefined ? undefined : readOpened(fd, path, maxBytes, options);
};

/** A name that is not UTF-8 arrives with this character in it, and can then not be opened: nothing of ours has such a name. */
const NOT_UTF8 = '\uFFFD';

/** Names of one kind in a folder, sorted, without looking into it any deeper. */
const listKind = (folder: string, max: number, kind: 'file' | 'folder', options: OpenOptions): string[] =>
  withFaults({ where: options.where ?? 'medium', doing: 'read', what: folder }, () => {
    const names: string[] = [];
    let directory;
    try {
      directory = opendirSync(folder);
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === 'ENOENT' || errno === 'ENOTDIR') return names;
      throw error;
    }
    try {
      let looked = 0;
      for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) {
        if (++looked > max) {
          throw new Unfit('SCAN_LIMIT', `${folder} holds more than ${max} names`, { facts: { folder, max } });
        }
        const fits = kind === 'file' ? entry.isFile() : entry.isDirectory();
        if (fits && !entry.name.includes(NOT_UTF8)) names.push(entry.name);
      }
    } finally {
      directory.closeSync();
    }
    return names.sort();
  });

/**
 * Names of the ordinary files in a folder, sorted; links, pipes, devices and folders are left out. A missing folder is an empty one.
 * @throws Unfit SCAN_LIMIT when there are more than `max` names of any kind
 */
export const listNames = (folder: string, max: number, options: OpenOptions = {}): string[] =>
  listKind(folder, max, 'file', options);

/** As `listNames`, for the folders in a folder. */
export const listFolders = (folder: string, max: number, options: OpenOptions = {}): string[] =>
  listKind(folder, max, 'folder', options);
