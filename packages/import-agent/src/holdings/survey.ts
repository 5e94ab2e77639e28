/** Looks whether what the journal says of a repository's paths still fits. */
import { lstatSync, readlinkSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { withFaults } from '@gapferry/station/files/fault';
import type { Findings } from '../journal/findings.ts';
import type { HeldRow } from '../journal/holdings.ts';
import { toBlob } from '../journal/digests.ts';
import { FILE, FOLDER, LINK } from '../journal/schema.ts';
import { isExecutable } from '../publishing/tree.ts';
import { hashFile } from './hash.ts';
import { Ways } from './ways.ts';

export interface SurveySummary {
  readonly looked: number;
  /** Paths that hold something else now, or nothing: their objects count as missing. */
  readonly lost: number;
  /** A published folder that is a link now; nothing below it was looked at. */
  readonly tampered: string | null;
}

/** Size, time and inode are compared; a file that differs only in the latter two is hashed, as a restored backup is no loss. */
export function survey(root: string, rows: Iterable<HeldRow>, findings: Findings, alive: () => void): SurveySummary {
  let looked = 0;
  let lost = 0;
  const ways = new Ways(root);
  for (const row of rows) {
    if (++looked % 1000 === 0) alive();
    const stat = ways.isReal(row.path) ? look(join(root, row.path)) : undefined;
    if (stat !== undefined && fits(row, stat, root)) continue;
    const again =
      row.type === FILE &&
      stat !== undefined &&
      stat.isFile() &&
      stat.size === row.size &&
      row.sha256 !== null &&
      hashFile(join(root, row.path), alive) === row.sha256;
    if (again) {
      findings.add({
        ...row,
        sha256: toBlob(row.sha256),
        mtime: stat.mtimeMs,
        inode: stat.ino,
        exec: isExecutable(stat),
      });
    } else {
      findings.gone(row.path);
      lost++;
    }
  }
  return { looked, lost, tampered: ways.tampered };
}

const look = (path: string): Stats | undefined =>
  withFaults({ where: 'machine', doing: 'read', what: path }, () => {
    try {
      return lstatSync(path, { throwIfNoEntry: false });
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOTDIR') return undefined;
      throw error;
    }
  });

function fits(row: HeldRow, stat: Stats, root: string): boolean {
  switch (row.type) {
    case FILE:
      return (
        stat.isFile() &&
        stat.size === row.size &&
        stat.mtimeMs === row.mtime &&
        stat.ino === row.inode &&
        isExecutable(stat) === row.exec
      );
    case LINK:
      return stat.isSymbolicLink() && readlinkSync(join(root, row.path)) === row.target;
    case FOLDER:
      return stat.isDirectory();
    default:
      return false;
  }
}
