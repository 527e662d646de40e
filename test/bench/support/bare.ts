/** The baseline of every write: SQLite with the same durability, one insert, nothing else. */
import Database from 'better-sqlite3';

/** Inserts a text; it is on the disk when the call returns. */
export type BareInsert = (text: string) => void;

/** Opens a new database file. The caller closes it. */
export function openBare(file: string): { insert: BareInsert; close: () => void } {
  const db = new Database(file);
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  db.exec('CREATE TABLE row(id INTEGER PRIMARY KEY, body TEXT NOT NULL)');
  const statement = db.prepare<[string]>('INSERT INTO row(body) VALUES (?)');
  return {
    insert: (text) => {
      statement.run(text);
    },
    close: () => {
      db.close();
    },
  };
}
