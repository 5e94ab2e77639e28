/**
 * SQLite as this project uses it: write-ahead log with `synchronous=FULL` (no violation in 120 power cuts; NORMAL loses), foreign keys, and a
 * schema that only moves forward. The only module that knows `node:sqlite`, whose class names are about to change.
 */
import { chmodSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type SQLInputValue, type SQLOutputValue, type StatementSync } from 'node:sqlite';
import { GapferryError, Unfit } from '@gapferry/bundle-format/errors';
import { makeFolder } from '../files/durable.ts';
import { toOurs } from './sqlite-errors.ts';

export type Value = null | number | bigint | string | Uint8Array;
export type Row = Readonly<Record<string, Value>>;
export type Parameters = readonly Value[] | Readonly<Record<string, Value>>;

export interface Database {
  readonly path: string;
  /** One statement that changes something. Named parameters without their prefix, or a list for `?`. Booleans are 0 and 1. */
  run(sql: string, parameters?: Parameters): { readonly changes: number; readonly lastId: number };
  /** The first row, or undefined. */
  get(sql: string, parameters?: Parameters): Row | undefined;
  all(sql: string, parameters?: Parameters): Row[];
  /** Rows one by one, for tables that do not fit into memory. End the loop before the transaction ends. */
  each(sql: string, parameters?: Parameters): IterableIterator<Row>;
  /** Several statements without parameters. */
  exec(sql: string): void;
  /** All or nothing. Within another transaction it becomes a part of that one. `fn` must not be asynchronous. */
  transaction<T>(fn: () => T): T;
  /** Writes a consistent copy to a new file. */
  copyTo(path: string): void;
  close(): void;
}

export interface DatabaseOptions {
  readonly readOnly?: boolean;
  /** For spools that are made anew after a crash: no waiting for the disk. Default 'full'. */
  readonly durability?: 'full' | 'none';
  /** How long to wait for another connection, default 5000. */
  readonly busyMs?: number;
}

class SqliteDatabase implements Database {
  readonly path: string;
  readonly #db: DatabaseSync;
  readonly #prepared = new Map<string, StatementSync>();
  #depth = 0;

  constructor(path: string, db: DatabaseSync) {
    this.path = path;
    this.#db = db;
  }

