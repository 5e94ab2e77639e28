/**
 * The one module that owns write, flush, rename and replace. What it promises, at every moment:
 *
 *   a path holds its old bytes or its new bytes, whole, never a mix;
 *   when a call returns, a power cut changes nothing any more;
 *   a flush that failed is never repeated: the file counts as lost and its writer hears of it
 *   (after a failed fsync Linux may report success the second time although the data are gone).
 *
 * All calls block: workers and medium processes want that, and a main process writes only small things.
 */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  fchmodSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { Misused, Unfit } from '@gapferry/bundle-format/errors';
import { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY } from './open-flags.ts';
import { errnoOf, type Whereabouts, withFaults } from './fault.ts';

export interface DurableOptions {
  /** Decides how a failure is called: `MEDIA_FULL` or `LOCAL_FULL`. Default: this machine. */
  readonly where?: Whereabouts;
}

/** Filesystems without these answer so for folders or modes (FAT, some FUSE, Windows); reading back is the proof there. */
const NOT_SUPPORTED = new Set(['EINVAL', 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EISDIR', 'EBADF', 'EACCES']);

let folderFlushWorks = true;

/** False once a folder could not be flushed (FAT through FUSE, Windows): renames are then only as durable as that filesystem makes them. */
export const foldersAreFlushed = (): boolean => folderFlushWorks;

/** Flushes the entries of a folder: names that were added, renamed or removed. Where that does not exist it is tolerated and noted once. */
export const syncFolder = (folder: string, options: DurableOptions = {}): void => {
  withFaults({ where: options.where ?? 'machine', doing: 'write', what: folder }, () => {
    let fd: number | undefined;
    try {
      fd = openSync(folder, O_RDONLY);
      fsyncSync(fd);
    } catch (error) {
      if (!NOT_SUPPORTED.has(errnoOf(error) ?? '') || !statSync(folder).isDirectory()) throw error;
      folderFlushWorks = false;
    } finally {
      if (fd !== undefined) closeSync(fd);
    }
  });
};

/** Flushes one existing file. */
export const syncFile = (path: string, options: DurableOptions = {}): void => {
  withFaults({ where: options.where ?? 'machine', doing: 'write', what: path }, () => {
    // Windows flushes only what was opened for writing.
    const fd = openSync(path, process.platform === 'win32' ? 'r+' : O_RDONLY | O_NOFOLLOW);
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  });
};

/**
 * One flush for everything written to the filesystem of `folder` (syncfs through `sync -f`): for thousands of small files it is far
 * cheaper than an fsync of each. Where it is missing, the `files` and their folders are flushed one by one; all that lies in
 * `folder` when none are named.
 * @throws Unfit LOCAL_IO (MEDIA_WRITE) also when the flush itself failed: what an fsync afterwards says is worth nothing
 */
export const syncFilesystem = (folder: string, files?: Iterable<string>, options: DurableOptions = {}): void => {
  if (syncWhole(folder, options)) return;
  if (files === undefined) syncTree(folder, options);
  else syncEach(folder, files, options);
};

/** What an old or small `sync` says that has no -f. */
const KNOWS_NO_F = /unrecognized option|invalid option|usage:/i;

/** False: there is no such command. */
const syncWhole = (folder: string, { where }: DurableOptions): boolean => {
  if (process.platform !== 'linux') return false;
  const { status, signal, error, stderr } = spawnSync('sync', ['-f', '--', folder], {
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
  });
  if (status === 0) return true;
  if (errnoOf(error) === 'ENOENT' || KNOWS_NO_F.test(stderr ?? '')) return false;
  const why = error?.message ?? (stderr.trim() || `it ended with ${signal ?? `status ${status}`}`);
  throw new Unfit(where === 'medium' ? 'MEDIA_WRITE' : 'LOCAL_IO', `${folder} could not be flushed: ${why}`, {
    facts: { path: folder },
    cause: error,
  });
};

/** Files first, then the folder that names them. Links are not followed: they have no bytes of their own. */
const syncTree = (folder: string, options: DurableOptions): void => {
  const entries = withFaults({ where: options.where ?? 'machine', doing: 'read', what: folder }, () =>
    readdirSync(folder, { withFileTypes: true }),
  );
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) syncTree(path, options);
    else if (entry.isFile()) syncFile(path, options);
  }
  syncFolder(folder, options);
};

/** The long way: an fsync of each file, then of each folder that holds one. */
export const syncEach = (folder: string, files: Iterable<string>, options: DurableOptions = {}): void => {
  const folders = new Set<string>([folder]);
  for (const file of files) {
    syncFile(file, options);
    folders.add(dirname(file));
  }
  for (const each of folders) syncFolder(each, options);
};

