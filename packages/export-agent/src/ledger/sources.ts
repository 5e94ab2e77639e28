/** The ledger's view of the sources: files as last seen, empty folders, other digests, snapshots. */

import { type Sha256, toSha256 } from '@gapferry/bundle-format/sha256';
import {
  blob,
  type Database,
  integer,
  integerOrNull,
  type Row,
  text,
  textOrNull,
} from '@gapferry/station/state/database';
import { withinLimit } from './bundles.ts';
import { toBytes, toHex } from './digest.ts';
import type { Snapshot, SourceRow } from './records.ts';

const toSourceRow = (row: Row): SourceRow => ({
  path: text(row, 'path'),
  kind: integer(row, 'kind') === 1 ? 'link' : 'file',
  phase: integer(row, 'role'),
  size: integer(row, 'size'),
  mtime: integer(row, 'mtime'),
  exec: integer(row, 'exec') === 1,
  stamp: integerOrNull(row, 'stamp'),
  sha256: row['sha256'] === null ? null : toHex(blob(row, 'sha256')),
  target: textOrNull(row, 'target'),
});

/** What the inventory tells of a row, as one text. */
const AS_TEXT = 'json_array(f.kind, f.role, f.size, f.mtime, f.exec, hex(f.sha256), f.target)';

const toSnapshot = (row: Row): Snapshot => ({
  repository: text(row, 'repository'),
  number: integer(row, 'number'),
  sha256: toSha256(text(row, 'sha256')),
  bytes: integer(row, 'bytes'),
  rows: integer(row, 'rows'),
});

export interface Repository {
  readonly id: number;
  readonly name: string;
  /** Inventory whose references were last found closed. */
  readonly closed: Sha256 | null;
}

export class Sources {
  readonly #db: Database;
  constructor(db: Database) {
    this.#db = db;
  }

