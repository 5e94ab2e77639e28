/** What this site holds: at the paths of its repositories, and in their staging folders. */
import type { Sha256 } from '@gapferry/bundle-format/sha256';
import { blob, type Database, integer, type Row, text, textOrNull } from '@gapferry/station/state/database';
import { digest, toBlob } from './digests.ts';
import type { Count } from './inventories.ts';
import { FILE } from './schema.ts';
import type { Stamp, StagedObject } from '../receiving/requests.ts';

/** How a path looked when it was last known to be right. */
export interface HeldRow {
  readonly path: string;
  readonly type: number;
  readonly sha256: Sha256 | null;
  readonly size: number | null;
  readonly mtime: number | null;
  readonly inode: number | null;
  readonly exec: boolean;
  readonly target: string | null;
  readonly named: boolean;
}

/** A row of an inventory that the journal does not know to be right at its path. */
export interface UnsureRow {
  readonly path: string;
  readonly type: number;
  readonly sha256: Sha256 | null;
  readonly size: number | null;
  readonly target: string | null;
}

export interface StagedPart {
  readonly sha256: Sha256;
  readonly at: number;
  readonly bytes: number;
  readonly size: number;
}

/** Digests of a companion that are fetched at once. */
const PORTION = 4096;

export class Holdings {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Rows in the order of their paths. */
  *rows(repository: string): Generator<HeldRow> {
    for (const row of this.#db.each('SELECT * FROM held WHERE repository = ? ORDER BY path', [repository]))
      yield toHeldRow(row);
  }

  /** Rows of an inventory that are not right at their path, as far as the journal knows. */
  *unsure(repository: string, inventory: number): Generator<UnsureRow> {
    const rows = this.#db.each(
      `SELECT r.path, r.type, r.sha256, r.size, r.target FROM inventory_row r LEFT JOIN held h ON h.repository = ? AND h.path = r.path
       WHERE r.inventory = ? AND NOT (h.path IS NOT NULL AND h.type = r.type AND h.sha256 IS r.sha256 AND h.target IS r.target) ORDER BY r.path`,
      [repository, inventory],
    );
    for (const row of rows) {
      yield {
        path: text(row, 'path'),
        type: integer(row, 'type'),
        sha256: digestOrNull(row),
        size: numberOrNull(row, 'size'),
        target: textOrNull(row, 'target'),
      };
    }
  }

