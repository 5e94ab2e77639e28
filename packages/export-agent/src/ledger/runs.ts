/** The ledger's view of runs: what was tried when, and when the schedule is due next. */

import { type Database, integer, integerOrNull, text, textOrNull } from '@gapferry/station/state/database';

export type Cause = 'command' | 'schedule' | 'missed' | 'medium';

export interface RunRecord {
  readonly id: number;
  readonly started: string;
  readonly ended: string | null;
  readonly cause: string;
  readonly outcome: string | null;
  readonly code: string | null;
  readonly says: string | null;
  readonly sequence: number | null;
}

export interface RunEnd {
  readonly outcome: 'exported' | 'nothing' | 'failed';
  readonly code?: string;
  readonly says?: string;
  readonly sequence?: number;
}

export class Runs {
  readonly #db: Database;
  constructor(db: Database) {
    this.#db = db;
  }

  begin(cause: Cause, now: string): number {
    return this.#db.run('INSERT INTO runs (started, cause) VALUES (?, ?)', [now, cause]).lastId;
  }

  end(id: number, how: RunEnd, now: string): void {
    this.#db.run('UPDATE runs SET ended = ?, outcome = ?, code = ?, says = ?, sequence = ? WHERE id = ?', [
      now,
      how.outcome,
      how.code ?? null,
      how.says ?? null,
      how.sequence ?? null,
      id,
    ]);
  }

  /** Newest first. */
  list(limit: number): RunRecord[] {
    return this.#db.all('SELECT * FROM runs ORDER BY id DESC LIMIT ?', [limit]).map((row) => ({
      id: integer(row, 'id'),
      started: text(row, 'started'),
      ended: textOrNull(row, 'ended'),
      cause: text(row, 'cause'),
      outcome: textOrNull(row, 'outcome'),
      code: textOrNull(row, 'code'),
      says: textOrNull(row, 'says'),
      sequence: integerOrNull(row, 'sequence'),
    }));
  }

  nextDue(): { expression: string; nextDue: string } | undefined {
    const row = this.#db.get('SELECT expression, next_due FROM schedule WHERE id = 1');
    return row === undefined ? undefined : { expression: text(row, 'expression'), nextDue: text(row, 'next_due') };
  }

  setNextDue(expression: string, nextDue: string): void {
    this.#db.run('INSERT OR REPLACE INTO schedule VALUES (1, ?, ?)', [expression, nextDue]);
  }
}
