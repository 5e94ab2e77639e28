/** Receipts that were issued, and to whom one is owed. A number is given once, and never falls within an epoch. */
import { type Database, blob, integer, text } from '@gapferry/station/state/database';

export interface IssuedReceipt {
  readonly number: number;
  readonly exporter: string;
  /** The exact bytes that are signed. */
  readonly document: Uint8Array;
}

export class Receipts {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  epoch(): string {
    return text(this.#db.get('SELECT epoch FROM journal') ?? {}, 'epoch');
  }

  owe(exporters: readonly string[]): void {
    this.#db.transaction(() => {
      for (const exporter of exporters) this.#db.run('INSERT OR IGNORE INTO owed VALUES (?)', [exporter]);
    });
  }

  owed(): string[] {
    return this.#db.all('SELECT exporter FROM owed ORDER BY exporter').map((row) => text(row, 'exporter'));
  }

  /** One transaction: the next number, the document that `make` fixes for it, and nothing owed any more. */
  issue(exporter: string, now: string, make: (number: number) => Uint8Array): IssuedReceipt {
    return this.#db.transaction(() => {
      this.#db.run('UPDATE journal SET receipts = receipts + 1');
      const number = integer(this.#db.get('SELECT receipts FROM journal') ?? {}, 'receipts');
      const document = make(number);
      this.#db.run('INSERT INTO receipt VALUES (?, ?, ?, ?, NULL)', [number, exporter, document, now]);
      this.#db.run('DELETE FROM owed WHERE exporter = ?', [exporter]);
      return { number, exporter, document };
    });
  }

  /** The newest receipt for each exporter. */
  newest(): (IssuedReceipt & { delivered: string | null })[] {
    return this.#db
      .all(
        'SELECT r.* FROM receipt r WHERE r.number = (SELECT MAX(number) FROM receipt s WHERE s.exporter = r.exporter) ORDER BY r.number',
      )
      .map((row) => ({
        number: integer(row, 'number'),
        exporter: text(row, 'exporter'),
        document: blob(row, 'document'),
        delivered: row['delivered'] === null ? null : text(row, 'delivered'),
      }));
  }

  delivered(number: number, now: string): void {
    this.#db.run('UPDATE receipt SET delivered = ? WHERE number = ? AND delivered IS NULL', [now, number]);
  }
}
