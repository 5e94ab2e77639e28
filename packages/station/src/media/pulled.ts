/**
 * Was the medium pulled, or is only one sector bad? Both answer EIO at first. A pulled device vanishes from /sys although its filesystem stays
 * mounted until somebody unmounts it; a filesystem that shut itself down answers EIO even for its own root.
 */
import { closeSync, existsSync, fsyncSync, openSync, readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Mount } from './mountinfo.ts';
import { readMounts } from './mounts.ts';

/** Virtual filesystems (network, FUSE, tmpfs) have devices with the major number 0, of which /sys knows nothing. */
const VIRTUAL = /^0:/;

/** True when the block device beneath a mount is no longer there. */
export const deviceIsGone = (mount: Pick<Mount, 'device'>): boolean =>
  process.platform === 'linux' &&
  !VIRTUAL.test(mount.device) &&
  existsSync('/sys/dev/block') &&
  !existsSync(`/sys/dev/block/${mount.device}`);

/** The mount a path lies on: the longest mount path that contains it, the topmost of equals. */
export const mountOf = (path: string, mounts: readonly Mount[]): Mount | undefined => {
  const contains = (mount: Mount): boolean => path === mount.path || path.startsWith(mount.path.replace(/\/?$/, '/'));
  return mounts.filter(contains).reduce<Mount | undefined>((best, each) => {
    return best === undefined || each.path.length >= best.path.length ? each : best;
  }, undefined);
};

const DEAD = new Set(['EIO', 'ENODEV', 'ENXIO', 'ESTALE', 'ENOTCONN']);

/** The root's entries may come out of memory, a flush has to reach the device. Filesystems that flush no folders answer otherwise than with EIO. */
const isDead = (root: string): boolean => {
  try {
    readdirSync(root);
    const fd = openSync(root, 'r');
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    return false;
  } catch (error) {
    const errno = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
    return DEAD.has(errno);
  }
};

/** For the moment after an EIO at `path`: true when the whole medium is dead. May hang where the medium hangs. */
export const isPulled = (path: string): boolean => {
  try {
    const mount = mountOf(resolve(path), readMounts());
    return mount !== undefined && (deviceIsGone(mount) || isDead(mount.path));
  } catch {
    return false;
  }
};
