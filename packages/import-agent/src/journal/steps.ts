/** What publishing one inventory has to do, as a table of steps beside a read-only journal. */
import type { Sha256 } from '@gapferry/bundle-format/sha256';
import {
  blob,
  type Database,
  integer,
  openDatabase,
  type Row,
  text,
  textOrNull,
} from '@gapferry/station/state/database';
import type { Stamp } from '../receiving/requests.ts';
import { digest } from './digests.ts';
import { stampOf } from './holdings.ts';
import { FILE, FOLDER, LINK, MIGRATIONS } from './schema.ts';

export interface FileStep {
  readonly id: number;
  readonly path: string;
  readonly phase: number;
  readonly size: number;
  readonly sha256: Sha256;
  /** The same digest as a journal keeps it. */
  readonly blob: Uint8Array;
  readonly exec: boolean;
  readonly mtime: number;
  /** Its bytes are right already; only mode or time differ. */
  readonly same: boolean;
  /** Takes the staged object itself; others of the same digest take copies. */
  readonly first: boolean;
  /** The journal names it as staged here, unless a copy is made of it first. */
  readonly staged: boolean;
  /** How the staged object looked when it was found good. */
  readonly stamp: Stamp | undefined;
  /** Something lies at the path. */
  readonly exists: boolean;
}

export interface LinkStep {
  readonly path: string;
  readonly phase: number;
  readonly target: string;
  readonly exists: boolean;
}

export interface HeldAt {
  readonly path: string;
  readonly type: number;
  readonly target: string | null;
  readonly named: boolean;
}

/** Where an object can be had at this site. */
export type Source =
  | { readonly from: 'staging'; readonly repository: string }
  | { readonly from: 'path'; readonly repository: string; readonly path: string };

const FILE_COLUMNS =
  't.id, t.path, t.phase, t.size, t.sha256, t.exec, t.mtime AS look, t.same, t.first, t.existing, s.sha256 IS NOT NULL AS staged, s.mtime, s.inode, s.ctime';

export class Steps {
  readonly #db: Database;
  readonly #repository: string;
  readonly #inventory: number;

