/** A store as an earlier release had it, with its content. */
import Database from 'better-sqlite3';
import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { MIGRATIONS } from '../../../../daemon/vault/migrations.ts';

const namesIn = (db: Database.Database, query: string): string[] => db.prepare<[], string>(query).pluck().all();

/** Makes the file anew from the first migrations alone and moves over what they have room for. Nobody may have it open. */
export function asSchema(dataDirectory: string, version: number): void {
  const file = join(dataDirectory, 'store', 'm.db');
  const made = `${file}-old`;
  const db = new Database(made);
  for (const statements of MIGRATIONS.slice(0, version)) db.exec(statements);
  db.pragma(`user_version = ${version}`);
  db.pragma('foreign_keys = OFF');
  db.prepare('ATTACH ? AS now').run(file);
  for (const table of namesIn(db, "SELECT name FROM main.sqlite_schema WHERE type = 'table'")) {
    const columns = namesIn(db, `SELECT name FROM pragma_table_info('${table}', 'main')`).join(', ');
    db.exec(`INSERT INTO main.${table}(${columns}) SELECT ${columns} FROM now.${table}`);
  }
  db.close();
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${file}${suffix}`, { force: true });
  renameSync(made, file);
}
