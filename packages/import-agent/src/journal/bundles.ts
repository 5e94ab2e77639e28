/** Bundles that were admitted, their repositories and states, and refusals. */
import type { ErrorCode } from '@gapferry/bundle-format/errors';
import type { RepositoryState } from '@gapferry/bundle-format/receipt';
import type { Sha256 } from '@gapferry/bundle-format/sha256';
import { type Database, integer, type Row, text, textOrNull } from '@gapferry/station/state/database';
import type { Memory, Published } from '../trust/admission.ts';
import { digest, toBlob } from './digests.ts';

export interface BundleRecord {
  readonly id: number;
  readonly manifest: Sha256;
  readonly exporter: string;
  readonly sequence: number;
  readonly created: string;
  readonly expires: string;
}

export interface OfferRecord {
  readonly bundle: number;
  readonly repository: string;
  readonly snapshot: number;
  readonly inventory: Sha256;
  readonly state: RepositoryState;
  readonly code: ErrorCode | null;
  readonly says: string | null;
  readonly exporter: string;
  readonly sequence: number;
  readonly manifest: Sha256;
  readonly created: string;
}

export interface Reason {
  readonly code: ErrorCode;
  readonly says: string;
}

/** States of an offer that may still be published. */
export const OPEN_STATES: readonly RepositoryState[] = [
  'admitted',
  'receiving',
  'received',
  'on hold',
  'publishing',
  'waiting',
  'failed',
];
const OPEN_SQL = OPEN_STATES.map((state) => `'${state}'`).join(', ');

export interface NewBundle {
  readonly manifest: Sha256;
  readonly exporter: string;
  readonly sequence: number;
  readonly created: string;
  readonly expires: string;
  readonly previous: { readonly sequence: number; readonly sha256: Sha256 } | null;
  readonly now: string;
  readonly offers: readonly {
    readonly repository: string;
    readonly snapshot: number;
    readonly inventory: Sha256;
    readonly state: RepositoryState;
    readonly reason: Reason | null;
  }[];
}