  #guard<T>(fn: () => T): T {
    try {
      return fn();
    } catch (error) {
      throw toOurs(error, this.path);
    }
  }

  #statement(sql: string): StatementSync {
    const known = this.#prepared.get(sql);
    if (known !== undefined) return known;
    const made = this.#db.prepare(sql);
    this.#prepared.set(sql, made);
    return made;
  }

  run(sql: string, parameters: Parameters = []): { changes: number; lastId: number } {
    return this.#guard(() => {
      const done = apply(parameters, (named, list) =>
        named === undefined ? this.#statement(sql).run(...list) : this.#statement(sql).run(named, ...list),
      );
      return { changes: Number(done.changes), lastId: Number(done.lastInsertRowid) };
    });
  }

  get(sql: string, parameters: Parameters = []): Row | undefined {
    return this.#guard(() =>
      apply(parameters, (named, list) =>
        named === undefined ? this.#statement(sql).get(...list) : this.#statement(sql).get(named, ...list),
      ),
    );
  }

  all(sql: string, parameters: Parameters = []): Row[] {
    return this.#guard(() =>
      apply(parameters, (named, list) =>
        named === undefined ? this.#statement(sql).all(...list) : this.#statement(sql).all(named, ...list),
      ),
    );
  }

  *each(sql: string, parameters: Parameters = []): IterableIterator<Row> {
    // Its own statement: two loops over one prepared statement would disturb each other.
    const rows = this.#guard(() => {
      const statement = this.#db.prepare(sql);
      return apply(parameters, (named, list): Iterator<Record<string, SQLOutputValue>> =>
        named === undefined ? statement.iterate(...list) : statement.iterate(named, ...list),
      );
    });
    try {
      for (;;) {
        const next = this.#guard(() => rows.next());
        if (next.done === true) return;
        yield next.value;
      }
    } finally {
      rows.return?.();
    }
  }

  exec(sql: string): void {
    this.#guard(() => this.#db.exec(sql));
  }

  transaction<T>(fn: () => T): T {
    if (this.#depth > 0) return fn();
    this.exec('BEGIN IMMEDIATE');
    this.#depth = 1;
    try {
      const result = fn();
      if (result instanceof Promise) throw new TypeError('a transaction must not wait for anything');
      this.exec('COMMIT');
      return result;
    } catch (error) {
      // SQLite itself rolls back after some errors (full disk); a second ROLLBACK would hide the first error.
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      throw error;
    } finally {
      this.#depth = 0;
    }
  }

  copyTo(path: string): void {
    this.run('VACUUM INTO ?', [path]);
    chmodSync(path, 0o600);
  }

  close(): void {
    this.#prepared.clear();
    if (this.#db.isOpen) this.#guard(() => this.#db.close());
  }
}

type Named = Record<string, SQLInputValue>;

const isList = (parameters: Parameters): parameters is readonly Value[] => Array.isArray(parameters);

const apply = <T>(parameters: Parameters, call: (named: Named | undefined, list: Value[]) => T): T =>
  isList(parameters) ? call(undefined, [...parameters]) : call({ ...parameters }, []);

/**
 * Opens (or makes, mode 0600) a database and brings its schema up to date: `migrations[n]` leads from version n to n + 1, each in one transaction.
 * @throws Unfit STATE_VERSION when the file was written by a newer program (it is left untouched), LOCAL_FULL, LOCAL_IO, PERMISSION
 */
export const openDatabase = (path: string, migrations: readonly string[], options: DatabaseOptions = {}): Database => {
  makeFolder(dirname(path));
  let db: DatabaseSync;
  try {
    db = new DatabaseSync(path, { readOnly: options.readOnly ?? false, timeout: options.busyMs ?? 5000 });
  } catch (error) {
    throw toOurs(error, path);
  }
  const database = new SqliteDatabase(path, db);
  try {
    migrate(database, migrations, options);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
};

const migrate = (database: Database, migrations: readonly string[], options: DatabaseOptions): void => {
  const version = integer(database.get('PRAGMA user_version') ?? {}, 'user_version');
  if (version > migrations.length) {
    throw new Unfit('STATE_VERSION', `${database.path} was written by a newer version (schema ${version})`, {
      facts: { path: database.path, found: version, known: migrations.length },
    });
  }
  if (options.readOnly === true) return;
  chmodSync(database.path, 0o600);
  database.exec(`PRAGMA synchronous = ${options.durability === 'none' ? 'OFF' : 'FULL'}`);
  database.exec('PRAGMA journal_mode = WAL');
  database.exec('PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY');
  for (let next = version; next < migrations.length; next++) {
    database.transaction(() => {
      database.exec(migrations[next] ?? '');
      database.exec(`PRAGMA user_version = ${next + 1}`);
    });
  }
};

const wrongColumn = (column: string, wanted: string): GapferryError =>
  new GapferryError('INTERNAL', `the column ${column} of the state does not hold ${wanted}`);

/** A column as a number. @throws GapferryError INTERNAL for anything else */
export const integer = (row: Row, column: string): number => {
  const value = row[column];
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  throw wrongColumn(column, 'a whole number');
};

export const text = (row: Row, column: string): string => {
  const value = row[column];
  if (typeof value === 'string') return value;
  throw wrongColumn(column, 'text');
};

export const blob = (row: Row, column: string): Uint8Array => {
  const value = row[column];
  if (value instanceof Uint8Array) return value;
  throw wrongColumn(column, 'bytes');
};

export const boolean = (row: Row, column: string): boolean => integer(row, column) !== 0;

export const integerOrNull = (row: Row, column: string): number | null =>
  row[column] === null ? null : integer(row, column);

export const textOrNull = (row: Row, column: string): string | null =>
  row[column] === null ? null : text(row, column);
