/** The statements around every group of writes, prepared once: parsed anew they would cost a step as much as its index does. */
import type { Db } from './database.ts';

export class Transaction {
  readonly #begin;
  readonly #commit;
  readonly #savepoint;
  readonly #rollBackToSavepoint;
  readonly #releaseSavepoint;

  constructor(db: Db) {
    this.#begin = db.prepare('BEGIN IMMEDIATE');
    this.#commit = db.prepare('COMMIT');
    this.#savepoint = db.prepare('SAVEPOINT one');
    this.#rollBackToSavepoint = db.prepare('ROLLBACK TO one');
    this.#releaseSavepoint = db.prepare('RELEASE one');
  }

  /** From here on nobody else writes. */
  begin(): void {
    this.#begin.run();
  }

  /** Everything since `begin` is on the disk when this returns. */
  commit(): void {
    this.#commit.run();
  }

  /** What follows can be taken back alone. */
  mark(): void {
    this.#savepoint.run();
  }

  /** Takes back what followed the mark, or keeps it. The mark is gone either way. */
  endMark(how: 'keep' | 'take back'): void {
    if (how === 'take back') this.#rollBackToSavepoint.run();
    this.#releaseSavepoint.run();
  }
}
