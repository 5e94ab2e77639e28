import { expect, test } from '@jest/globals';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  blob,
  boolean,
  type Database,
  integer,
  integerOrNull,
  openDatabase,
  text,
  textOrNull,
} from '../../src/state/database.ts';
import { temporaryFolder, thrownBy } from '../temporary.ts';

const FIRST = 'CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, note TEXT, data BLOB) STRICT';
const SECOND = 'ALTER TABLE item ADD COLUMN size INTEGER NOT NULL DEFAULT 0';

const fresh = (): Database => openDatabase(join(temporaryFolder(), 'state.sqlite'), [FIRST, SECOND]);
const add = (db: Database, name: string): void => void db.run('INSERT INTO item (name) VALUES (?)', [name]);
const names = (db: Database): string[] => db.all('SELECT name FROM item ORDER BY id').map((row) => text(row, 'name'));

test('takes parameters by place and by name', () => {
  const db = fresh();
  expect(db.run('INSERT INTO item (name, size) VALUES (?, ?)', ['a', 7])).toEqual({ changes: 1, lastId: 1 });
  db.run('INSERT INTO item (name, data) VALUES (:name, :data)', { name: 'b', data: new Uint8Array([1, 2]) });
  const row = db.get('SELECT * FROM item WHERE name = :name', { name: 'b' }) ?? {};
  expect([text(row, 'name'), integer(row, 'size'), [...blob(row, 'data')], textOrNull(row, 'note')]).toEqual([
    'b',
    0,
    [1, 2],
    null,
  ]);
  expect(db.get('SELECT 1 FROM item WHERE name = ?', ['c'])).toBeUndefined();
});

test('a column of another kind is a fault of the program, never a wrong value', () => {
  const row = { n: 'x', t: 1, b: 'x', nothing: null };
  for (const read of [
    () => integer(row, 'n'),
    () => text(row, 't'),
    () => blob(row, 'b'),
    () => text(row, 'nothing'),
    () => integer(row, 'missing'),
    () => integerOrNull(row, 'missing'),
  ]) {
    expect(thrownBy(read)).toMatchObject({ code: 'INTERNAL' });
  }
  expect([boolean({ yes: 1 }, 'yes'), boolean({ no: 0 }, 'no'), integerOrNull(row, 'nothing')]).toEqual([
    true,
    false,
    null,
  ]);
});

test('a transaction is all or nothing', () => {
  const db = fresh();
  db.transaction(() => add(db, 'kept'));
  expect(() =>
    db.transaction(() => {
      add(db, 'lost');
      throw new Error('power');
    }),
  ).toThrow('power');
  expect(names(db)).toEqual(['kept']);
});

test('a transaction within another is a part of it', () => {
  const db = fresh();
  expect(() =>
    db.transaction(() => {
      db.transaction(() => add(db, 'inner'));
      throw new Error('outer');
    }),
  ).toThrow('outer');
  expect(names(db)).toEqual([]);
  db.transaction(() => add(db, 'later'));
  expect(names(db)).toEqual(['later']);
});

test('a transaction that would have to wait is refused', () => {
  const db = fresh();
  expect(() =>
    db.transaction(async () => {
      add(db, 'x');
      await Promise.resolve();
    }),
  ).toThrow(TypeError);
  expect(names(db)).toEqual([]);
});

test('two loops over the same rows do not disturb each other', () => {
  const db = fresh();
  for (const name of ['a', 'b', 'c']) add(db, name);
  const sql = 'SELECT name FROM item ORDER BY id';
  const seen = [...db.each(sql)].flatMap((outer) =>
    [...db.each(sql)].map((inner) => `${text(outer, 'name')}${text(inner, 'name')}`),
  );
  expect(seen).toHaveLength(9);
  for (const row of db.each(sql)) {
    expect(text(row, 'name')).toBe('a');
    break; // must let go of the statement
  }
  db.exec('DROP TABLE item');
});

test('keeps what was written, with the safe settings', () => {
  const path = join(temporaryFolder(), 'deep/state.sqlite');
  const first = openDatabase(path, [FIRST]);
  add(first, 'kept');
  first.close();
  const db = openDatabase(path, [FIRST, SECOND]);
  expect(names(db)).toEqual(['kept']);
  expect(integer(db.get('PRAGMA user_version') ?? {}, 'user_version')).toBe(2);
  expect(text(db.get('PRAGMA journal_mode') ?? {}, 'journal_mode')).toBe('wal');
  expect(integer(db.get('PRAGMA synchronous') ?? {}, 'synchronous')).toBe(2);
  expect(integer(db.get('PRAGMA foreign_keys') ?? {}, 'foreign_keys')).toBe(1);
  if (process.platform !== 'win32') expect(statSync(path).mode & 0o777).toBe(0o600);
});

test('a migration that fails changes nothing', () => {
  const path = join(temporaryFolder(), 'state.sqlite');
  openDatabase(path, [FIRST]).close();
  expect(() => openDatabase(path, [FIRST, `${SECOND}; nonsense`])).toThrow();
  const db = openDatabase(path, [FIRST, SECOND]);
  expect(integer(db.get("SELECT count(*) AS n FROM pragma_table_info('item') WHERE name = 'size'") ?? {}, 'n')).toBe(1);
});

test('a state of a newer program is refused and left untouched', () => {
  const path = join(temporaryFolder(), 'state.sqlite');
  openDatabase(path, [FIRST, SECOND]).close();
  const before = readFileSync(path);
  expect(thrownBy(() => openDatabase(path, [FIRST]))).toMatchObject({ code: 'STATE_VERSION', kind: 'unfit' });
  expect(readFileSync(path).equals(before)).toBe(true);
});

test('a file that is no database is told', () => {
  const path = join(temporaryFolder(), 'state.sqlite');
  writeFileSync(
    path,
    'this is not a database, and it is longer than a header of one hundred bytes would be, so that SQLite looks at it',
  );
  expect(thrownBy(() => openDatabase(path, [FIRST]))).toMatchObject({ code: 'LOCAL_IO', facts: { path } });
});

test('read-only changes nothing', () => {
  const path = join(temporaryFolder(), 'state.sqlite');
  openDatabase(path, [FIRST]).close();
  const db = openDatabase(path, [FIRST], { readOnly: true });
  expect(thrownBy(() => add(db, 'x'))).toMatchObject({ code: 'PERMISSION' });
});

test('another writer that does not end is LOCKED', () => {
  const path = join(temporaryFolder(), 'state.sqlite');
  const a = openDatabase(path, [FIRST]);
  const b = openDatabase(path, [FIRST], { busyMs: 20 });
  a.transaction(() => {
    add(a, 'x');
    expect(thrownBy(() => add(b, 'y'))).toMatchObject({ code: 'LOCKED' });
  });
});

test('writes a copy', () => {
  const db = fresh();
  add(db, 'x');
  const copy = join(temporaryFolder(), 'copy.sqlite');
  db.copyTo(copy);
  expect(names(openDatabase(copy, [FIRST, SECOND]))).toEqual(['x']);
});
