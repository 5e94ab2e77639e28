/** Is the source there, and quiet? Markers without wildcards are looked at directly; those with wildcards the walk meets. */

import { type Dir, lstatSync, opendirSync } from 'node:fs';
import { join } from 'node:path';
import { Incomplete, Unfit } from '@gapferry/bundle-format/errors';
import type { Preset } from '@gapferry/repository';
import { classifier, neverEntered } from '@gapferry/repository/classify';
import { errnoOf } from './errno.ts';

const hasWildcard = (glob: string): boolean => /[*?{\\]/.test(glob);

/** @throws Incomplete NOT_READY naming the marker */
export const requireReady = (repository: string, root: string, preset: Preset): void => {
  for (const marker of preset.busy.filter((glob) => !hasWildcard(glob)))
    if (lstatSync(join(root, marker), { throwIfNoEntry: false }) !== undefined)
      throw new Incomplete('NOT_READY', `${repository} is being updated: ${marker} is there`, {
        facts: { repository, marker },
      });
};

const MOUNT_HINT =
  'mount the source, or mend its path; to stop carrying a repository, take it out of the configuration';

/** @throws Incomplete NOT_READY for a root that is missing or no folder; Unfit PERMISSION, LOCAL_IO */
const openRoot = (repository: string, root: string): Dir => {
  try {
    return opendirSync(root);
  } catch (error) {
    const errno = errnoOf(error) ?? '';
    if (errno === 'ENOENT' || errno === 'ENOTDIR')
      throw new Incomplete('NOT_READY', `${repository}: ${root} is ${errno === 'ENOENT' ? 'not there' : 'no folder'}`, {
        facts: { repository, root },
        hint: MOUNT_HINT,
        cause: error,
      });
    const forbidden = errno === 'EACCES' || errno === 'EPERM';
    throw new Unfit(forbidden ? 'PERMISSION' : 'LOCAL_IO', `${root} ${forbidden ? 'may' : 'can'}not be read`, {
      cause: error,
    });
  }
};

/** A folder that vanished just now holds nothing; one that cannot be read is for the walk to name. */
const openFolder = (path: string): Dir | 'gone' | 'closed' => {
  try {
    return opendirSync(path);
  } catch (error) {
    return ['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errnoOf(error) ?? '') ? 'gone' : 'closed';
  }
};

/**
 * What is not mounted looks like a folder from which everything was deleted. That must be known before a walk, or the walk would take it for the truth
 * and forget every digest. Reads only as far as the first file that is carried.
 * @throws Incomplete NOT_READY; Unfit PERMISSION, LOCAL_IO
 */
export const requireSource = (repository: string, root: string, preset: Preset): void => {
  const [classify, skips] = [classifier(preset), neverEntered(preset)];
  const hasFile = (folder: Dir, prefix: string): boolean => {
    const folders: string[] = [];
    try {
      for (let entry = folder.readSync(); entry !== null; entry = folder.readSync()) {
        const path = prefix + entry.name;
        if (entry.isDirectory()) folders.push(path);
        else if (classify(path).carry) return true;
      }
    } finally {
      folder.closeSync();
    }
    return folders.some((path) => {
      const below = skips(path) ? 'gone' : openFolder(join(root, path));
      return below === 'closed' || (below !== 'gone' && hasFile(below, `${path}/`));
    });
  };
  if (hasFile(openRoot(repository, root), '')) return;
  throw new Incomplete('NOT_READY', `${repository}: ${root} has no file that is carried`, {
    facts: { repository, root },
    hint: MOUNT_HINT,
  });
};
