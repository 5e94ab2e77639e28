/** Inventories, and what follows from them: which objects are wanted, which of them a bundle brings, which are missing. */
import type { InventoryRow } from '@gapferry/bundle-format/inventory';
import type { IndexRow } from '@gapferry/bundle-format/object-index';
import type { Sha256 } from '@gapferry/bundle-format/sha256';
import { type Database, integer, text } from '@gapferry/station/state/database';
import { digest, toBlob } from './digests.ts';
import { FILE, FOLDER, LINK } from './schema.ts';

/** An object of a file row that is neither held nor staged, under one of its paths. */
export interface MissingFile {
  readonly path: string;
  readonly size: number;
  readonly sha256: Sha256;
}

export interface Count {
  readonly files: number;
  readonly bytes: number;
}

/** One row of an index that is to be taken: its number from 0, where to put the object, and how it shall look. */
export interface OrderRow {
  readonly row: number;
  readonly volume: number;
  /** Bytes in the volume. */
  readonly stored: number;
  /** Bytes at the target. */
  readonly bytes: number;
  readonly repository: string;
  readonly exec: boolean;
  readonly mtime: number;
}

/** A repository and the inventory that it is to become. */
export interface Target {
  readonly repository: string;
  readonly inventory: number;
}

/** An object counts as had when it lies at any path of any repository, or in any staging folder. */
const LACKING = `r.type = ${FILE}
  AND NOT EXISTS (SELECT 1 FROM held h WHERE h.sha256 = r.sha256)
  AND NOT EXISTS (SELECT 1 FROM staged s WHERE s.sha256 = r.sha256)`;

/** Rows of the noted index that bring something wanted; a part that is there already is not asked for again. */
const ORDERED = `FROM arriving a JOIN wanted w ON w.sha256 = a.sha256 AND w.size = a.size
  WHERE NOT EXISTS (SELECT 1 FROM part p WHERE p.sha256 = a.sha256 AND p.at = a.at)`;

