/** Looks at the rows of a store, and changes them as somebody without the key could, while nobody has it open. */
import Database from 'better-sqlite3';
import { join } from 'node:path';
import type { VaultPort } from '../../../../daemon/services/ports.ts';
import { openedVault } from '../../../support/direct-vault.ts';

/** @returns the vault, open again. */
export async function changeRows(
  vault: VaultPort,
  dataDirectory: string,
  change: (db: Database.Database) => void,
): Promise<VaultPort> {
  await vault.close();
  withRows(dataDirectory, change);
  return openedVault(dataDirectory);
}

/** Uses the file of a store that nobody has open. */
export function withRows<T>(dataDirectory: string, use: (db: Database.Database) => T): T {
  const db = new Database(join(dataDirectory, 'store', 'm.db'));
  db.pragma('foreign_keys = OFF');
  try {
    return use(db);
  } finally {
    db.close();
  }
}

export type Row = Record<string, unknown>;

export function rowsOf(db: Database.Database, query: string): Row[] {
  return db.prepare<[], Row>(query).all();
}

/** Puts rows in, also in the place of those that are there. */
export function putBack(db: Database.Database, table: string, rows: readonly Row[]): void {
  for (const row of rows) {
    const names = Object.keys(row);
    const values = names.map((name) => row[name]);
    db.prepare(`INSERT OR REPLACE INTO ${table}(${names.join()}) VALUES (${names.map(() => '?').join()})`).run(values);
  }
}

/** Flips one bit in the middle of a blob. */
export function flip(db: Database.Database, table: string, column: string, where: string): void {
  const row = db
    .prepare<[], { id: number | string; body: Buffer }>(
      `SELECT rowid AS id, ${column} AS body FROM ${table} WHERE ${where}`,
    )
    .get();
  if (row === undefined) throw new Error(`no row in ${table}`);
  const middle = row.body.length >> 1;
  row.body[middle] = (row.body[middle] ?? 0) ^ 1;
  db.prepare(`UPDATE ${table} SET ${column} = ? WHERE rowid = ?`).run(row.body, row.id);
}