  /** Opens the journal for reading only. Close it when done. */
  constructor(journal: string, repository: string, inventory: number) {
    this.#db = openDatabase(journal, MIGRATIONS, { readOnly: true });
    this.#repository = repository;
    this.#inventory = inventory;
    this.#db.exec(`
      CREATE TEMP TABLE step (
        id INTEGER PRIMARY KEY, path TEXT, type INTEGER, phase INTEGER, size INTEGER, sha256 BLOB, exec INTEGER, mtime INTEGER, target TEXT,
        same INTEGER, first INTEGER NOT NULL DEFAULT 0, existing INTEGER NOT NULL DEFAULT 0
      )`);
    this.#db.run(
      `INSERT INTO step (path, type, phase, size, sha256, exec, mtime, target, same)
       SELECT r.path, r.type, r.phase, r.size, r.sha256, r.exec, r.mtime, r.target, h.path IS NOT NULL AND r.type = ${FILE} AND h.type = ${FILE} AND h.sha256 = r.sha256
       FROM inventory_row r LEFT JOIN held h ON h.repository = ? AND h.path = r.path
       WHERE r.inventory = ? AND NOT (h.path IS NOT NULL AND h.type = r.type AND h.sha256 IS r.sha256 AND h.target IS r.target
         AND h.exec = r.exec AND (r.mtime IS NULL OR CAST(round(h.mtime) AS INTEGER) = r.mtime))
       ORDER BY r.path`,
      [repository, inventory],
    );
    this.#db.exec(
      `UPDATE step SET first = 1 WHERE id IN (SELECT MIN(id) FROM step WHERE type = ${FILE} AND same = 0 GROUP BY sha256)`,
    );
  }

  close(): void {
    this.#db.close();
  }

  /** Everything that is to be placed or touched, by path. */
  *paths(): Generator<{ id: number; path: string; type: number }> {
    for (const row of this.#db.each('SELECT id, path, type FROM step ORDER BY id'))
      yield { id: integer(row, 'id'), path: text(row, 'path'), type: integer(row, 'type') };
  }

  markExisting(ids: readonly number[]): void {
    this.#db.transaction(() => {
      for (const id of ids) this.#db.run('UPDATE step SET existing = 1 WHERE id = ?', [id]);
    });
  }

  /** Files that cannot take a staged object of their own repository: copies, moves, objects staged elsewhere. */
  *copies(): Generator<FileStep> {
    yield* this.#files(`t.type = ${FILE} AND t.same = 0 AND NOT (t.first = 1 AND s.sha256 IS NOT NULL)`, []);
  }

  /** Files of a phase, new ones or those that something lies in the place of. */
  *files(phase: number, exists: boolean): Generator<FileStep> {
    yield* this.#files(`t.type = ${FILE} AND t.phase = ? AND t.existing = ?`, [phase, exists ? 1 : 0]);
  }

  *#files(where: string, parameters: (string | number)[]): Generator<FileStep> {
    for (const row of this.#db.each(
      `SELECT ${FILE_COLUMNS} FROM step t LEFT JOIN staged s ON s.sha256 = t.sha256 AND s.repository = ? WHERE ${where} ORDER BY t.id`,
      [this.#repository, ...parameters],
    ))
      yield toFileStep(row);
  }

  *links(phase: number, exists: boolean): Generator<LinkStep> {
    const rows = this.#db.each(
      `SELECT path, phase, target, existing FROM step WHERE type = ${LINK} AND phase = ? AND existing = ? ORDER BY id`,
      [phase, exists ? 1 : 0],
    );
    for (const row of rows)
      yield {
        path: text(row, 'path'),
        phase: integer(row, 'phase'),
        target: text(row, 'target'),
        exists: integer(row, 'existing') === 1,
      };
  }

  *folders(): Generator<string> {
    for (const row of this.#db.each(`SELECT path FROM step WHERE type = ${FOLDER} ORDER BY id`))
      yield text(row, 'path');
  }

  /** The sources of an object, staged ones first. */
  sources(object: Uint8Array): Source[] {
    const staged = this.#db.all('SELECT repository FROM staged WHERE sha256 = ?', [object]);
    const held = this.#db.all(
      'SELECT repository, path FROM held WHERE sha256 = ? ORDER BY repository = ? DESC, repository, path LIMIT 8',
      [object, this.#repository],
    );
    return [
      ...staged.map((row): Source => ({ from: 'staging', repository: text(row, 'repository') })),
      ...held.map((row): Source => ({ from: 'path', repository: text(row, 'repository'), path: text(row, 'path') })),
    ];
  }

  heldAt(path: string): HeldAt | undefined {
    const row = this.#db.get('SELECT path, type, target, named FROM held WHERE repository = ? AND path = ?', [
      this.#repository,
      path,
    ]);
    return row === undefined ? undefined : toHeldAt(row);
  }

  /** What lies below a folder, deepest names last. */
  heldBelow(folder: string): HeldAt[] {
    // '0' follows '/' in the order of bytes
    return this.#db
      .all('SELECT path, type, target, named FROM held WHERE repository = ? AND path > ? AND path < ? ORDER BY path', [
        this.#repository,
        `${folder}/`,
        `${folder}0`,
      ])
      .map(toHeldAt);
  }

  /** Paths that an earlier inventory named and this one does not; with an `earlier` one, only those that it does not name either. */
  *unlisted(earlier: number | undefined): Generator<{ path: string; type: number; inEarlier: boolean }> {
    const rows = this.#db.each(
      `SELECT h.path, h.type, EXISTS (SELECT 1 FROM inventory_row e WHERE e.inventory = ? AND e.path = h.path) AS earlier FROM held h
       WHERE h.repository = ? AND h.named = 1 AND NOT EXISTS (SELECT 1 FROM inventory_row r WHERE r.inventory = ? AND r.path = h.path) ORDER BY h.path DESC`,
      [earlier ?? 0, this.#repository, this.#inventory],
    );
    for (const row of rows)
      yield { path: text(row, 'path'), type: integer(row, 'type'), inEarlier: integer(row, 'earlier') === 1 };
  }
}

const toFileStep = (row: Row): FileStep => ({
  id: integer(row, 'id'),
  path: text(row, 'path'),
  phase: integer(row, 'phase'),
  size: integer(row, 'size'),
  sha256: digest(row, 'sha256'),
  blob: blob(row, 'sha256'),
  exec: integer(row, 'exec') === 1,
  mtime: integer(row, 'look'),
  same: integer(row, 'same') === 1,
  first: integer(row, 'first') === 1,
  staged: integer(row, 'first') === 1 && integer(row, 'staged') === 1,
  stamp: stampOf(row),
  exists: integer(row, 'existing') === 1,
});

const toHeldAt = (row: Row): HeldAt => ({
  path: text(row, 'path'),
  type: integer(row, 'type'),
  target: textOrNull(row, 'target'),
  named: integer(row, 'named') === 1,
});
