/** What SQLite says, in our codes. */
import { Unfit } from '@gapferry/bundle-format/errors';

/** The primary result code of an error out of `node:sqlite`. */
export const sqliteErrcode = (error: unknown): number | undefined =>
  typeof error === 'object' && error !== null && 'errcode' in error && typeof error.errcode === 'number'
    ? error.errcode & 0xff // without the extended part
    : undefined;

/** Primary result codes, sqlite.org/rescode.html */
const SQLITE = { BUSY: 5, LOCKED: 6, READONLY: 8, IOERR: 10, CORRUPT: 11, FULL: 13, CANTOPEN: 14, NOTADB: 26 };

/** A SQLite error as one of ours; anything else passes unchanged. */
export const toOurs = (error: unknown, path: string): unknown => {
  const more = { facts: { path }, cause: error };
  switch (sqliteErrcode(error)) {
    case SQLITE.FULL:
      return new Unfit('LOCAL_FULL', `the disk is full: ${path} could not be written`, more);
    case SQLITE.BUSY:
    case SQLITE.LOCKED:
      return new Unfit('LOCKED', `${path} is in use by another process`, more);
    case SQLITE.READONLY:
    case SQLITE.CANTOPEN:
      return new Unfit('PERMISSION', `${path} cannot be opened for writing`, more);
    case SQLITE.IOERR:
      return new Unfit('LOCAL_IO', `${path} could not be read or written`, more);
    case SQLITE.CORRUPT:
    case SQLITE.NOTADB:
      return new Unfit('LOCAL_IO', `${path} is damaged`, { ...more, hint: 'restore the state from its backup' });
    default:
      return error;
  }
};
