/** The importer's record of what it is doing and has done. All SQL of the agent lives in this folder. */
import { randomBytes } from 'node:crypto';
import type { ErrorCode } from '@gapferry/bundle-format/errors';
import type { Sha256 } from '@gapferry/bundle-format/sha256';
import type { AuditEntry } from '@gapferry/station/record/audit';
import {
  type Database,
  integer,
  integerOrNull,
  openDatabase,
  text,
  textOrNull,
} from '@gapferry/station/state/database';
import { Bundles, type OfferRecord } from './bundles.ts';
import { fromBlob, toBlob } from './digests.ts';
import { Holdings } from './holdings.ts';
import { Inventories, type Target } from './inventories.ts';
import { Receipts } from './receipts.ts';
import { MIGRATIONS } from './schema.ts';

export interface HistoryEntry {
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly event: 'published' | 'refused' | 'damaged' | 'adopted';
  readonly repository: string | null;
  readonly exporter: string | null;
  readonly sequence: number | null;
  readonly snapshot: number | null;
  readonly manifest: Sha256 | null;
  readonly code: ErrorCode | null;
  readonly says: string | null;
  readonly bytes: number | null;
  readonly files: number | null;
}

export class Journal {
  readonly bundles: Bundles;
  readonly inventories: Inventories;
  readonly holdings: Holdings;
  readonly receipts: Receipts;
  readonly path: string;
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
    this.path = db.path;
    this.bundles = new Bundles(db);
    this.inventories = new Inventories(db);
    this.holdings = new Holdings(db);
    this.receipts = new Receipts(db);
  }

  close(): void {
    this.#db.close();
  }

  /**
   * The one transaction that makes a snapshot published: what a worker placed, the high-water mark, the history, and a receipt owed.
   * @param findings the worker's spool @returns staged objects that nobody needs any more
   */
  commitPublished(
    offer: OfferRecord,
    findings: string,
    facts: { readonly inventory: number; readonly now: string; readonly bytes: number; readonly files: number },
  ): void {
    this.holdings.merge(offer.repository, findings, () => {
      this.holdings.name(offer.repository, facts.inventory);
      this.holdings.unstageHeld(offer.repository);
      this.#db.run('INSERT OR REPLACE INTO published VALUES (?, ?, ?, ?, ?, ?)', [
        offer.repository,
        offer.exporter,
        offer.snapshot,
        toBlob(offer.inventory),
        offer.created,
        facts.now,
      ]);
      this.bundles.setState(offer, 'published', facts.now);
      this.addHistory({
        ...facts,
        at: facts.now,
        event: 'published',
        repository: offer.repository,
        exporter: offer.exporter,
        sequence: offer.sequence,
        snapshot: offer.snapshot,
        manifest: offer.manifest,
        code: null,
        says: null,
      });
      this.oweAudit({
        event: 'repository.published',
        repository: offer.repository,
        exporter: offer.exporter,
        sequence: offer.sequence,
        snapshot: offer.snapshot,
        manifest: offer.manifest,
        inventory: offer.inventory,
      });
      this.receipts.owe([offer.exporter]);
    });
  }

  addHistory(entry: HistoryEntry): void {
    this.#db.run(
      'INSERT INTO history (at, event, repository, exporter, sequence, snapshot, manifest, code, says, bytes, files) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
      [
        entry.at,
        entry.event,
        entry.repository,
        entry.exporter,
        entry.sequence,
        entry.snapshot,
        entry.manifest === null ? null : toBlob(entry.manifest),
        entry.code,
        entry.says,
        entry.bytes,
        entry.files,
      ],
    );
  }

  /** The newest first. */
  history(most: number): HistoryEntry[] {
    return this.#db.all('SELECT * FROM history ORDER BY id DESC LIMIT ?', [most]).map((row) => ({
      at: text(row, 'at'),
      event: text(row, 'event') as HistoryEntry['event'], // written by `addHistory` alone
      repository: textOrNull(row, 'repository'),
      exporter: textOrNull(row, 'exporter'),
      sequence: integerOrNull(row, 'sequence'),
      snapshot: integerOrNull(row, 'snapshot'),
      manifest: row['manifest'] instanceof Uint8Array ? fromBlob(row['manifest']) : null,
      code: textOrNull(row, 'code') as ErrorCode | null,
      says: textOrNull(row, 'says'),
      bytes: integerOrNull(row, 'bytes'),
      files: integerOrNull(row, 'files'),
    }));
  }

  /** Within the transaction that it tells of. `payAudit` copies it to the audit log. */
  oweAudit(entry: AuditEntry): void {
    this.#db.run('INSERT INTO audit_owed (entry) VALUES (?)', [JSON.stringify(entry)]);
  }

  owedAudit(): { id: number; entry: AuditEntry }[] {
    return this.#db.all('SELECT id, entry FROM audit_owed ORDER BY id').map((row) => ({
      id: integer(row, 'id'),
      entry: JSON.parse(text(row, 'entry')) as AuditEntry, // written by `oweAudit` alone
    }));
  }

  paidAudit(id: number): void {
    this.#db.run('DELETE FROM audit_owed WHERE id = ?', [id]);
  }

  transaction<T>(fn: () => T): T {
    return this.#db.transaction(fn);
  }

  targetOf(offer: OfferRecord): Target | undefined {
    const inventory = this.inventories.find(offer.repository, offer.inventory);
    return inventory === undefined ? undefined : { repository: offer.repository, inventory };
  }
}

/** Opens the journal, or makes it with a new epoch. @throws Unfit STATE_VERSION, LOCAL_FULL, LOCAL_IO */
export function openJournal(path: string): Journal {
  const db = openForWriting(path);
  db.run('INSERT OR IGNORE INTO journal VALUES (1, ?, 0)', [randomBytes(16).toString('hex')]);
  return new Journal(db);
}

/** Another connection of this process that writes. @throws Unfit STATE_VERSION, LOCAL_FULL, LOCAL_IO */
export function openForWriting(path: string): Database {
  const db = openDatabase(path, MIGRATIONS);
  // Large temporary tables belong on the disk, not into the memory of a small machine. Digests come in no order: a cache that holds their index, and
  // fewer checkpoints, spare most of the writing (each commit is flushed all the same).
  db.exec('PRAGMA temp_store = FILE; PRAGMA cache_size = -12000; PRAGMA wal_autocheckpoint = 8000');
  return db;
}

/** For commands that only look, also while a daemon writes. */
export const readJournal = (path: string): Journal => new Journal(openDatabase(path, MIGRATIONS, { readOnly: true }));
