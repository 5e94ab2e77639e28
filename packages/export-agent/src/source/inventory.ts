/** Writes the inventory of a repository out of the ledger, in the order of the format. */

import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { encodeInventoryRow, type InventoryRow } from '@gapferry/bundle-format/inventory';
import { comparePaths } from '@gapferry/bundle-format/names';
import { type Sha256, Sha256Stream } from '@gapferry/bundle-format/sha256';
import type { SourceRow } from '../ledger/records.ts';
import type { Sources } from '../ledger/sources.ts';
import { spoolFolder } from './spool.ts';

const FLUSH_CHARACTERS = 1 << 20;

export interface WrittenInventory {
  readonly path: string;
  readonly sha256: Sha256;
  readonly bytes: number;
  readonly rows: number;
}

const folderOf = (state: string): string => join(spoolFolder(state), 'inventory');
export const inventoryPath = (state: string, repository: string, sha256: Sha256): string =>
  join(folderOf(state), `${repository}-${sha256.slice(0, 16)}.ndjson`);

export const toInventoryRow = (row: SourceRow): InventoryRow => {
  const place = row.phase > 0 ? ({ role: 'metadata', phase: row.phase } as const) : ({ role: 'content' } as const);
  if (row.kind === 'link') return { path: row.path, type: 'link', ...place, target: row.target ?? '' };
  if (row.sha256 === null) throw new TypeError(`${row.path} has no digest in the ledger`);
  return {
    path: row.path,
    type: 'file',
    ...place,
    size: row.size,
    sha256: row.sha256,
    exec: row.exec,
    mtime: row.mtime,
  };
};

/** Files and links in order, with the few empty folders sorted in. Both come ascending. */
export function* inventoryRows(files: Iterable<SourceRow>, emptyFolders: readonly string[]): Generator<InventoryRow> {
  let at = 0;
  for (const row of files) {
    for (
      let folder = emptyFolders[at];
      folder !== undefined && comparePaths(folder, row.path) < 0;
      folder = emptyFolders[++at]
    )
      yield { path: folder, type: 'dir' };
    yield toInventoryRow(row);
  }
  for (const path of emptyFolders.slice(at)) yield { path, type: 'dir' };
}

/** Writes the inventory into the spool under its digest; an older one of the same repository is removed. */
export const writeInventory = (
  state: string,
  repository: string,
  repositoryId: number,
  sources: Sources,
): WrittenInventory => {
  mkdirSync(folderOf(state), { recursive: true, mode: 0o700 });
  const temporary = join(folderOf(state), `.${repository}.part`);
  const fd = openSync(temporary, 'w', 0o600);
  const digest = new Sha256Stream();
  let rows = 0;
  try {
    let text: string[] = [];
    let characters = 0;
    const flush = (): void => {
      const bytes = Buffer.from(text.join(''));
      digest.update(bytes);
      for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
      text = [];
      characters = 0;
    };
    for (const row of inventoryRows(sources.files(repositoryId), sources.emptyFolders(repositoryId))) {
      const line = encodeInventoryRow(row);
      text.push(line);
      characters += line.length;
      rows++;
      if (characters >= FLUSH_CHARACTERS) flush();
    }
    flush();
  } finally {
    closeSync(fd);
  }
  const sha256 = digest.digest();
  const path = inventoryPath(state, repository, sha256);
  renameSync(temporary, path);
  for (const name of readdirSync(dirname(path)))
    if (
      name.startsWith(`${repository}-`) &&
      name.length === repository.length + 24 &&
      join(dirname(path), name) !== path
    )
      rmSync(join(dirname(path), name), { force: true });
  return { path, sha256, bytes: digest.bytes, rows };
};

/** Is the inventory of this snapshot still in the spool? Its digest is checked when it is sealed. */
export const hasInventory = (
  state: string,
  repository: string,
  snapshot: { sha256: Sha256; bytes: number },
): boolean => {
  const path = inventoryPath(state, repository, snapshot.sha256);
  return existsSync(path) && statSync(path).size === snapshot.bytes;
};