  /** Finds or makes the repository. Another root forgets what was seen under the old one; with another preset everything is looked at again. */
  repository(name: string, root: string, preset: string): Repository {
    return this.#db.transaction(() => {
      const row = this.#db.get('SELECT id, root, preset, closed FROM repositories WHERE name = ?', [name]);
      if (row === undefined) {
        const { lastId } = this.#db.run('INSERT INTO repositories (name, root, preset) VALUES (?, ?, ?)', [
          name,
          root,
          preset,
        ]);
        return { id: lastId, name, closed: null };
      }
      const id = integer(row, 'id');
      const closed = textOrNull(row, 'closed');
      const same = text(row, 'preset') === preset;
      if (text(row, 'root') !== root) {
        this.#soil(id);
        this.#noteAll(id);
        this.#db.run('DELETE FROM files WHERE repository = ?', [id]);
      }
      if (!same) {
        this.#soil(id);
        this.#db.run('UPDATE files SET stamp = NULL WHERE repository = ?', [id]);
      }
      this.#db.run('UPDATE repositories SET root = ?, preset = ? WHERE id = ?', [root, preset, id]);
      return { id, name, closed: closed === null || !same ? null : toSha256(closed) };
    });
  }

  /** True while files may differ from the newest snapshot, also after a run that was cut off. */
  isDirty(id: number): boolean {
    return integer(this.#db.get('SELECT dirty FROM repositories WHERE id = ?', [id]) ?? {}, 'dirty') === 1;
  }

  #soil(id: number): void {
    this.#db.run('UPDATE repositories SET dirty = 1 WHERE id = ? AND dirty = 0', [id]);
  }

  markClosed(id: number, inventory: Sha256): void {
    this.#db.run('UPDATE repositories SET closed = ? WHERE id = ?', [inventory, id]);
  }

  /** Paths that cut the known files into parts of about the same count, as `recut` last found them; none for few files. */
  cuts(id: number): string[] {
    const row = this.#db.get('SELECT cuts FROM repositories WHERE id = ?', [id]) ?? {};
    const cuts: unknown = JSON.parse(textOrNull(row, 'cuts') ?? '[]');
    return Array.isArray(cuts) ? cuts.filter((path) => typeof path === 'string') : [];
  }

  /** Looking for cuts reads the whole table, so it is done only after something changed. */
  recut(id: number, parts: number): void {
    const count = integer(this.#db.get('SELECT count(*) AS n FROM files WHERE repository = ?', [id]) ?? {}, 'n');
    const step = Math.floor(count / parts);
    const rows =
      step < 500
        ? []
        : this.#db.all(
            `SELECT path FROM (SELECT path, row_number() OVER (ORDER BY path) AS n FROM files WHERE repository = ?)
             WHERE n % ? = 0 ORDER BY n LIMIT ?`,
            [id, step, parts - 1],
          );
    this.#db.run('UPDATE repositories SET cuts = ? WHERE id = ?', [
      JSON.stringify(rows.map((row) => text(row, 'path'))),
      id,
    ]);
  }

  /** Takes in what a scan found, all or nothing. */
  apply(id: number, seen: readonly SourceRow[], gone: readonly string[]): void {
    this.#db.transaction(() => {
      this.#soil(id);
      const exported = this.#wasExported(id);
      for (const path of gone) {
        if (exported) this.#note(id, path);
        this.#db.run('DELETE FROM files WHERE repository = ? AND path = ?', [id, path]);
      }
      for (const row of seen) {
        if (exported) this.#note(id, row.path);
        this.#db.run('INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)', [
          id,
          row.path,
          row.kind === 'link' ? 1 : 0,
          row.phase,
          row.size,
          row.mtime,
          row.exec ? 1 : 0,
          row.stamp,
          row.sha256 === null ? null : toBytes(row.sha256),
          row.target,
        ]);
      }
    });
  }

  #wasExported(id: number): boolean {
    return integer(this.#db.get('SELECT exported FROM repositories WHERE id = ?', [id]) ?? {}, 'exported') === 1;
  }

  /** To be called before a row changes. The first note counts: it tells what was exported. */
  #note(id: number, path: string): void {
    this.#db.run(
      `INSERT OR IGNORE INTO changes SELECT repository, path, ${AS_TEXT} FROM files f WHERE repository = ? AND path = ?`,
      [id, path],
    );
    this.#db.run('INSERT OR IGNORE INTO changes VALUES (?, ?, NULL)', [id, path]);
  }

  #noteAll(id: number): void {
    if (this.#wasExported(id))
      this.#db.run(
        `INSERT OR IGNORE INTO changes SELECT repository, path, ${AS_TEXT} FROM files f WHERE repository = ?`,
        [id],
      );
  }

  /** What differs from the newest snapshot that left in a bundle. @param files how many there are now */
  changesSinceExport(id: number, files: number): { changed: number; gone: number } {
    if (!this.#wasExported(id)) return { changed: files, gone: 0 };
    const row =
      this.#db.get(
        `SELECT coalesce(sum(f.path IS NOT NULL AND c.was IS NOT ${AS_TEXT}), 0) AS changed,
           coalesce(sum(f.path IS NULL AND c.was IS NOT NULL), 0) AS gone
         FROM changes c LEFT JOIN files f ON f.repository = c.repository AND f.path = c.path WHERE c.repository = ?`,
        [id],
      ) ?? {};
    return { changed: integer(row, 'changed'), gone: integer(row, 'gone') };
  }

  /** What the ledger knows of the files now left in a bundle: from here on changes are counted. */
  markExported(id: number): void {
    this.#db.transaction(() => {
      this.#db.run('UPDATE repositories SET exported = 1 WHERE id = ?', [id]);
      this.#db.run('DELETE FROM changes WHERE repository = ?', [id]);
    });
  }

  /** The next scan will hash it again. */
  forget(id: number, path: string): void {
    this.#soil(id);
    if (this.#wasExported(id)) this.#note(id, path);
    this.#db.run('DELETE FROM files WHERE repository = ? AND path = ?', [id, path]);
  }

  /** @returns true when the set of empty folders changed */
  setEmptyFolders(id: number, sorted: readonly string[]): boolean {
    const known = this.emptyFolders(id);
    if (known.length === sorted.length && known.every((path, n) => path === sorted[n])) return false;
    this.#db.transaction(() => {
      this.#soil(id);
      this.#db.run('DELETE FROM folders WHERE repository = ?', [id]);
      for (const path of sorted) this.#db.run('INSERT INTO folders VALUES (?, ?)', [id, path]);
    });
    return true;
  }

  emptyFolders(id: number): string[] {
    return this.#db
      .all('SELECT path FROM folders WHERE repository = ? ORDER BY path', [id])
      .map((row) => text(row, 'path'));
  }

  find(id: number, path: string): SourceRow | undefined {
    const row = this.#db.get('SELECT * FROM files WHERE repository = ? AND path = ?', [id, path]);
    return row === undefined ? undefined : toSourceRow(row);
  }

  /** Ascending by path (UTF-8 bytes). */
  *files(id: number): Generator<SourceRow> {
    for (const row of this.#db.each('SELECT * FROM files WHERE repository = ? ORDER BY path', [id]))
      yield toSourceRow(row);
  }

  *metadata(id: number): Generator<SourceRow> {
    const rows = this.#db.each('SELECT * FROM files WHERE repository = ? AND role > 0 ORDER BY path', [id]);
    for (const row of rows) yield toSourceRow(row);
  }

  *paths(id: number): Generator<string> {
    for (const row of this.#db.each('SELECT path FROM files WHERE repository = ? ORDER BY path', [id]))
      yield text(row, 'path');
  }

  digest(sha256: Sha256, algorithm: string): string | undefined {
    const row = this.#db.get('SELECT value FROM digests WHERE sha256 = ? AND algorithm = ?', [
      toBytes(sha256),
      algorithm,
    ]);
    return row === undefined ? undefined : text(row, 'value');
  }

  keepDigests(
    entries: readonly { readonly sha256: Sha256; readonly algorithm: string; readonly value: string }[],
  ): void {
    if (entries.length === 0) return;
    this.#db.transaction(() => {
      for (const { sha256, algorithm, value } of entries)
        this.#db.run('INSERT OR IGNORE INTO digests VALUES (?, ?, ?)', [toBytes(sha256), algorithm, value]);
    });
  }

  newestSnapshot(repository: string): Snapshot | undefined {
    const row = this.#db.get('SELECT * FROM snapshots WHERE repository = ? ORDER BY number DESC LIMIT 1', [repository]);
    return row === undefined ? undefined : toSnapshot(row);
  }

  /** The number grows only when the inventory's digest changes. */
  recordSnapshot(
    repository: string,
    inventory: { sha256: Sha256; bytes: number; rows: number },
    created: string,
  ): Snapshot {
    return this.#db.transaction(() => {
      this.#db.run('UPDATE repositories SET dirty = 0 WHERE name = ?', [repository]);
      const newest = this.newestSnapshot(repository);
      if (newest?.sha256 === inventory.sha256) return newest;
      const number = withinLimit(`snapshot number of ${repository}`, (newest?.number ?? 0) + 1);
      const { sha256, bytes, rows } = inventory;
      this.#db.run('INSERT INTO snapshots VALUES (?, ?, ?, ?, ?, ?)', [
        repository,
        number,
        sha256,
        bytes,
        rows,
        created,
      ]);
      return { repository, number, sha256, bytes, rows };
    });
  }

  /** A site knows a higher snapshot than this ledger (restored from a backup): the next one goes above it. */
  raiseSnapshot(repository: string, number: number, created: string): boolean {
    const newest = this.newestSnapshot(repository);
    if (newest === undefined || newest.number >= number) return false;
    // no inventory has this digest, so that whatever the next scan finds gets a number above
    const none = '0'.repeat(64);
    this.#db.run('INSERT INTO snapshots VALUES (?, ?, ?, 0, 0, ?)', [repository, number, none, created]);
    this.#db.run('UPDATE repositories SET dirty = 1 WHERE name = ?', [repository]);
    return true;
  }
}
