/**
 * Which filesystems are mounted, and when that changes. Polling the mount table is the one way that sees everything: a watch on a folder
 * does not notice a filesystem mounted over it (THREATS, measured fact 5).
 */
import { readFileSync, statSync } from 'node:fs';
import { parse, resolve } from 'node:path';
import { type Mount, parseMountInfo } from './mountinfo.ts';

export type { Mount } from './mountinfo.ts';

export type Stop = () => void;

/** All mounts, in the order of the table: a later one at the same path lies over the earlier ones. Empty where there is no such table. */
export const readMounts = (): Mount[] =>
  process.platform === 'linux' ? parseMountInfo(readFileSync('/proc/self/mountinfo', 'utf8')) : [];

const topmost = (mounts: readonly Mount[], path: string): Mount | undefined =>
  mounts.findLast((mount) => mount.path === path);

/** Where there is no mount table: a drive root, or a folder on another device than its parent. */
const mountByDevice = (path: string): Mount | undefined => {
  try {
    const here = statSync(path);
    const isRoot = parse(path).root === path;
    if (!isRoot && statSync(resolve(path, '..')).dev === here.dev) return undefined;
    const device = String(here.dev);
    return { mountId: 0, path, device, source: path, fsType: 'unknown', readOnly: false, options: [] };
  } catch {
    return undefined; // no such drive or folder: nothing is mounted there
  }
};

/** The filesystem mounted exactly at `path`; undefined when it is an ordinary folder, or missing. The topmost counts. */
export const mountAt = (path: string, mounts: readonly Mount[] = readMounts()): Mount | undefined => {
  const absolute = resolve(path);
  return process.platform === 'linux' ? topmost(mounts, absolute) : mountByDevice(absolute);
};

/** What tells two mounts apart: never the path alone, as another stick may be mounted there within one interval. */
export const sameMount = (a: Mount | undefined, b: Mount | undefined): boolean =>
  a?.mountId === b?.mountId && a?.device === b?.device && a?.path === b?.path;

export interface WatchOptions {
  /** Default 250 ms: notices after a median of about 80 ms, at 0.25 to 1.6 ms a look. */
  readonly everyMs?: number;
  readonly read?: () => readonly Mount[];
}

/**
 * Calls `onChange(path, mount)` once for each path that is mounted now, then whenever the mount there changes; undefined: it is gone.
 * Keeps the process alive until stopped.
 */
export const watchMounts = (
  paths: readonly string[],
  options: WatchOptions,
  onChange: (path: string, mount: Mount | undefined) => void,
): Stop => {
  const known = new Map<string, Mount>();
  const look = (): void => {
    let mounts: readonly Mount[];
    try {
      mounts = (options.read ?? readMounts)();
    } catch {
      return; // no descriptor free just now: the next look will tell
    }
    for (const path of paths) {
      const now = mountAt(path, mounts);
      const before = known.get(path);
      if (sameMount(before, now)) continue;
      if (now === undefined) known.delete(path);
      else known.set(path, now);
      onChange(path, now);
    }
  };
  const first = setImmediate(look);
  const timer = setInterval(look, options.everyMs ?? 250);
  return () => {
    clearImmediate(first);
    clearInterval(timer);
  };
};
