/** The ledger's view of bundles: numbers given, digests signed, what is on the road to whom. */

import { Unfit } from '@gapferry/bundle-format/errors';
import { LIMITS } from '@gapferry/bundle-format/limits';
import { type Sha256, toSha256 } from '@gapferry/bundle-format/sha256';
import { type Database, integer, type Row, text, textOrNull } from '@gapferry/station/state/database';
import type { Basis, BundleRecord, RoadState } from './records.ts';

const oneOf = <T extends string>(value: string | null, allowed: readonly T[]): T | null => {
  if (value === null) return null;
  const found = allowed.find((each) => each === value);
  if (found === undefined) throw new TypeError(`the ledger holds the unknown word ${value}`);
  return found;
};
const digestOrNull = (value: string | null): Sha256 | null => (value === null ? null : toSha256(value));

const toBundle = (row: Row): BundleRecord => ({
  sequence: integer(row, 'sequence'),
  state: oneOf(text(row, 'state'), ['reserved', 'signing', 'committed', 'abandoned'] as const) ?? 'abandoned',
  reserved: text(row, 'reserved'),
  place: oneOf(textOrNull(row, 'place'), ['medium', 'folder'] as const),
  path: textOrNull(row, 'path'),
  outbox: integer(row, 'outbox') === 1,
  manifest: digestOrNull(textOrNull(row, 'manifest')),
  basis: oneOf<Basis>(textOrNull(row, 'basis'), ['acknowledged', 'sent', 'full']),
  expires: textOrNull(row, 'expires'),
  committed: textOrNull(row, 'committed'),
  bytes: integer(row, 'bytes'),
  objects: integer(row, 'objects'),
  readBack: oneOf(textOrNull(row, 'read_back'), ['device', 'cache'] as const),
  removed: textOrNull(row, 'removed'),
});

/** No number beyond the format's is ever written down: nobody could read it, this ledger least of all. @throws Unfit LOCAL_IO */
export const withinLimit = (what: string, number: number): number => {
  if (number <= LIMITS.sequence) return number;
  throw new Unfit('LOCAL_IO', `the ledger has no ${what} left: ${number} is beyond the format`, {
    facts: { number },
    hint: 'somebody used the numbers up: look into the audit log, and begin again as a new exporter with a new key',
  });
};

/** A bundle as one site sees it. */
export interface SentBundle {
  readonly sequence: number;
  readonly road: RoadState;
  /** When it left: ISO 8601 */
  readonly since: string;
  readonly repositories: readonly { readonly name: string; readonly snapshot: number }[];
}

export interface Statement {
  readonly manifest: Sha256;
  readonly basis: Basis;
  readonly expires: string;
  readonly bytes: number;
  readonly objects: number;
  readonly readBack: 'device' | 'cache';
  readonly siteIds: readonly number[];
  readonly repositories: readonly { readonly name: string; readonly snapshot: number }[];
}

export class Bundles {
  readonly #db: Database;
  constructor(db: Database) {
    this.#db = db;
  }

