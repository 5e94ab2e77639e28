/** Takes stock of a target that already holds files: each is hashed, so that the first bundle brings only the rest. */
import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { checkPath } from '@gapferry/bundle-format/names';
import { GapferryError } from '@gapferry/bundle-format/errors';
import { withFaults } from '@gapferry/station/files/fault';
import { hashFile } from '../holdings/hash.ts';
import { toBlob } from '../journal/digests.ts';
import type { Findings } from '../journal/findings.ts';
import { FILE, LINK } from '../journal/schema.ts';
import { isExecutable } from '../publishing/tree.ts';

export interface AdoptSummary {
  readonly files: number;
  readonly bytes: number;
  /** Things that no bundle could bear: pipes, names that are not portable. They stay and are not looked at. */
  readonly strange: number;
}

/** @param carries whether a path belongs to what this kind of repository carries */
export function adoptTree(
  root: string,
  carries: (path: string) => boolean,
  findings: Findings,
  alive: (bytes: number) => void,
): AdoptSummary {
  const summary = { files: 0, bytes: 0, strange: 0 };
  for (const path of walk(root, '')) {
    if (!carries(path)) continue;
    if (!isPortable(path)) {
      summary.strange++;
      continue;
    }
    adoptOne(root, path, findings, summary, alive);
  }
  return summary;
}

function adoptOne(
  root: string,
  path: string,
  findings: Findings,
  summary: { files: number; bytes: number; strange: number },
  alive: (bytes: number) => void,
): void {
  const stat = lstatSync(join(root, path), { throwIfNoEntry: false });
  if (stat?.isSymbolicLink() === true) {
    findings.add({
      path,
      type: LINK,
      sha256: null,
      size: null,
      mtime: stat.mtimeMs,
      inode: stat.ino,
      exec: false,
      target: readlinkSync(join(root, path)),
      named: false,
    });
    return;
  }
  const sha256 = stat?.isFile() === true ? hashFile(join(root, path), alive) : undefined;
  if (stat === undefined || sha256 === undefined) {
    summary.strange++;
    return;
  }
  findings.add({
    path,
    type: FILE,
    sha256: toBlob(sha256),
    size: stat.size,
    mtime: stat.mtimeMs,
    inode: stat.ino,
    exec: isExecutable(stat),
    target: null,
    named: false,
  });
  summary.files++;
  summary.bytes += stat.size;
}

const isPortable = (path: string): boolean => {
  try {
    checkPath(path);
    return true;
  } catch (error) {
    if (error instanceof GapferryError) return false;
    throw error;
  }
};

function* walk(root: string, folder: string): Generator<string> {
  const entries = withFaults({ where: 'machine', doing: 'read', what: join(root, folder) }, () =>
    readdirSync(join(root, folder), { withFileTypes: true }),
  );
  for (const entry of entries) {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (folder === '' && entry.name.toLowerCase() === '.gapferry') continue;
    if (entry.isDirectory()) yield* walk(root, path);
    else yield path;
  }
}
