/** A thread's own look at the files table: read-only, row by row, in the order of the walk. */

import { openDatabase } from '@gapferry/station/state/database';
import { ledgerPath, MIGRATIONS } from '../ledger/schema.ts';
import type { KnownRow } from './compare.ts';
import type { PathRange } from './walk.ts';

export interface KnownRows {
  inRange(range: PathRange): Iterator<KnownRow>;
}

const SQL = `SELECT path, stamp FROM files WHERE repository = ?`;

export const openKnownRows = (state: string, repository: number): KnownRows => {
  const db = openDatabase(ledgerPath(state), MIGRATIONS, { readOnly: true });
  return {
    inRange({ from, to }: PathRange): Iterator<KnownRow> {
      const where = `${from === null ? '' : ' AND path >= ?'}${to === null ? '' : ' AND path < ?'}`;
      const ends = [from, to].filter((end) => end !== null);
      // the ledger's own columns, whose types its schema fixes; checking each would cost more than reading it
      return db.each(`${SQL}${where} ORDER BY path`, [repository, ...ends]) as unknown as Iterator<KnownRow>;
    },
  };
};
