/** A worker's spool: what it found or placed at the paths of one repository, taken over by the journal in one transaction. */
import { type Database, openDatabase } from '@gapferry/station/state/database';
import { rmSync } from 'node:fs';

const SCHEMA = `
CREATE TABLE found (
  path TEXT PRIMARY KEY, type INTEGER NOT NULL, sha256 BLOB, size INTEGER, mtime REAL, inode REAL, exec INTEGER NOT NULL, target TEXT, named INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE gone (path TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
`;

export interface Found {
  readonly path: string;
  readonly type: number;
  readonly sha256: Uint8Array | null;
  readonly size: number | null;
  /** As the filesystem gives it, in milliseconds with a fraction. */
  readonly mtime: number | null;
  readonly inode: number | null;
  readonly exec: boolean;
  readonly target: string | null;
  /** An inventory of ours names the path. */
  readonly named: boolean;
}

export class Findings {
  readonly #db: Database;
  count = 0;

  /** Always a new, empty spool: what a worker that died left there is worth nothing. */
  constructor(path: string) {
    for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(path + suffix, { force: true });
    this.#db = openDatabase(path, [SCHEMA], { durability: 'none' });
  }

  /** Everything that `work` adds becomes visible at its end. */
  during<T>(work: () => T): T {
    try {
      return this.#db.transaction(work);
    } finally {
      this.#db.close();
    }
  }

  add({ path, type, sha256, size, mtime, inode, exec, target, named }: Found): void {
    this.count++;
    this.#db.run('INSERT OR REPLACE INTO found VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)', [
      path,
      type,
      sha256,
      size,
      mtime,
      inode,
      exec ? 1 : 0,
      target,
      named ? 1 : 0,
    ]);
  }

  /** As `gone`, where something of ours may have been found at the path meanwhile: that stays. */
  forget(path: string): void {
    this.count++;
    this.#db.run('INSERT OR IGNORE INTO gone VALUES (?)', [path]);
  }

  gone(path: string): void {
    this.forget(path);
    this.#db.run('DELETE FROM found WHERE path = ?', [path]);
  }
}