const writeAll = (fd: number, bytes: Uint8Array): void => {
  for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at, bytes.length - at);
};

const setMode = (fd: number, mode: number): void => {
  try {
    fchmodSync(fd, mode); // the umask has no say in what was decided here
  } catch (error) {
    if (!NOT_SUPPORTED.has(errnoOf(error) ?? '')) throw error; // FAT knows no modes
  }
};

const temporaryBeside = (path: string): string =>
  join(dirname(path), `.${basename(path).slice(0, 100)}.${randomBytes(8).toString('hex')}.part`);

/** Writes and flushes a file of a random name beside `path`, hands the name to `settle`, and leaves none behind whatever happens. */
const withTemporary = (path: string, bytes: Uint8Array, mode: number, settle: (temporary: string) => void): void => {
  const temporary = temporaryBeside(path);
  const fd = openSync(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
  try {
    try {
      setMode(fd, mode);
      writeAll(fd, bytes);
      fsyncSync(fd);
    } finally {
      closeSync(fd); // a failing close is a failing write
    }
    settle(temporary);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
};

const toBytes = (content: Uint8Array | string): Uint8Array =>
  typeof content === 'string' ? Buffer.from(content, 'utf8') : content;

/**
 * Replaces `path` as a whole: temporary name beside it (exclusive), write, fsync, rename, fsync of the folder.
 * @throws Unfit LOCAL_FULL, LOCAL_IO, PERMISSION; with `where: 'medium'` MEDIA_FULL, MEDIA_READONLY, MEDIA_GONE, MEDIA_WRITE
 */
export const writeDurably = (
  path: string,
  content: Uint8Array | string,
  mode = 0o600,
  options: DurableOptions = {},
): void => {
  withFaults({ where: options.where ?? 'machine', doing: 'write', what: path }, () => {
    withTemporary(path, toBytes(content), mode, (temporary) => renameSync(temporary, path));
  });
  syncFolder(dirname(path), options);
};

/** Puts the complete file under its name only if that name is free; false when it is not. Filesystems without hard links are served too. */
const placeNew = (temporary: string, path: string): boolean => {
  try {
    linkSync(temporary, path); // atomic, and fails if the name is taken; rename would replace
    rmSync(temporary);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    if (!NOT_SUPPORTED.has(errnoOf(error) ?? '')) throw error;
  }
  try {
    closeSync(openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600)); // reserves the name
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  }
  renameSync(temporary, path);
  return true;
};

/**
 * As `writeDurably`, but never replaces anything.
 * @throws Misused ALREADY_THERE
 */
export const writeNew = (
  path: string,
  content: Uint8Array | string,
  mode = 0o600,
  options: DurableOptions = {},
): void => {
  withFaults({ where: options.where ?? 'machine', doing: 'write', what: path }, () => {
    withTemporary(path, toBytes(content), mode, (temporary) => {
      if (!placeNew(temporary, path)) {
        throw new Misused('ALREADY_THERE', `${path} exists already`, { facts: { path } });
      }
    });
  });
  syncFolder(dirname(path), options);
};

/** Renames within one filesystem and flushes the folders of both names. What was under `to` is replaced. */
export const renameDurably = (from: string, to: string, options: DurableOptions = {}): void => {
  withFaults({ where: options.where ?? 'machine', doing: 'write', what: to }, () => renameSync(from, to));
  syncFolder(dirname(to), options);
  if (dirname(from) !== dirname(to)) syncFolder(dirname(from), options);
};

/** Removes a file (or a folder with all in it) and flushes its folder. Nothing there is no error. */
export const removeDurably = (path: string, options: DurableOptions = {}): void => {
  withFaults({ where: options.where ?? 'machine', doing: 'write', what: path }, () =>
    rmSync(path, { recursive: true, force: true }),
  );
  syncFolder(dirname(path), options);
};

/**
 * Makes a folder and the missing ones above it, all with `mode` whatever the umask, and flushes the parents of the new ones.
 * A folder that is there is left as it is.
 */
export const makeFolder = (path: string, mode = 0o700, options: DurableOptions = {}): void => {
  const target = resolve(path);
  withFaults({ where: options.where ?? 'machine', doing: 'write', what: target }, () => {
    const first = mkdirSync(target, { recursive: true, mode });
    if (first === undefined) return;
    for (let made = target; made.length >= first.length; made = dirname(made)) {
      try {
        chmodSync(made, mode);
      } catch (error) {
        if (!NOT_SUPPORTED.has(errnoOf(error) ?? '')) throw error;
      }
      syncFolder(dirname(made), options);
      if (made === dirname(made)) break;
    }
  });
};
