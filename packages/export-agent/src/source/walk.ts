/**
 * A sorted walk over one repository, with blocking calls: for worker threads only (measured 3.5 times faster than promises).
 *
 * Order: UTF-8 bytes of the whole path, the order of inventories and of the ledger. Sorting names folder by folder gives that order
 * only when a folder sorts as its name followed by '/': `a-b` (0x2d) comes before `a/x` (0x2f), which comes before `a0`.
 */

import { lstatSync, readdirSync, type Stats } from 'node:fs';
import { Incomplete, Refused, Unfit } from '@gapferry/bundle-format/errors';
import { comparePaths } from '@gapferry/bundle-format/names';
import { toFaultOfLimits } from '@gapferry/station/files/fault';
import { errnoOf } from './errno.ts';

/** Paths p with from ≤ p < to. A null end is open. */
export interface PathRange {
  readonly from: string | null;
  readonly to: string | null;
}

/** What a walk meets. Other kinds of entries (FIFO, device, socket) are refused by name before anybody sees them. */
export interface Visitor {
  /** A regular file or a symbolic link, in ascending order of path. */
  entry(path: string, stats: Stats): void;
  /** A folder with nothing in it; these come in no particular order relative to the entries. */
  emptyFolder(path: string): void;
  /** A FIFO, socket or device of this path is not carried anyway; otherwise it is refused by name. */
  ignores(path: string): boolean;
  /** Nothing beneath this folder is ever carried: it need not be readable. */
  skips(folder: string): boolean;
}

interface Sibling {
  readonly key: string;
  readonly path: string;
  readonly stats: Stats;
}

/** Any character that UTF-16 sorts elsewhere than UTF-8 does is at or above the surrogates. */
const OUT_OF_ORDER = /[\ud800-\uffff]/;

const sortSiblings = (siblings: Sibling[], plain: boolean): void => {
  if (plain) siblings.sort((a, b) => (a.key < b.key ? -1 : 1));
  else siblings.sort((a, b) => comparePaths(a.key, b.key));
};

/** Node decodes wrong bytes as U+FFFD, so that only names with one need a second look at their bytes. */
const assertUTF8Names = (folder: string, shown: string): void => {
  for (const bytes of readdirSync(folder, { encoding: 'buffer' })) {
    if (!Buffer.from(bytes.toString('utf8')).equals(bytes))
      throw new Refused('PATH_ENCODING', `a name in ${shown || 'the root of the repository'} is not UTF-8`, {
        facts: { folder: shown, nameAsHex: bytes.toString('hex') },
      });
  }
};

