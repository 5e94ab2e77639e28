/** The ledger's view of sites: enrolment, and what their newest receipts say. */

import { type Sha256, toSha256 } from '@gapferry/bundle-format/sha256';
import { type Database, integer, integerOrNull, type Row, text, textOrNull } from '@gapferry/station/state/database';
import type { SiteRecord } from './records.ts';

const toSite = (row: Row): SiteRecord => {
  const receipt = textOrNull(row, 'receipt');
  return {
    id: integer(row, 'id'),
    name: text(row, 'name'),
    key: textOrNull(row, 'key'),
    fingerprint: textOrNull(row, 'fingerprint'),
    enrolled: textOrNull(row, 'enrolled'),
    epoch: textOrNull(row, 'epoch'),
    number: integerOrNull(row, 'number'),
    receipt: receipt === null ? null : toSha256(receipt),
    received: textOrNull(row, 'received'),
    held: integer(row, 'held'),
    missing: integer(row, 'missing'),
  };
};

export interface SiteRepositoryRecord {
  readonly repository: string;
  readonly state: string;
  readonly snapshot: number | null;
  readonly offered: number | null;
}

export interface ReceiptMark {
  readonly epoch: string;
  readonly number: number;
  readonly sha256: Sha256;
  readonly received: string;
  readonly held: number;
  readonly missing: number;
  readonly repositories: readonly {
    readonly name: string;
    readonly state: string;
    readonly snapshot: number | null;
    readonly offered: number | null;
  }[];
}

export class Sites {
  readonly #db: Database;
  constructor(db: Database) {
    this.#db = db;
  }

  /** Finds or makes it. */
  ensure(name: string): SiteRecord {
    this.#db.run('INSERT OR IGNORE INTO sites (name) VALUES (?)', [name]);
    const site = this.find(name);
    if (site === undefined) throw new TypeError('a site vanished from the ledger');
    return site;
  }

  find(name: string): SiteRecord | undefined {
    const row = this.#db.get('SELECT * FROM sites WHERE name = ?', [name]);
    return row === undefined ? undefined : toSite(row);
  }

  list(): SiteRecord[] {
    return this.#db.all('SELECT * FROM sites ORDER BY name').map(toSite);
  }

  enrol(name: string, key: string, fingerprint: string, now: string): void {
    this.ensure(name);
    this.#db.run('UPDATE sites SET key = ?, fingerprint = ?, enrolled = ? WHERE name = ?', [
      key,
      fingerprint,
      now,
      name,
    ]);
  }

  /** An epoch that another one has followed never comes back: its receipts are old, whatever their numbers. */
  isRetired(site: number, epoch: string): boolean {
    return (
      this.#db.get('SELECT 1 AS yes FROM retired_epochs WHERE site = ? AND epoch = ?', [site, epoch]) !== undefined
    );
  }

  markReceipt(site: SiteRecord, mark: ReceiptMark): void {
    if (site.epoch !== null && site.epoch !== mark.epoch)
      this.#db.run('INSERT OR IGNORE INTO retired_epochs VALUES (?, ?)', [site.id, site.epoch]);
    this.#db.run(
      'UPDATE sites SET epoch = ?, number = ?, receipt = ?, received = ?, held = ?, missing = ? WHERE id = ?',
      [mark.epoch, mark.number, mark.sha256, mark.received, mark.held, mark.missing, site.id],
    );
    this.#db.run('DELETE FROM site_repositories WHERE site = ?', [site.id]);
    for (const { name, state, snapshot, offered } of mark.repositories)
      this.#db.run('INSERT INTO site_repositories VALUES (?, ?, ?, ?, ?)', [site.id, name, state, snapshot, offered]);
  }

  repositories(site: number): SiteRepositoryRecord[] {
    return this.#db.all('SELECT * FROM site_repositories WHERE site = ? ORDER BY repository', [site]).map((row) => ({
      repository: text(row, 'repository'),
      state: text(row, 'state'),
      snapshot: integerOrNull(row, 'snapshot'),
      offered: integerOrNull(row, 'offered'),
    }));
  }
}