  /** Takes over what a worker found, from its spool (`findings`), replacing what was known of these paths. */
  merge(repository: string, findings: string, within: () => void = () => undefined): void {
    this.#withFindings(findings, () => {
      this.#db.transaction(() => {
        this.#db.run('DELETE FROM held WHERE repository = ? AND path IN (SELECT path FROM findings.gone)', [
          repository,
        ]);
        this.#db.run(
          `INSERT OR REPLACE INTO held (repository, path, type, sha256, size, mtime, inode, exec, target, named)
           SELECT ?, path, type, sha256, size, mtime, inode, exec, target, named FROM findings.found`,
          [repository],
        );
        within();
      });
    });
  }

  /** A detachment that fails must not hide why the work failed, nor block the next: what is still attached then is detached first. */
  #withFindings(findings: string, work: () => void): void {
    if (this.#db.get("SELECT 1 AS one FROM pragma_database_list WHERE name = 'findings'") !== undefined)
      this.#db.exec('DETACH DATABASE findings');
    this.#db.run('ATTACH DATABASE ? AS findings', [findings]);
    try {
      work();
    } finally {
      try {
        this.#db.exec('DETACH DATABASE findings');
      } catch {
        // what was to be committed is committed, or its own error is on the way
      }
    }
  }

  /** As `merge`, for what was found without an inventory: the whole repository is known anew, and what an inventory has named before stays ours. */
  adopt(repository: string, findings: string): void {
    this.#withFindings(findings, () => {
      this.#db.transaction(() => {
        this.#db.run('DELETE FROM held WHERE repository = ? AND path NOT IN (SELECT path FROM findings.found)', [
          repository,
        ]);
        this.#db.run(
          `INSERT OR REPLACE INTO held (repository, path, type, sha256, size, mtime, inode, exec, target, named)
           SELECT ?1, f.path, f.type, f.sha256, f.size, f.mtime, f.inode, f.exec, f.target,
             COALESCE((SELECT h.named FROM held h WHERE h.repository = ?1 AND h.path = f.path), 0) FROM findings.found f`,
          [repository],
        );
      });
    });
  }

  /** From now on these paths are ours to take away again. */
  name(repository: string, inventory: number): void {
    this.#db.run(
      `UPDATE held SET named = 1 WHERE repository = ? AND named = 0 AND EXISTS (SELECT 1 FROM inventory_row r WHERE r.inventory = ? AND r.path = held.path)`,
      [repository, inventory],
    );
  }

  count(repository: string): Count {
    const row =
      this.#db.get(
        `SELECT COUNT(*) AS files, COALESCE(SUM(size), 0) AS bytes FROM held WHERE repository = ? AND type = ${FILE}`,
        [repository],
      ) ?? {};
    return { files: integer(row, 'files'), bytes: integer(row, 'bytes') };
  }

  /** Every object that this site holds, ascending, each once: lines of a companion in portions. Both tables are read in the order of an index, and merged. */
  *digestLines(): Generator<string> {
    for (let after: Uint8Array = new Uint8Array(0); ;) {
      const row = this.#db.get(
        `SELECT group_concat(lower(hex(sha256)), char(10)) AS lines, max(sha256) AS last FROM (
           SELECT sha256 FROM held WHERE sha256 IS NOT NULL AND sha256 > ?1 UNION SELECT sha256 FROM staged WHERE sha256 > ?1 ORDER BY sha256 LIMIT ${PORTION})`,
        [after],
      );
      if (row === undefined || row['lines'] === null) return;
      yield `${text(row, 'lines')}\n`;
      after = blob(row, 'last');
    }
  }

  // ---- staging ---------------------------------------------------------------------------------------------------------------------------------

  /** Whole objects that are verified and flushed, and how their files looked then. */
  stage(repository: string, objects: readonly StagedObject[]): void {
    this.#db.transaction(() => {
      for (const { sha256, size, stamp } of objects) {
        this.#db.run(
          `INSERT INTO staged (sha256, repository, size, mtime, inode, ctime) VALUES (?, ?, ?, ?, ?, ?)
           ON CONFLICT (sha256) DO UPDATE SET size = excluded.size, mtime = excluded.mtime, inode = excluded.inode, ctime = excluded.ctime
           WHERE repository = excluded.repository`,
          [toBlob(sha256), repository, size, stamp?.mtime ?? null, stamp?.inode ?? null, stamp?.ctime ?? null],
        );
      }
    });
  }

  stageParts(repository: string, parts: readonly StagedPart[]): void {
    this.#db.transaction(() => {
      for (const { sha256, at, bytes, size } of parts)
        this.#db.run('INSERT OR IGNORE INTO part VALUES (?, ?, ?, ?, ?)', [
          toBlob(sha256),
          at,
          bytes,
          size,
          repository,
        ]);
    });
  }

  /** Objects of which every part has arrived. */
  completeParts(): { repository: string; sha256: Sha256; size: number }[] {
    return this.#db
      .all(
        'SELECT sha256, repository, MAX(size) AS size FROM part GROUP BY sha256, repository HAVING SUM(bytes) = MAX(size)',
      )
      .map((row) => ({
        repository: text(row, 'repository'),
        sha256: digest(row, 'sha256'),
        size: integer(row, 'size'),
      }));
  }

  unstageParts(sha256: Sha256): void {
    this.#db.run('DELETE FROM part WHERE sha256 = ?', [toBlob(sha256)]);
  }

  isStaged(repository: string, sha256: Sha256): boolean {
    return (
      this.#db.get('SELECT 1 AS one FROM staged WHERE sha256 = ? AND repository = ?', [toBlob(sha256), repository]) !==
      undefined
    );
  }

  hasParts(repository: string, sha256: Sha256): boolean {
    return (
      this.#db.get('SELECT 1 AS one FROM part WHERE sha256 = ? AND repository = ?', [toBlob(sha256), repository]) !==
      undefined
    );
  }

  *staged(repository: string): Generator<StagedObject> {
    for (const row of this.#db.each('SELECT * FROM staged WHERE repository = ?', [repository])) {
      yield { sha256: digest(row, 'sha256'), size: integer(row, 'size'), stamp: stampOf(row) };
    }
  }

  unstage(objects: readonly Sha256[]): void {
    this.#db.transaction(() => {
      for (const sha256 of objects) this.#db.run('DELETE FROM staged WHERE sha256 = ?', [toBlob(sha256)]);
    });
  }

  /** What lies at a path now was staged for it; a copy that remains is swept away. */
  unstageHeld(repository: string): void {
    this.#db.run(
      'DELETE FROM staged WHERE repository = ? AND EXISTS (SELECT 1 FROM held h WHERE h.sha256 = staged.sha256)',
      [repository],
    );
  }

  /** After publishing: staged objects that no target needs are forgotten; sweeping the staging folders removes their files. */
  settleStaged(targets: readonly { readonly inventory: number }[]): void {
    this.#db.run('CREATE TEMP TABLE IF NOT EXISTS needed (sha256 BLOB PRIMARY KEY) WITHOUT ROWID');
    this.#db.run('DELETE FROM needed');
    for (const { inventory } of targets) {
      this.#db.run(
        `INSERT OR IGNORE INTO needed SELECT r.sha256 FROM inventory_row r JOIN staged s ON s.sha256 = r.sha256 WHERE r.inventory = ? AND r.type = ${FILE}`,
        [inventory],
      );
    }
    this.#db.run('DELETE FROM staged WHERE NOT EXISTS (SELECT 1 FROM needed n WHERE n.sha256 = staged.sha256)');
  }
}

const numberOrNull = (row: Row, column: string): number | null => {
  const value = row[column];
  return typeof value === 'number' ? value : null;
};

const digestOrNull = (row: Row): Sha256 | null => (row['sha256'] === null ? null : digest(row, 'sha256'));

const toHeldRow = (row: Row): HeldRow => ({
  path: text(row, 'path'),
  type: integer(row, 'type'),
  sha256: digestOrNull(row),
  size: numberOrNull(row, 'size'),
  mtime: numberOrNull(row, 'mtime'),
  inode: numberOrNull(row, 'inode'),
  exec: integer(row, 'exec') === 1,
  target: textOrNull(row, 'target'),
  named: integer(row, 'named') === 1,
});

/** How a staged file looked when it was found good; undefined where that was not noted. */
export const stampOf = (row: Row): Stamp | undefined => {
  const [mtime, inode, ctime] = [numberOrNull(row, 'mtime'), numberOrNull(row, 'inode'), numberOrNull(row, 'ctime')];
  return mtime === null || inode === null || ctime === null ? undefined : { mtime, inode, ctime };
};