export class Inventories {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
    db.exec(`
      CREATE TEMP TABLE IF NOT EXISTS wanted (sha256 BLOB PRIMARY KEY, size INTEGER, repository TEXT, exec INTEGER, mtime INTEGER) WITHOUT ROWID;
      CREATE TEMP TABLE IF NOT EXISTS arriving (row INTEGER PRIMARY KEY, sha256 BLOB, size INTEGER, at INTEGER, volume INTEGER, stored INTEGER, bytes INTEGER);
    `);
  }

  /** The number of a complete inventory. */
  find(repository: string, sha256: Sha256): number | undefined {
    const row = this.#db.get('SELECT id FROM inventory WHERE repository = ? AND sha256 = ? AND complete = 1', [
      repository,
      toBlob(sha256),
    ]);
    return row === undefined ? undefined : integer(row, 'id');
  }

  /**
   * Begins to write an inventory; what was left of an earlier try is removed. Rows of an incomplete inventory mean nothing, so their commits need not wait
   * for the disk: the one that completes it does, and flushes everything before it.
   */
  begin(repository: string, sha256: Sha256): number {
    this.#db.exec('PRAGMA synchronous = NORMAL');
    return this.#db.transaction(() => {
      const old = this.#db.get('SELECT id FROM inventory WHERE repository = ? AND sha256 = ?', [
        repository,
        toBlob(sha256),
      ]);
      if (old !== undefined) this.#remove(integer(old, 'id'));
      return this.#db.run('INSERT INTO inventory (repository, sha256, complete) VALUES (?, ?, 0)', [
        repository,
        toBlob(sha256),
      ]).lastId;
    });
  }

  /** Adds rows, in one transaction. */
  add(inventory: number, rows: readonly InventoryRow[]): void {
    this.#db.transaction(() => {
      for (const row of rows)
        this.#db.run('INSERT INTO inventory_row VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)', [
          inventory,
          row.path,
          ...columnsOf(row),
        ]);
    });
  }

  complete(inventory: number): void {
    this.#db.exec('PRAGMA synchronous = FULL');
    this.#db.run('UPDATE inventory SET complete = 1 WHERE id = ?', [inventory]);
  }

  /** Removes inventories that no open offer and no published state needs any more. */
  prune(keep: readonly Sha256[]): void {
    const kept = new Set<string>(keep);
    for (const row of this.#db.all('SELECT id, sha256 FROM inventory')) {
      if (!kept.has(digest(row, 'sha256'))) this.#db.transaction(() => this.#remove(integer(row, 'id')));
    }
  }

  #remove(inventory: number): void {
    this.#db.run('DELETE FROM inventory_row WHERE inventory = ?', [inventory]);
    this.#db.run('DELETE FROM inventory WHERE id = ?', [inventory]);
  }

  /** Sets what is wanted: what the targets need and this site lacks. Each object once, for the first repository that needs it. */
  want(targets: readonly Target[]): Count {
    return this.#db.transaction(() => {
      this.#db.run('DELETE FROM wanted');
      for (const { repository, inventory } of targets) {
        this.#db.run(
          `INSERT OR IGNORE INTO wanted SELECT r.sha256, r.size, ?, r.exec, r.mtime FROM inventory_row r WHERE r.inventory = ? AND ${LACKING}`,
          [repository, inventory],
        );
      }
      const row = this.#db.get('SELECT COUNT(*) AS files, COALESCE(SUM(size), 0) AS bytes FROM wanted') ?? {};
      return { files: integer(row, 'files'), bytes: integer(row, 'bytes') };
    });
  }

  /** Forgets the index looked at before. */
  clearArriving(): void {
    this.#db.run('DELETE FROM arriving');
  }

  /** Notes rows of an index, numbered from `from`. A patch brings nothing yet: its object counts as missing. */
  addArriving(from: number, rows: readonly IndexRow[]): void {
    this.#db.transaction(() => {
      rows.forEach((row, i) => {
        if (row.kind === 'patch') return;
        const at = row.kind === 'part' ? row.at : 0;
        this.#db.run('INSERT INTO arriving VALUES (?, ?, ?, ?, ?, ?, ?)', [
          from + i,
          toBlob(row.sha256),
          row.size,
          at,
          row.volume,
          row.stored,
          row.kind === 'part' ? row.stored : row.size,
        ]);
      });
    });
  }

  /** Rows of the noted index that bring something wanted, ascending. */
  *orders(): Generator<OrderRow> {
    const rows = this.#db.each(
      `SELECT a.row, a.volume, a.stored, a.bytes, w.repository, w.exec, w.mtime ${ORDERED} ORDER BY a.row`,
    );
    for (const row of rows) {
      yield {
        row: integer(row, 'row'),
        volume: integer(row, 'volume'),
        stored: integer(row, 'stored'),
        bytes: integer(row, 'bytes'),
        repository: text(row, 'repository'),
        exec: integer(row, 'exec') === 1,
        mtime: integer(row, 'mtime'),
      };
    }
  }

  /** An object that is wanted, and that the noted index gives another size than its inventory: one digest has one size. */
  sizeThatLies(): Sha256 | undefined {
    const row = this.#db.get(
      'SELECT a.sha256 FROM arriving a JOIN wanted w ON w.sha256 = a.sha256 WHERE a.size <> w.size LIMIT 1',
    );
    return row === undefined ? undefined : digest(row, 'sha256');
  }

  /** A path whose object is held, staged or named by another row with another size. What is right at its path already is right. */
  pathThatLies(repository: string, inventory: number): string | undefined {
    const row = this.#db.get(
      `WITH fresh AS MATERIALIZED (
         SELECT r.path, r.sha256, r.size FROM inventory_row r WHERE r.inventory = ?1 AND r.type = ${FILE}
         AND NOT EXISTS (SELECT 1 FROM held h WHERE h.repository = ?2 AND h.path = r.path AND h.sha256 = r.sha256 AND h.size = r.size))
       SELECT path FROM fresh WHERE EXISTS (SELECT 1 FROM held h WHERE h.sha256 = fresh.sha256 AND h.size <> fresh.size)
         OR EXISTS (SELECT 1 FROM staged s WHERE s.sha256 = fresh.sha256 AND s.size <> fresh.size)
       UNION ALL SELECT MIN(path) FROM fresh GROUP BY sha256 HAVING MIN(size) <> MAX(size) LIMIT 1`,
      [inventory, repository],
    );
    return row === undefined ? undefined : text(row, 'path');
  }

  /** How much an inventory needs that this site lacks, each object once. */
  lacking(inventory: number): Count {
    const row =
      this.#db.get(
        `SELECT COUNT(*) AS files, COALESCE(SUM(size), 0) AS bytes FROM (SELECT DISTINCT r.sha256, r.size FROM inventory_row r WHERE r.inventory = ? AND ${LACKING})`,
        [inventory],
      ) ?? {};
    return { files: integer(row, 'files'), bytes: integer(row, 'bytes') };
  }

  /** The rows whose objects are lacking, by path. */
  *missing(inventory: number): Generator<MissingFile> {
    const rows = this.#db.each(
      `SELECT r.path, r.size, r.sha256 FROM inventory_row r WHERE r.inventory = ? AND ${LACKING} ORDER BY r.path`,
      [inventory],
    );
    for (const row of rows)
      yield { path: text(row, 'path'), size: integer(row, 'size'), sha256: digest(row, 'sha256') };
  }

  /** Objects that the targets need and this site lacks, ascending, each once: lines of a companion. */
  *missingDigestLines(targets: readonly Target[]): Generator<string> {
    if (targets.length === 0) return;
    this.want(targets);
    for (const row of this.#db.each('SELECT sha256 FROM wanted ORDER BY sha256')) yield `${digest(row, 'sha256')}\n`;
  }

  size(inventory: number): Count {
    const row =
      this.#db.get(
        `SELECT COUNT(*) AS files, COALESCE(SUM(size), 0) AS bytes FROM inventory_row WHERE inventory = ? AND type = ${FILE}`,
        [inventory],
      ) ?? {};
    return { files: integer(row, 'files'), bytes: integer(row, 'bytes') };
  }
}

type Columns = [
  type: number,
  phase: number,
  size: number | null,
  sha256: Uint8Array | null,
  exec: number,
  mtime: number | null,
  target: string | null,
];

function columnsOf(row: InventoryRow): Columns {
  switch (row.type) {
    case 'dir':
      return [FOLDER, 0, null, null, 0, null, null];
    case 'link':
      return [LINK, phaseOf(row), null, null, 0, null, row.target];
    case 'file':
      return [FILE, phaseOf(row), row.size, toBlob(row.sha256), row.exec ? 1 : 0, row.mtime, null];
  }
}

const phaseOf = (row: Exclude<InventoryRow, { type: 'dir' }>): number => (row.role === 'metadata' ? row.phase : 0);