  /** Gives the next number, durably and never again. `place` null: the outbox. */
  reserve(place: { kind: 'medium' | 'folder'; path: string } | null, now: string): number {
    return this.#db.transaction(() => {
      const sequence = withinLimit('sequence number', this.highest() + 1);
      this.#db.run(
        `INSERT INTO bundles (sequence, state, reserved, place, path, outbox) VALUES (?, 'reserved', ?, ?, ?, ?)`,
        [sequence, now, place?.kind ?? null, place?.path ?? null, place === null ? 1 : 0],
      );
      return sequence;
    });
  }

  /**
   * Binds the digest of the manifest to the number, before anything is signed: one number, one digest, for ever. What the bundle carries is
   * written down in the same transaction, so that a commit that was cut off can still be recorded.
   */
  bindManifest(sequence: number, statement: Statement, now: string): void {
    this.#db.transaction(() => {
      const { changes } = this.#db.run(
        `UPDATE bundles SET state = 'signing', manifest = ?, basis = ?, expires = ?, bytes = ?, objects = ?, read_back = ?
         WHERE sequence = ? AND state = 'reserved' AND manifest IS NULL`,
        [
          statement.manifest,
          statement.basis,
          statement.expires,
          statement.bytes,
          statement.objects,
          statement.readBack,
          sequence,
        ],
      );
      if (changes !== 1) throw new TypeError(`sequence ${sequence} already has a digest`);
      for (const site of statement.siteIds)
        this.#db.run(`INSERT INTO bundle_sites VALUES (?, ?, 'road', NULL, ?)`, [sequence, site, now]);
      for (const { name, snapshot } of statement.repositories)
        this.#db.run('INSERT INTO bundle_repositories VALUES (?, ?, ?)', [sequence, name, snapshot]);
      this.#db.run('INSERT INTO bundle_objects SELECT sha256, ? FROM plan.objects ORDER BY sha256', [sequence]);
    });
  }

  commit(sequence: number, now: string): void {
    const { changes } = this.#db.run(
      `UPDATE bundles SET state = 'committed', committed = ? WHERE sequence = ? AND state = 'signing'`,
      [now, sequence],
    );
    if (changes !== 1) throw new TypeError(`sequence ${sequence} is not being signed`);
  }

  /** A number that was given in vain. What it would have carried is forgotten; its digest, if it has one, is not. */
  abandon(sequence: number): void {
    this.#db.transaction(() => {
      this.#db.run(
        `UPDATE bundles SET state = 'abandoned', outbox = 0 WHERE sequence = ? AND state IN ('reserved', 'signing')`,
        [sequence],
      );
      this.#db.run('DELETE FROM bundle_objects WHERE sequence = ?', [sequence]);
      this.#db.run('DELETE FROM bundle_sites WHERE sequence = ?', [sequence]);
    });
  }

  /** The outbox let it go to a medium; only now it is on the road, and only now it can become overdue. */
  delivered(
    sequence: number,
    place: { kind: 'medium' | 'folder'; path: string },
    readBack: 'device' | 'cache',
    now: string,
  ): void {
    this.#db.transaction(() => {
      this.#db.run('UPDATE bundles SET outbox = 0, place = ?, path = ?, read_back = ? WHERE sequence = ?', [
        place.kind,
        place.path,
        readBack,
        sequence,
      ]);
      this.#db.run(`UPDATE bundle_sites SET since = ? WHERE sequence = ? AND state = 'road'`, [now, sequence]);
    });
  }

  /** It is no longer in the outbox, and did not leave it for a medium. */
  leaveOutbox(sequence: number): void {
    this.#db.run('UPDATE bundles SET outbox = 0 WHERE sequence = ?', [sequence]);
  }

  removed(sequence: number, now: string): void {
    this.#db.run('UPDATE bundles SET removed = ? WHERE sequence = ?', [now, sequence]);
  }

  /** The highest number ever given, in whatever state; 0: none. */
  highest(): number {
    return integer(this.#db.get('SELECT coalesce(max(sequence), 0) AS n FROM bundles') ?? {}, 'n');
  }

  find(sequence: number): BundleRecord | undefined {
    const row = this.#db.get('SELECT * FROM bundles WHERE sequence = ?', [sequence]);
    return row === undefined ? undefined : toBundle(row);
  }

  /** Newest first. */
  list(limit: number): BundleRecord[] {
    return this.#db.all('SELECT * FROM bundles ORDER BY sequence DESC LIMIT ?', [limit]).map(toBundle);
  }

  unfinished(): BundleRecord[] {
    return this.#db.all(`SELECT * FROM bundles WHERE state IN ('reserved', 'signing') ORDER BY sequence`).map(toBundle);
  }

  inOutbox(): BundleRecord[] {
    return this.#db
      .all(`SELECT * FROM bundles WHERE state = 'committed' AND outbox = 1 ORDER BY sequence`)
      .map(toBundle);
  }

  newestCommitted(): BundleRecord | undefined {
    const row = this.#db.get(`SELECT * FROM bundles WHERE state = 'committed' ORDER BY sequence DESC LIMIT 1`);
    return row === undefined ? undefined : toBundle(row);
  }

  /** Committed bundles for a site, ascending. */
  sentTo(siteId: number): SentBundle[] {
    const rows = this.#db.all(
      `SELECT s.sequence, s.state, s.since FROM bundle_sites s JOIN bundles b USING (sequence)
       WHERE s.site = ? AND b.state = 'committed' ORDER BY s.sequence`,
      [siteId],
    );
    return rows.map((row) => ({
      sequence: integer(row, 'sequence'),
      road: oneOf(text(row, 'state'), ['road', 'settled', 'lost'] as const) ?? 'lost',
      since: text(row, 'since'),
      repositories: this.repositoriesOf(integer(row, 'sequence')),
    }));
  }

  repositoriesOf(sequence: number): { name: string; snapshot: number }[] {
    return this.#db
      .all('SELECT repository, snapshot FROM bundle_repositories WHERE sequence = ? ORDER BY repository', [sequence])
      .map((row) => ({ name: text(row, 'repository'), snapshot: integer(row, 'snapshot') }));
  }

  sitesOf(sequence: number): { site: string; road: RoadState; says: string | null }[] {
    return this.#db
      .all(
        'SELECT s.name, b.state, b.says FROM bundle_sites b JOIN sites s ON s.id = b.site WHERE b.sequence = ? ORDER BY s.name',
        [sequence],
      )
      .map((row) => ({
        site: text(row, 'name'),
        road: oneOf(text(row, 'state'), ['road', 'settled', 'lost'] as const) ?? 'lost',
        says: textOrNull(row, 'says'),
      }));
  }

  setRoad(sequence: number, siteId: number, road: RoadState, says: string | null): void {
    this.#db.run('UPDATE bundle_sites SET state = ?, says = ? WHERE sequence = ? AND site = ?', [
      road,
      says,
      sequence,
      siteId,
    ]);
  }

  /** Declares a bundle lost for every site that has not answered. @returns whether there was one */
  lose(sequence: number): boolean {
    const { changes } = this.#db.run(`UPDATE bundle_sites SET state = 'lost' WHERE sequence = ? AND state = 'road'`, [
      sequence,
    ]);
    return changes > 0;
  }

  /** Bundles that some site has not answered. */
  onTheRoad(): number[] {
    return this.#db
      .all(
        `SELECT DISTINCT s.sequence FROM bundle_sites s JOIN bundles b USING (sequence)
         WHERE s.state = 'road' AND b.state = 'committed' ORDER BY s.sequence`,
      )
      .map((row) => integer(row, 'sequence'));
  }

  /** Another machine went on under our name further than this ledger knows (restored from a backup): go on above it. */
  raiseSequence(known: number, now: string): boolean {
    if (known <= this.highest()) return false;
    this.#db.run(`INSERT INTO bundles (sequence, state, reserved) VALUES (?, 'abandoned', ?)`, [known, now]);
    return true;
  }
}
