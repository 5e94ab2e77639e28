/**
 * What sites are believed to hold, and which objects a bundle must therefore bear. The set operations are SQL; which bundles count as on the road was
 * decided before, by `plan/road.ts`.
 *
 * An object counts as held by a site when its newest receipt lists it, or a bundle that counts carries it; but an object that the receipt
 * calls missing only when a bundle carries it that the site did not yet know when it wrote the receipt.
 */

import type { Sha256 } from '@gapferry/bundle-format/sha256';
import { blob, type Database, integer, text } from '@gapferry/station/state/database';
import { toBytes, toHex } from './digest.ts';

const PLAN_TABLES = `
  DROP TABLE IF EXISTS plan.objects;
  DROP TABLE IF EXISTS plan.road;
  CREATE TABLE plan.objects (
    n INTEGER PRIMARY KEY,
    repository INTEGER NOT NULL,
    path TEXT NOT NULL,
    role INTEGER NOT NULL,
    size INTEGER NOT NULL,
    sha256 BLOB NOT NULL UNIQUE
  );
  CREATE TABLE plan.road (site INTEGER NOT NULL, sequence INTEGER NOT NULL, PRIMARY KEY (site, sequence)) WITHOUT ROWID;
`;

/** SQL that is true when the site of this id is believed to hold the object f.sha256. The id is a number of ours, never outside data. */
const believed = (site: number): string => {
  const id = String(Math.trunc(site));
  const carried = `SELECT 1 FROM bundle_objects o JOIN plan.road r ON r.sequence = o.sequence AND r.site = ${id} WHERE o.sha256 = f.sha256`;
  return `CASE (SELECT w.after FROM wanted w WHERE w.site = ${id} AND w.sha256 = f.sha256) IS NULL
    WHEN 1 THEN EXISTS (SELECT 1 FROM holds h WHERE h.site = ${id} AND h.sha256 = f.sha256) OR EXISTS (${carried})
    ELSE EXISTS (${carried} AND o.sequence > (SELECT w.after FROM wanted w WHERE w.site = ${id} AND w.sha256 = f.sha256)) END`;
};

export interface PlannedObject {
  readonly repository: number;
  readonly path: string;
  readonly role: 'content' | 'metadata';
  readonly size: number;
  readonly sha256: Sha256;
}

export interface PlanTotals {
  readonly objects: number;
  readonly bytes: number;
  /** bytes of names, for the estimate of what frames will cost */
  readonly nameBytes: number;
}

export class Beliefs {
  readonly #db: Database;
  readonly #planPath: string;
  #attached = false;

  /** @param planPath file for the plan, which is made anew each time and needs no durability */
  constructor(db: Database, planPath: string) {
    this.#db = db;
    this.#planPath = planPath;
  }

  /** Begins a plan; only whoever holds the lock of the state may. `road`: per site id the bundles that count. */
  begin(road: ReadonlyMap<number, readonly number[]>): void {
    if (!this.#attached) {
      this.#db.run('ATTACH DATABASE ? AS plan', [this.#planPath]);
      this.#db.exec('PRAGMA plan.journal_mode = MEMORY; PRAGMA plan.synchronous = OFF');
      this.#attached = true;
    }
    this.#db.exec(PLAN_TABLES);
    this.#db.transaction(() => {
      for (const [site, sequences] of road)
        for (const sequence of sequences) this.#db.run('INSERT INTO plan.road VALUES (?, ?)', [site, sequence]);
    });
  }

  /** All metadata of a repository: always carried in full. */
  addMetadata(repository: number): void {
    this.#add(repository, 'f.role > 0', '');
  }

  /** Content that at least one of the sites is not believed to hold; all of it when no site is named. */
  addContent(repository: number, sites: readonly number[]): void {
    const held = sites.map((site) => `(${believed(site)})`).join(' AND ');
    this.#add(repository, 'f.role = 0', sites.length === 0 ? '' : `AND NOT (${held})`);
  }

  /** Would `addContent` find anything? */
  lacksContent(repository: number, site: number): boolean {
    const row = this.#db.get(
      `SELECT EXISTS (SELECT 1 FROM files f WHERE f.repository = ? AND f.kind = 0 AND f.role = 0 AND NOT (${believed(site)})) AS lacks`,
      [repository],
    );
    return integer(row ?? {}, 'lacks') === 1;
  }

  #add(repository: number, which: string, lacking: string): void {
    this.#db.run(
      `INSERT OR IGNORE INTO plan.objects (repository, path, role, size, sha256)
       SELECT f.repository, f.path, f.role, f.size, f.sha256 FROM files f
       WHERE f.repository = ? AND f.kind = 0 AND ${which} ${lacking} ORDER BY f.path`,
      [repository],
    );
  }

  /** In the order in which they shall lie in the volumes. */
  *objects(): Generator<PlannedObject> {
    for (const row of this.#db.each('SELECT repository, path, role, size, sha256 FROM plan.objects ORDER BY n'))
      yield {
        repository: integer(row, 'repository'),
        path: text(row, 'path'),
        role: integer(row, 'role') > 0 ? 'metadata' : 'content',
        size: integer(row, 'size'),
        sha256: toHex(blob(row, 'sha256')),
      };
  }

  totals(repository?: number): PlanTotals {
    const where = repository === undefined ? (['', []] as const) : (['WHERE repository = ?', [repository]] as const);
    const row =
      this.#db.get(
        `SELECT count(*) AS objects, coalesce(sum(size), 0) AS bytes, coalesce(sum(length(CAST(path AS BLOB))), 0) AS names
         FROM plan.objects ${where[0]}`,
        where[1],
      ) ?? {};
    return { objects: integer(row, 'objects'), bytes: integer(row, 'bytes'), nameBytes: integer(row, 'names') };
  }

  /** Was this inventory already found to leave this site without a wish, under the same belief? */
  isSatisfied(site: number, repository: string, inventory: Sha256, belief: string): boolean {
    const row = this.#db.get(
      'SELECT 1 AS yes FROM satisfied WHERE site = ? AND repository = ? AND inventory = ? AND belief = ?',
      [site, repository, inventory, belief],
    );
    return row !== undefined;
  }

  markSatisfied(site: number, repository: string, inventory: Sha256, belief: string): void {
    this.#db.run('INSERT OR REPLACE INTO satisfied VALUES (?, ?, ?, ?)', [site, repository, inventory, belief]);
  }

  /**
   * Replaces what a site holds and wants; to be called within the transaction that records its receipt. Everything it names is kept: a
   * plan looks only at objects of current inventories anyway, and a site may `adopt` before the first scan here.
   * @param after the highest of our sequence numbers that the site knew
   */
  replace(
    site: number,
    holds: Iterable<Sha256>,
    missing: Iterable<Sha256>,
    after: number,
  ): { held: number; missing: number } {
    this.#db.run('DELETE FROM holds WHERE site = ?', [site]);
    this.#db.run('DELETE FROM wanted WHERE site = ?', [site]);
    this.#db.run('DELETE FROM satisfied WHERE site = ?', [site]);
    let held = 0;
    let lacking = 0;
    for (const digest of holds) {
      this.#db.run('INSERT INTO holds VALUES (?, ?)', [site, toBytes(digest)]);
      held++;
    }
    for (const digest of missing) {
      this.#db.run('INSERT INTO wanted VALUES (?, ?, ?)', [site, toBytes(digest), after]);
      lacking++;
    }
    return { held, missing: lacking };
  }
}
