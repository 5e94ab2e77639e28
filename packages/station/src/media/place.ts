/**
 * Where bundles go and come from: a medium (must really be a mounted filesystem, or writes would fill the disk of this machine), or a plain
 * folder (a share, a drop box, an optical disc image).
 */
import { accessSync, constants, statfsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { GapferryError, Unfit } from '@gapferry/bundle-format/errors';
import { errnoOf, withFaults } from '../files/fault.ts';
import { mountAt, readMounts } from './mounts.ts';
import { deviceIsGone, mountOf } from './pulled.ts';

export interface Place {
  readonly kind: 'medium' | 'folder';
  readonly path: string;
}

export interface Presence {
  readonly place: Place;
  /** Absolute. */
  readonly path: string;
  /** Device, filesystem and mount: differs when another stick is mounted at the same path. Not for ever: a new mount has a new one. */
  readonly identity: string;
  readonly readOnly: boolean;
  /** Bytes that an ordinary user may still write; Infinity where the filesystem does not say. */
  readonly freeBytes: number;
  readonly fsType: string;
  /** Largest file that it can hold, in bytes. */
  readonly fileLimit: number;
}

/** FAT32 counts a file's length in 32 bits. */
const FAT_FILE_LIMIT = 2 ** 32 - 1;
const FAT_TYPES = new Set(['vfat', 'msdos', 'fat', 'umsdos']);
/** statfs(2): the magic number of FAT, for platforms and FUSE mounts whose type name does not tell. */
const FAT_MAGIC = 0x4d44;

const notMounted = (path: string, says: string): Unfit => new Unfit('NOT_MOUNTED', says, { facts: { path } });

const assertThere = (place: Place, path: string): void => {
  let isFolder: boolean;
  try {
    isFolder = statSync(path).isDirectory();
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT' && errnoOf(error) !== 'ENOTDIR') {
      withFaults({ where: 'medium', doing: 'read', what: path }, () => {
        throw error;
      });
    }
    throw notMounted(path, `there is no folder ${path}`);
  }
  if (!isFolder) throw notMounted(path, `${place.path} is not a folder`);
};

const writable = (path: string): boolean => {
  try {
    accessSync(path, constants.W_OK); // EROFS also when a device fell back to read-only
    return true;
  } catch {
    return false;
  }
};

/**
 * Looks at a place just now.
 * @throws Unfit NOT_MOUNTED when it is missing, or is a medium and nothing is mounted there; MEDIA_GONE when it was pulled just now
 */
export const requirePlace = (place: Place): Presence => {
  const path = resolve(place.path);
  assertThere(place, path);
  const mounts = readMounts();
  const exact = mountAt(path, mounts);
  if (place.kind === 'medium' && exact === undefined) {
    throw notMounted(path, `nothing is mounted at ${path}: it is an ordinary folder of this machine`);
  }
  const mount = exact ?? mountOf(path, mounts);
  if (mount !== undefined && deviceIsGone(mount)) {
    throw new Unfit('MEDIA_GONE', `the medium at ${path} was pulled out and is still mounted`, { facts: { path } });
  }
  return withFaults({ where: 'medium', doing: 'read', what: path }, () => {
    const fs = statfsSync(path);
    const { dev, ino } = statSync(path);
    const fat = FAT_TYPES.has(mount?.fsType ?? '') || fs.type === FAT_MAGIC;
    return {
      place,
      path,
      identity: [
        mount?.device ?? dev,
        fs.type.toString(16),
        mount?.mountId ?? 0,
        place.kind === 'folder' ? ino : 0,
      ].join('/'),
      readOnly: (mount?.readOnly ?? false) || !writable(path),
      // A share that says it has no blocks at all does not know; that is not the same as full.
      freeBytes: fs.blocks === 0 ? Number.POSITIVE_INFINITY : fs.bavail * fs.bsize,
      fsType: mount?.fsType ?? fs.type.toString(16),
      fileLimit: fat ? FAT_FILE_LIMIT : Number.MAX_SAFE_INTEGER,
    };
  });
};

/** As `requirePlace`, undefined when nothing is there. Other failures are thrown. */
export const findPlace = (place: Place): Presence | undefined => {
  try {
    return requirePlace(place);
  } catch (error) {
    if (error instanceof GapferryError && error.code === 'NOT_MOUNTED') return undefined;
    throw error;
  }
};

/**
 * The place as it was noticed before is still the one that is there.
 * @throws Unfit MEDIA_GONE when it is gone or another medium took its place
 */
export const requireSame = (before: Presence): Presence => {
  const now = findPlace(before.place);
  if (now?.identity === before.identity) return now;
  throw new Unfit('MEDIA_GONE', `the medium at ${before.path} was pulled or exchanged`, {
    facts: { path: before.path },
  });
};
