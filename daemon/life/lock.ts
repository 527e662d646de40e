/** The one lock that says whose data directory it is, held by the main thread for the life of the daemon. */
import { statSync } from 'node:fs';
import Database from 'better-sqlite3';
import { ProtocolError } from '../../protocol/errors.ts';

/**
 * An exclusive transaction on a database of its own, that is: POSIX locks, which the kernel drops when the process dies.
 *
 * The file must never be opened with `fs` in this process: closing any other handle of it would drop the locks. A journal
 * mode must never be asked for either: it fails on a database that is held.
 */
export class Lock {
  readonly #database: Database.Database;
  readonly #path: string;
  readonly #inode: bigint;

  private constructor(database: Database.Database, path: string) {
    this.#database = database;
    this.#path = path;
    this.#inode = statSync(path, { bigint: true }).ino;
  }

  /**
   * @returns undefined when another process holds it.
   * @throws ProtocolError STORAGE_FAILED when the file cannot be used.
   */
  static tryAcquire(path: string): Lock | undefined {
    let database: Database.Database | undefined;
    try {
      // SQLite would wait synchronously; whoever waits for the lock must stay able to answer.
      database = new Database(path, { timeout: 0 });
      database.exec('BEGIN EXCLUSIVE');
      return new Lock(database, path);
    } catch (error) {
      database?.close();
      const code = (error as { code?: unknown }).code;
      if (typeof code === 'string' && code.startsWith('SQLITE_BUSY')) return undefined;
      throw new ProtocolError('STORAGE_FAILED', `the lock ${path} cannot be taken (${String(code)})`, {
        hint: `When no daemon runs, remove it: \`rm '${path}'\`. m makes a new one.`,
        cause: error,
      });
    }
  }

  /** Whether the file at the path is still the one that is locked. Otherwise another daemon could lock its successor. */
  isInPlace(): boolean {
    return statSync(this.#path, { bigint: true, throwIfNoEntry: false })?.ino === this.#inode;
  }

  release(): void {
    this.#database.close();
  }
}
