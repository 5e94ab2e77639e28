/**
 * One agent per state folder. The lock is a SQLite transaction that stays open: the operating system holds it for the process and drops it
 * when the process ends, also at kill -9 and at a power cut. A pid file alone could do neither.
 */
import { chmodSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Unfit } from '@gapferry/bundle-format/errors';
import { makeFolder, writeDurably } from '../files/durable.ts';
import { readBoundedIfThere } from '../files/safe-open.ts';
import { sqliteErrcode } from './sqlite-errors.ts';
import { formatTime } from '../format/durations.ts';

export interface Lock {
  /** Lets others in. Twice is no error. */
  release(): void;
}

interface Holder {
  readonly pid: number;
  readonly doing: string;
  readonly since: string;
}

/** Beside the lock, for the sentence only; nobody decides by it. */
const holderFile = (path: string): string => `${path}.holder`;

const readHolder = (path: string): Holder | undefined => {
  try {
    const bytes = readBoundedIfThere(holderFile(path), 4096, { where: 'machine' });
    const value: unknown = bytes === undefined ? undefined : JSON.parse(Buffer.from(bytes).toString('utf8'));
    if (typeof value !== 'object' || value === null) return undefined;
    if (!('pid' in value) || !('doing' in value) || !('since' in value)) return undefined;
    const { pid, doing, since } = value;
    return typeof pid === 'number' && typeof doing === 'string' && typeof since === 'string'
      ? { pid, doing, since }
      : undefined;
  } catch {
    return undefined;
  }
};

const locked = (path: string): Unfit => {
  const holder = readHolder(path);
  if (holder === undefined) return new Unfit('LOCKED', `another process holds ${path}`, { facts: { path } });
  const says = `process ${holder.pid} works with this state since ${holder.since}: ${holder.doing}`;
  return new Unfit('LOCKED', says, { facts: { path, ...holder } });
};

/** SQLITE_BUSY, SQLITE_LOCKED */
const isBusy = (error: unknown): boolean => [5, 6].includes(sqliteErrcode(error) ?? 0);

/**
 * Takes the lock `path` (`state/lock.sqlite`). `doing` is told to whoever comes second: `export`, `run`.
 * @throws Unfit LOCKED, names the holder's pid and what it does; PERMISSION
 */
export const takeLock = (path: string, doing: string): Lock => {
  makeFolder(dirname(path));
  const db = openLockFile(path);
  try {
    db.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  } catch (error) {
    db.close();
    throw isBusy(error) ? locked(path) : error;
  }
  const holder: Holder = { pid: process.pid, doing, since: formatTime(new Date()) };
  try {
    writeDurably(holderFile(path), `${JSON.stringify(holder)}\n`);
  } catch (error) {
    db.close();
    throw error;
  }
  return { release: () => db.isOpen && db.close() };
};

const openLockFile = (path: string): DatabaseSync => {
  try {
    const db = new DatabaseSync(path, { timeout: 0 });
    chmodSync(path, 0o600);
    return db;
  } catch (error) {
    throw new Unfit('PERMISSION', `the lock ${path} cannot be opened`, { facts: { path }, cause: error });
  }
};
