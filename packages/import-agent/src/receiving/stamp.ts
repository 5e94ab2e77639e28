/** Whether a staged file is still the one whose bytes were found good. */
import { lstatSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import type { Sha256 } from '@gapferry/bundle-format/sha256';
import { withFaults } from '@gapferry/station/files/fault';
import { hashFile } from '../holdings/hash.ts';
import type { StagedObject, Stamp } from './requests.ts';

export const stampOfFile = ({ mtimeMs, ino, ctimeMs }: Stats): Stamp => ({
  mtime: mtimeMs,
  inode: ino,
  ctime: ctimeMs,
});

const isSame = (a: Stamp, b: Stamp): boolean => a.mtime === b.mtime && a.inode === b.inode && a.ctime === b.ctime;

/**
 * What the journal says of a staged object, compared with the disk: size alone would believe whatever somebody put in its place.
 * @returns the object, with the stamp that it has now; undefined when its bytes are not there
 */
export function stillStaged(staging: string, { sha256, size, stamp }: StagedObject): StagedObject | undefined {
  const path = join(staging, sha256);
  const stat = withFaults({ where: 'machine', doing: 'read', what: path }, () =>
    lstatSync(path, { throwIfNoEntry: false }),
  );
  if (stat?.isFile() !== true || stat.size !== size) return undefined;
  const now = stampOfFile(stat);
  if (stamp !== undefined && isSame(stamp, now)) return { sha256, size, stamp };
  return hashAgain(path, sha256) ? { sha256, size, stamp: now } : undefined;
}

const hashAgain = (path: string, sha256: Sha256): boolean => hashFile(path) === sha256;
