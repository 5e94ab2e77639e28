/** Makes one more copy of an object that this site holds, in staging: shared with its source where the filesystem can, and hashed in any case. */
import { constants, copyFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { withFaults } from '@gapferry/station/files/fault';
import { hashFile } from '../holdings/hash.ts';
import type { FileStep, Source } from '../journal/steps.ts';
import { objectPath } from '../receiving/staging.ts';
import { stagingOf, type Tree } from './tree.ts';

export interface Copy {
  readonly step: FileStep;
  /** Name in staging. */
  readonly to: string;
  readonly sources: readonly Source[];
  readonly tree: Tree;
  readonly roots: ReadonlyMap<string, string>;
}

/** False when no source has the bytes any more. */
export function copyObject({ step, to, sources, tree, roots }: Copy): boolean {
  const path = join(tree.staging, to);
  const half = `${path}.half`;
  for (const source of sources) {
    const from = pathOf(source, step, roots);
    if (from === undefined || from === path || !copyFile(from, half)) continue;
    if (hashFile(half) === step.sha256) {
      withFaults({ where: 'machine', doing: 'write', what: path }, () => renameSync(half, path));
      return true;
    }
    rmSync(half, { force: true });
  }
  // A run that was cut off may have made it already.
  return hashFile(path) === step.sha256;
}

function pathOf(source: Source, step: FileStep, roots: ReadonlyMap<string, string>): string | undefined {
  const root = roots.get(source.repository);
  if (root === undefined) return undefined;
  return source.from === 'staging' ? objectPath(stagingOf(root), step.sha256) : join(root, source.path);
}

/** The source may vanish or change at any time: it belongs to everybody who may write there. */
function copyFile(from: string, to: string): boolean {
  return withFaults({ where: 'machine', doing: 'write', what: to }, () => {
    rmSync(to, { force: true });
    try {
      copyFileSync(from, to, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
      return true;
    } catch (error) {
      const gone =
        error instanceof Error &&
        'code' in error &&
        (error.code === 'ENOENT' || error.code === 'ENOTDIR' || error.code === 'EISDIR' || error.code === 'EIO');
      if (!gone) throw error;
      rmSync(to, { force: true });
      return false;
    }
  });
}