const isGone = (error: unknown): boolean => ['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '');

const cannotRead = (error: unknown, path: string): never => {
  const ofLimits = toFaultOfLimits(error);
  if (ofLimits !== error) throw ofLimits;
  if (['EACCES', 'EPERM'].includes(errnoOf(error) ?? ''))
    throw new Unfit('PERMISSION', `${path || 'the root of the repository'} may not be read`, { cause: error });
  throw new Unfit('LOCAL_IO', `${path || 'the root of the repository'} cannot be read`, { cause: error });
};

const namesIn = (root: string, folder: string): string[] | undefined => {
  const absolute = folder === '' ? root : `${root}/${folder}`;
  try {
    const names = readdirSync(absolute);
    if (names.some((name) => name.includes('\ufffd'))) assertUTF8Names(absolute, folder);
    return names;
  } catch (error) {
    if (error instanceof Refused) throw error;
    // a folder that vanished since its parent was read is as if it had never been there; the root itself must be there
    if (folder !== '' && isGone(error)) return undefined;
    if (isGone(error))
      throw new Incomplete('NOT_READY', `${root} is not there`, {
        hint: 'mount or restore the source; an empty repository is never exported by accident',
        cause: error,
      });
    return cannotRead(error, folder);
  }
};

/** Undefined: it vanished since its folder was read, or the folder did. */
const statsAt = (root: string, path: string): Stats | undefined => {
  try {
    return lstatSync(`${root}/${path}`, { throwIfNoEntry: false });
  } catch (error) {
    if (isGone(error)) return undefined;
    return cannotRead(error, path);
  }
};

const outside = (range: PathRange, key: string, isFolder: boolean): boolean => {
  if (range.to !== null && comparePaths(key, range.to) >= 0) return true;
  if (range.from === null) return false;
  // a folder `a/` reaches up to just below `a0` ('0' follows '/')
  return isFolder ? comparePaths(`${key.slice(0, -1)}0`, range.from) <= 0 : comparePaths(key, range.from) < 0;
};

const inRange = (range: PathRange, path: string): boolean =>
  (range.from === null || comparePaths(path, range.from) >= 0) &&
  (range.to === null || comparePaths(path, range.to) < 0);

const assertCarriable = (path: string, stats: Stats): void => {
  const kind = stats.isFIFO() ? 'a FIFO' : stats.isSocket() ? 'a socket' : 'a device';
  throw new Refused('ENTRY_TYPE', `${path} is ${kind}`, { facts: { path } });
};

/**
 * Walks the part of `root` that lies in `range`. Holds one folder per level in memory.
 *
 * @param root absolute path of the repository
 * @throws Refused PATH_ENCODING, ENTRY_TYPE; Unfit PERMISSION, LOCAL_IO; Incomplete NOT_READY when the root is missing
 */
export const walk = (root: string, range: PathRange, visitor: Visitor): void => {
  const whole = range.from === null && range.to === null;

  const readFolder = (folder: string): Sibling[] => {
    const names = namesIn(root, folder);
    if (names === undefined) return [];
    if (names.length === 0) {
      if (folder !== '' && inRange(range, folder)) visitor.emptyFolder(folder);
      return [];
    }
    const prefix = folder === '' ? '' : `${folder}/`;
    const siblings: Sibling[] = [];
    let plain = true;
    for (const name of names) {
      const path = prefix + name;
      const stats = statsAt(root, path);
      if (stats === undefined) continue;
      if (plain && OUT_OF_ORDER.test(name)) plain = false;
      siblings.push({ key: stats.isDirectory() ? `${path}/` : path, path, stats });
    }
    sortSiblings(siblings, plain);
    return siblings;
  };

  const visit = (folder: string): void => {
    for (const { key, path, stats } of readFolder(folder)) {
      if (stats.isDirectory()) {
        // an empty folder `a` itself may lie in the range although nothing below `a/` does
        if ((whole || !outside(range, key, true) || inRange(range, path)) && !visitor.skips(path)) visit(path);
      } else if (whole || !outside(range, key, false)) {
        if (stats.isFile() || stats.isSymbolicLink()) visitor.entry(path, stats);
        else if (!visitor.ignores(path)) assertCarriable(path, stats);
      }
    }
  };
  visit('');
};

/** A folder that cannot be read is no cut; the walk itself will say so. */
const foldersIn = (root: string, folder: string): string[] => {
  try {
    return readdirSync(folder === '' ? root : `${root}/${folder}`, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !entry.name.includes('\ufffd'))
      .map(({ name }) => (folder === '' ? name : `${folder}/${name}`));
  } catch {
    return [];
  }
};

/**
 * Cuts a repository into ranges that workers can take one by one, by folders: the start for a repository that the ledger does not know.
 *
 * @param wanted about how many ranges; one folder is never cut
 */
export const rangesByFolders = (root: string, wanted: number): PathRange[] => {
  let folders: string[] = [''];
  const keys = new Set<string>();
  for (let depth = 0; depth < 4 && keys.size < wanted && folders.length > 0; depth++) {
    const next: string[] = [];
    for (const folder of folders) {
      if (keys.size >= wanted * 4) break;
      for (const path of foldersIn(root, folder)) {
        next.push(path);
        keys.add(`${path}/`);
      }
    }
    folders = next;
  }
  return rangesAt([...keys].sort(comparePaths));
};

/** The ranges that lie between ascending boundaries; together they hold every path exactly once. */
export const rangesAt = (boundaries: readonly string[]): PathRange[] => {
  const ends = [null, ...boundaries, null];
  return ends.slice(1).map((to, n) => ({ from: ends[n] ?? null, to }));
};
