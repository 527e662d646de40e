import { copyFileSync, readFileSync, symlinkSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openDatabase } from '../../../daemon/vault/database.ts';
import { temporaryDirectory } from '../../support/direct-vault.ts';

let directory: ReturnType<typeof temporaryDirectory>;

beforeEach(() => {
  directory = temporaryDirectory();
});

afterEach(() => {
  directory.remove();
});

/** What makes a commit durable and a deletion final, as SQLite says it; the first three are forgotten with each connection. */
const SETTINGS = {
  synchronous: 2,
  fullfsync: 1,
  checkpoint_fullfsync: 1,
  journal_mode: 'wal',
  secure_delete: 1,
  temp_store: 2,
  trusted_schema: 0,
  foreign_keys: 1,
};

test('a new database and one that is opened again write through to the disk, on a Mac too', () => {
  const file = join(directory.path, 'store', 'm.db');
  for (const how of ['create', 'open'] as const) {
    const db = openDatabase(file, how);
    const found = Object.keys(SETTINGS).map((name) => [name, db.pragma(name, { simple: true })]);
    expect(Object.fromEntries(found)).toEqual(SETTINGS);
    db.exec('CREATE TABLE IF NOT EXISTS t(x)');
    db.close();
  }
});

test('the database, its log and their directory are closed to others', () => {
  const file = join(directory.path, 'store', 'm.db');
  const db = openDatabase(file);
  db.exec('CREATE TABLE t(x); INSERT INTO t VALUES (1)');
  expect(statSync(join(directory.path, 'store')).mode & 0o777).toBe(0o700);
  for (const name of [file, `${file}-wal`]) expect(statSync(name).mode & 0o777).toBe(0o600);
  db.close();
});

test('a write-ahead log whose database is gone or empty is neither removed nor built upon', () => {
  const file = join(directory.path, 'store', 'm.db');
  const db = openDatabase(file);
  db.exec('CREATE TABLE t(x); INSERT INTO t VALUES (1)');
  const log = readFileSync(`${file}-wal`);
  copyFileSync(file, `${file}.copy`);
  db.close();
  const broken = [() => rmSync(file), () => writeFileSync(file, '', { mode: 0o600 })];
  for (const breakIt of broken) {
    writeFileSync(`${file}-wal`, log, { mode: 0o600 });
    breakIt();
    expect(() => openDatabase(file)).toThrow(expect.objectContaining({ kind: 'TAMPERED' }));
    expect(readFileSync(`${file}-wal`).equals(log)).toBe(true);
  }
  copyFileSync(`${file}.copy`, file);
  const whole = openDatabase(file, 'open');
  expect(whole.prepare('SELECT x FROM t').pluck().all()).toEqual([1]);
  whole.close();
});

test('something else in the place of its directory is named, and left alone', () => {
  const store = join(directory.path, 'store');
  for (const put of [() => writeFileSync(store, 'mine'), () => symlinkSync('/tmp', store)]) {
    put();
    expect(() => openDatabase(join(store, 'm.db'))).toThrow(
      expect.objectContaining({ kind: 'UNSAFE_DIRECTORY', message: `${store} is not a directory` }),
    );
    rmSync(store);
  }
});
