/** The variables for the commands of a session: one row each, under the session's own key. */
import { TamperError, bind, openRecord, sealRecord } from './cipher.ts';
import { orDamaged } from './damage.ts';
import type { Db } from './database.ts';
import type { SessionState } from './session-head.ts';
import type { StoreKeys } from './keys/store-keys.ts';

export class EnvironmentStore {
  readonly #keys: StoreKeys;
  readonly #select;
  readonly #replace;
  readonly #delete;

  constructor(db: Db, keys: StoreKeys) {
    this.#keys = keys;
    this.#select = db.prepare<[number], Buffer>('SELECT body FROM environment WHERE session = ?').pluck();
    this.#replace = db.prepare<[number, Buffer]>('INSERT OR REPLACE INTO environment(session, body) VALUES (?, ?)');
    this.#delete = db.prepare<[number]>('DELETE FROM environment WHERE session = ?');
  }

  /** Nothing is written for undefined, or when it is what is there. The caller writes the head, which says which one is right. */
  set(session: SessionState, text: string | undefined): void {
    if (text === undefined) return;
    const present = orDamaged(
      () => this.of(session),
      () => null,
    );
    if (present === text) return;
    session.environment += 1;
    const body = sealRecord(session.key, 1, this.#binding(session), Buffer.from(text, 'utf8'));
    this.#replace.run(session.number, body);
  }

  /**
   * As it came; null when none has. One that was removed, or put back after another had come, is noticed.
   * @throws TamperError
   */
  of(session: SessionState): string | null {
    if (session.environment === 0) return null;
    const body = this.#select.get(session.number);
    if (body === undefined) throw new TamperError('the environment of the session is missing');
    return openRecord(session.key, 1, this.#binding(session), body).toString('utf8');
  }

  /** What is wrong with it, in sentences. */
  problems(session: SessionState): string[] {
    return orDamaged(
      () => {
        this.of(session);
        return [];
      },
      () => ['the environment for commands does not verify'],
    );
  }

  remove(session: Pick<SessionState, 'number'>): void {
    this.#delete.run(session.number);
  }

  #binding(session: SessionState): Buffer {
    return bind('m/environment', this.#keys.storeId, session.id, session.environment);
  }
}