export class Bundles {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Records an admitted bundle. One that is known already is left as it is. */
  admit(bundle: NewBundle): BundleRecord {
    return this.#db.transaction(() => {
      const known = this.find(bundle.manifest);
      const id = known?.id ?? this.#insert(bundle);
      for (const offer of bundle.offers) this.#insertOffer(id, offer, bundle.now);
      return {
        id,
        manifest: bundle.manifest,
        exporter: bundle.exporter,
        sequence: bundle.sequence,
        created: bundle.created,
        expires: bundle.expires,
      };
    });
  }

  #insert({ manifest, exporter, sequence, created, expires, previous, now }: NewBundle): number {
    const { lastId } = this.#db.run(
      'INSERT INTO bundle (manifest, exporter, sequence, created, expires, admitted) VALUES (?, ?, ?, ?, ?, ?)',
      [toBlob(manifest), exporter, sequence, created, expires, now],
    );
    this.#number(exporter, sequence, manifest);
    if (previous !== null) this.#number(exporter, previous.sequence, previous.sha256);
    return lastId;
  }

  #number(exporter: string, sequence: number, manifest: Sha256): void {
    this.#db.run('INSERT OR IGNORE INTO numbered VALUES (?, ?, ?)', [exporter, sequence, toBlob(manifest)]);
  }

  /** A repository that was refused or left out before, because of a setting that has changed since, comes in anew. */
  #insertOffer(
    bundle: number,
    { repository, snapshot, inventory, state, reason }: NewBundle['offers'][number],
    now: string,
  ): void {
    this.#db.run(
      `INSERT INTO offer VALUES (?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (bundle, repository) DO UPDATE SET state = excluded.state, code = excluded.code, says = excluded.says, changed = excluded.changed
       WHERE state = 'refused'`,
      [bundle, repository, snapshot, toBlob(inventory), state, reason?.code ?? null, reason?.says ?? null, now],
    );
  }

  find(manifest: Sha256): BundleRecord | undefined {
    const row = this.#db.get('SELECT * FROM bundle WHERE manifest = ?', [toBlob(manifest)]);
    return row === undefined ? undefined : toBundle(row);
  }

  /** The newest first. */
  ofExporter(exporter: string, most: number): BundleRecord[] {
    return this.#db
      .all('SELECT * FROM bundle WHERE exporter = ? ORDER BY sequence DESC LIMIT ?', [exporter, most])
      .map(toBundle);
  }

  exporters(): string[] {
    return this.#db.all('SELECT DISTINCT exporter FROM bundle ORDER BY exporter').map((row) => text(row, 'exporter'));
  }

  offersOf(bundle: number): OfferRecord[] {
    return this.#offers('offer.bundle = ?', [bundle]);
  }

  /** Offers of a repository that may still be published, newest bundle last admitted first. The caller orders them by snapshot within a line of exporters. */
  openOffers(repository: string): OfferRecord[] {
    return this.#offers(`offer.repository = ? AND state IN (${OPEN_SQL})`, [repository]);
  }

  /** All offers of a repository, newest first. */
  offersFor(repository: string, most: number): OfferRecord[] {
    return this.#offers('offer.repository = ?', [repository]).slice(0, most);
  }

  #offers(where: string, parameters: (string | number)[]): OfferRecord[] {
    return this.#db
      .all(
        `SELECT offer.*, exporter, sequence, manifest, created FROM offer JOIN bundle ON bundle.id = offer.bundle
         WHERE ${where} ORDER BY bundle.id DESC, sequence DESC, repository`,
        parameters,
      )
      .map(toOffer);
  }

  setState(
    offer: Pick<OfferRecord, 'bundle' | 'repository'>,
    state: RepositoryState,
    now: string,
    reason: Reason | null = null,
  ): void {
    this.#db.run('UPDATE offer SET state = ?, code = ?, says = ?, changed = ? WHERE bundle = ? AND repository = ?', [
      state,
      reason?.code ?? null,
      reason?.says ?? null,
      now,
      offer.bundle,
      offer.repository,
    ]);
  }

  /** Whether a bundle may still bring something: one of its repositories is open. */
  isOpen(bundle: number): boolean {
    return (
      this.#db.get(`SELECT 1 AS one FROM offer WHERE bundle = ? AND state IN (${OPEN_SQL}) LIMIT 1`, [bundle]) !==
      undefined
    );
  }

  /** True when this copy was not refused for this reason before: then it is new and belongs into the audit log. */
  refuse(refusal: {
    manifest: Sha256;
    medium: string;
    reason: Reason;
    exporter: string | null;
    sequence: number | null;
    now: string;
  }): boolean {
    const { manifest, medium, reason, exporter, sequence, now } = refusal;
    const { changes } = this.#db.run('INSERT OR IGNORE INTO refusal VALUES (?, ?, ?, ?, ?, ?, ?)', [
      toBlob(manifest),
      medium,
      reason.code,
      reason.says,
      exporter,
      sequence,
      now,
    ]);
    return changes > 0;
  }

  /** Was this manifest refused for one of these reasons, on whatever medium? */
  refusedFor(manifest: Sha256, codes: readonly ErrorCode[]): Reason | undefined {
    const row = this.#db.get(
      `SELECT code, says FROM refusal WHERE manifest = ? AND code IN (${codes.map(() => '?').join(', ')}) LIMIT 1`,
      [toBlob(manifest), ...codes],
    );
    return row === undefined ? undefined : { code: text(row, 'code') as ErrorCode, says: text(row, 'says') };
  }

  /** Does this journal tell of the manifest: admitted, or refused although a key that is known here had signed it? */
  isEvidence(manifest: Sha256): boolean {
    const digest = toBlob(manifest);
    return (
      this.#db.get(
        'SELECT 1 AS one FROM bundle WHERE manifest = ? UNION SELECT 1 FROM refusal WHERE manifest = ? AND exporter IS NOT NULL',
        [digest, digest],
      ) !== undefined
    );
  }

  /** Refused bundles of an exporter that a trusted key had signed, newest first: the exporter hears of them. */
  refusals(exporter: string, most: number): { sequence: number; manifest: Sha256; code: ErrorCode }[] {
    return this.#db
      .all(
        `SELECT sequence, manifest, MAX(code) AS code, MAX(at) FROM refusal
         WHERE exporter = ? AND sequence IS NOT NULL AND NOT EXISTS (SELECT 1 FROM bundle WHERE bundle.manifest = refusal.manifest)
         GROUP BY sequence, manifest ORDER BY sequence DESC, manifest LIMIT ?`,
        [exporter, most],
      )
      .map((row) => ({
        sequence: integer(row, 'sequence'),
        manifest: digest(row, 'manifest'),
        code: text(row, 'code') as ErrorCode,
      }));
  }

  published(repository: string): (Published & { at: string; created: string }) | undefined {
    const row = this.#db.get('SELECT * FROM published WHERE repository = ?', [repository]);
    if (row === undefined) return undefined;
    return {
      exporter: text(row, 'exporter'),
      snapshot: integer(row, 'snapshot'),
      inventory: digest(row, 'inventory'),
      at: text(row, 'at'),
      created: text(row, 'created'),
    };
  }

  /** What the admission policy asks of the past. */
  memory(): Memory {
    const db = this.#db;
    const number = (sql: string, parameters: (string | number)[]): number =>
      integer(db.get(sql, parameters) ?? { n: 0 }, 'n');
    return {
      bundle: (exporter, sequence) =>
        digestOrNone(
          db.get('SELECT manifest AS d FROM numbered WHERE exporter = ? AND sequence = ?', [exporter, sequence]),
        ),
      highestSequence: (exporter) =>
        number('SELECT COALESCE(MAX(sequence), 0) AS n FROM bundle WHERE exporter = ?', [exporter]),
      snapshot: (exporter, repository, snapshot) =>
        digestOrNone(
          db.get(
            'SELECT inventory AS d FROM offer JOIN bundle ON bundle.id = offer.bundle WHERE exporter = ? AND repository = ? AND snapshot = ? LIMIT 1',
            [exporter, repository, snapshot],
          ),
        ),
      highestSnapshot: (exporter, repository) =>
        number(
          'SELECT COALESCE(MAX(snapshot), 0) AS n FROM offer JOIN bundle ON bundle.id = offer.bundle WHERE exporter = ? AND repository = ?',
          [exporter, repository],
        ),
      published: (repository) => this.published(repository),
      hasForked: (exporter) =>
        db.get("SELECT 1 AS one FROM refusal WHERE exporter = ? AND code = 'FORK_DETECTED' LIMIT 1", [exporter]) !==
        undefined,
      newestCreated: textOrNull(db.get('SELECT MAX(created) AS t FROM bundle') ?? { t: null }, 't') ?? undefined,
      wasAdmitted: (manifest) => this.find(manifest) !== undefined,
    };
  }
}

const digestOrNone = (row: Row | undefined): Sha256 | undefined => (row === undefined ? undefined : digest(row, 'd'));

const toBundle = (row: Row): BundleRecord => ({
  id: integer(row, 'id'),
  manifest: digest(row, 'manifest'),
  exporter: text(row, 'exporter'),
  sequence: integer(row, 'sequence'),
  created: text(row, 'created'),
  expires: text(row, 'expires'),
});

const toOffer = (row: Row): OfferRecord => ({
  bundle: integer(row, 'bundle'),
  repository: text(row, 'repository'),
  snapshot: integer(row, 'snapshot'),
  inventory: digest(row, 'inventory'),
  // Both columns are written by this module alone.
  state: text(row, 'state') as RepositoryState,
  code: textOrNull(row, 'code') as ErrorCode | null,
  says: textOrNull(row, 'says'),
  exporter: text(row, 'exporter'),
  sequence: integer(row, 'sequence'),
  manifest: digest(row, 'manifest'),
  created: text(row, 'created'),
});
