/** After a run that was cut off while it published: what it placed is found again by its digest, so that the journal knows what the disk holds. */
import { lstatSync, opendirSync, readlinkSync, renameSync, rmSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { isSha256, type Sha256 } from '@gapferry/bundle-format/sha256';
import { errnoOf, withFaults } from '@gapferry/station/files/fault';
import type { Findings } from '../journal/findings.ts';
import type { UnsureRow } from '../journal/holdings.ts';
import { toBlob } from '../journal/digests.ts';
import { FILE, LINK } from '../journal/schema.ts';
import { isExecutable } from '../publishing/tree.ts';
import type { StagedObject } from '../receiving/requests.ts';
import { stampOfFile } from '../receiving/stamp.ts';
import { hashFile } from './hash.ts';
import { Ways } from './ways.ts';

/** @param rows of the inventory, those that the journal does not know to be right */
export function recoverPaths(root: string, rows: Iterable<UnsureRow>, findings: Findings, alive: () => void): number {
  let found = 0;
  const ways = new Ways(root);
  for (const row of rows) {
    alive();
    const path = join(root, row.path);
    const stat = ways.isReal(row.path) ? lookAt(path) : undefined;
    if (stat === undefined) continue;
    if (
      row.type === FILE &&
      stat.isFile() &&
      stat.size === row.size &&
      row.sha256 !== null &&
      hashFile(path, alive) === row.sha256
    ) {
      findings.add({
        ...row,
        sha256: toBlob(row.sha256),
        mtime: stat.mtimeMs,
        inode: stat.ino,
        exec: isExecutable(stat),
        named: true,
      });
      found++;
    }
    if (row.type === LINK && stat.isSymbolicLink() && readlinkSync(path) === row.target) {
      findings.add({
        ...row,
        sha256: null,
        size: null,
        mtime: stat.mtimeMs,
        inode: stat.ino,
        exec: false,
        named: true,
      });
      found++;
    }
  }
  return found;
}

const lookAt = (path: string): Stats | undefined => {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (errnoOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
};

export interface SweepOrder {
  readonly staging: string;
  readonly isStaged: (sha256: Sha256) => boolean;
  readonly hasParts: (sha256: Sha256) => boolean;
  /** Objects that a cut-off run materialised are worth keeping: they may be the last copy of something that it has replaced already. */
  readonly keepMaterialised: boolean;
}

/** Goes through a staging folder: what the journal does not name is deleted, or found again by its digest. @returns objects that the journal shall name */
export function sweepStaging(order: SweepOrder, alive: () => void): StagedObject[] {
  const kept: StagedObject[] = [];
  for (const name of namesIn(order.staging)) {
    alive();
    const [digest, rest] = splitName(name);
    if (isSha256(digest)) {
      if (rest === '' && order.isStaged(digest)) continue;
      if (rest === 'parts' && order.hasParts(digest)) continue;
      const again = order.keepMaterialised && rest !== 'parts' ? findAgain(order.staging, name, digest) : undefined;
      if (again !== undefined) {
        kept.push(again);
        continue;
      }
    }
    withFaults({ where: 'machine', doing: 'write', what: join(order.staging, name) }, () =>
      rmSync(join(order.staging, name), { recursive: true, force: true }),
    );
  }
  return kept;
}

const splitName = (name: string): [string, string] => {
  const dot = name.indexOf('.');
  return dot === -1 ? [name, ''] : [name.slice(0, dot), name.slice(dot + 1)];
};

function findAgain(staging: string, name: string, sha256: Sha256): StagedObject | undefined {
  const path = join(staging, name);
  if (hashFile(path) !== sha256) return undefined;
  const whole = join(staging, sha256);
  if (name !== sha256) renameSync(path, whole);
  const stat = lstatSync(whole);
  return { sha256, size: stat.size, stamp: stampOfFile(stat) };
}

function* namesIn(folder: string): Generator<string> {
  const names: string[] = [];
  withFaults({ where: 'machine', doing: 'read', what: folder }, () => {
    try {
      const directory = opendirSync(folder);
      try {
        for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) names.push(entry.name);
      } finally {
        directory.closeSync();
      }
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
  });
  yield* names;
}
