/** Answers of operations that append no entry, so that the same `opId` gets the same answer again. */
import { ProtocolError } from '../../protocol/errors.ts';
import { requireTexts } from './cipher.ts';
import { orDamaged } from './damage.ts';
import type { Db } from './database.ts';
import type { StoreKeys } from './keys/store-keys.ts';

/** How long an `opId` is remembered: longer than any client goes on retrying. */
export const REMEMBER_OPERATIONS_MS = 7 * 24 * 60 * 60 * 1000;

interface Answer {
  /** Fingerprint: what was asked for may have been deleted since, and must not be readable here. */
  readonly asked: string;
  readonly answer: unknown;
}

export class OperationStore {
  readonly #db: Db;
  readonly #keys: StoreKeys;
  readonly #select;
  readonly #insert;
  readonly #forget;
  readonly #forgetEntries;

  constructor(db: Db, keys: StoreKeys) {
    this.#db = db;
    this.#keys = keys;
    this.#select = db.prepare<[string], Buffer>('SELECT body FROM operation WHERE op = ?').pluck();
    this.#insert = db.prepare<[string, Buffer]>('INSERT INTO operation(op, body) VALUES (?, ?)');
    this.#forget = db.prepare<[string]>('DELETE FROM operation WHERE op < ?');
    this.#forgetEntries = db.prepare<[string]>(
      'UPDATE entry SET op = NULL WHERE id IN (SELECT id FROM entry WHERE op IS NOT NULL AND op < ? LIMIT 500)',
    );
  }

  /**
   * Runs an operation once. Its answer is kept for longer than what it is about, so it must tell nothing that a person
   * wrote or named.
   * @param request what the caller asked for, as text.
   * @throws ProtocolError CONFLICT when the id was used for something else.
   */
  once<T>(op: string, request: string, run: () => T): T {
    const asked = this.#keys.fingerprint(op, request).toString('hex');
    const stored = this.#select.get(op);
    if (stored !== undefined) {
      const earlier = JSON.parse(this.#keys.openValue('operation', op, stored)) as Answer;
      if (earlier.asked !== asked) throw differentRequest();
      return earlier.answer as T;
    }
    const answer = run();
    this.#insert.run(op, this.#keys.sealValue('operation', op, JSON.stringify({ asked, answer } satisfies Answer)));
    return answer;
  }

  /** How many answers do not verify. */
  damaged(): number {
    const rows = this.#db.prepare<[], { op: string; body: Buffer }>('SELECT op, body FROM operation').all();
    const verifies = ({ op, body }: (typeof rows)[number]): boolean =>
      orDamaged(
        () => {
          requireTexts(op);
          return this.#keys.openValue('operation', op, body) !== '';
        },
        () => false,
      );
    return rows.filter((row) => !verifies(row)).length;
  }

  /**
   * Forgets operations older than an id; ids are ordered by time.
   * @returns true when there may be more to forget.
   */
  forgetBefore(op: string): boolean {
    this.#forget.run(op);
    return this.#forgetEntries.run(op).changes > 0;
  }
}

export function differentRequest(): ProtocolError {
  return new ProtocolError('CONFLICT', 'this operation id was used for another request', {
    hint: 'Every operation needs an id of its own.',
  });
}
