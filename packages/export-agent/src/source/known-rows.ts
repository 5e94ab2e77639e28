/** A thread's own look at the files table: read-only, row by row, in the order of the walk. */

import { openDatabase } from '@gapferry/station';
import { MIGRATIONS } from '../ledger/schema.ts';
import { ledgerPath } from '../ledger/ledger.ts';
import type { KnownRow } from './compare.ts';
import type { PathRange } from './walk.ts';

export interface KnownRows {
  inRange(range: PathRange): Iterator<KnownRow>;
}

const SQL = `SELECT path, kind, role, size, mtime, ctime, ino, racy FROM files WHERE repository = ?`;

export const openKnownRows = (state: string, repository: number): KnownRows => {
  const db = openDatabase(ledgerPath(state), MIGRATIONS, { readOnly: true });
  return {
    *inRange({ from, to }: PathRange): Generator<KnownRow> {
      const where = `${from === null ? '' : ' AND path >= ?'}${to === null ? '' : ' AND path < ?'}`;
      const ends = [from, to].filter((end) => end !== null);
      for (const row of db.each(`${SQL}${where} ORDER BY path`, [repository, ...ends])) {
        // the ledger's own columns, whose types its schema fixes; checking each would cost more than reading it
        yield {
          path: row['path'] as string,
          kind: row['kind'] === 1 ? 'link' : 'file',
          phase: row['role'] as number,
          size: row['size'] as number,
          mtimeMs: row['mtime'] as number,
          ctimeMs: row['ctime'] as number,
          ino: row['ino'] as number,
          racy: row['racy'] === 1,
        };
      }
    },
  };
};
