/** Lines typed at prompts, for the arrow keys of later frontends: each under the key of the session it was typed in. */
import { bind, openRecord, sealRecord } from './cipher.ts';
import { DAMAGED_TEXT, orDamaged } from './damage.ts';
import type { Db } from './database.ts';
import type { StoreKeys } from './keys/store-keys.ts';
import type { SessionState } from './session-head.ts';
import type { SessionStore } from './sessions.ts';

/** Lines that are remembered. */
const LIMIT = 1000;

interface LineRow {
  readonly id: number;
  readonly session: number | null;
  readonly body: Buffer;
}

type Owner = Pick<SessionState, 'id' | 'number' | 'key'>;

export class TypedLines {
  readonly #keys: StoreKeys;
  readonly #sessions: SessionStore;
  readonly #nextId;
  readonly #insert;
  readonly #trim;
  readonly #newest;

  constructor(db: Db, keys: StoreKeys, sessions: SessionStore) {
    this.#keys = keys;
    this.#sessions = sessions;
    this.#nextId = db.prepare<[], number>('SELECT coalesce(max(id), 0) + 1 FROM history').pluck();
    this.#insert = db.prepare<[number, number | null, Buffer]>(
      'INSERT INTO history(id, session, body) VALUES (?, ?, ?)',
    );
    this.#trim = db.prepare<[number]>('DELETE FROM history WHERE id <= ?');
    this.#newest = db.prepare<[number], LineRow>('SELECT id, session, body FROM history ORDER BY id DESC LIMIT ?');
  }

  /**
   * @param sessionId the session it was typed in, or null; it is forgotten with that session, and not kept when the
   *   session is gone already.
   */
  add(line: string, sessionId: string | null): void {
    if (sessionId !== null && !this.#sessions.exists(sessionId)) return;
    const owner = sessionId === null ? null : this.#sessions.load(sessionId);
    const [last] = this.#newest.all(1);
    if (last !== undefined && last.session === (owner?.number ?? null) && this.#open(last, owner) === line) return;
    const id = this.#nextId.get() ?? 1;
    this.#insert.run(id, owner?.number ?? null, this.#seal(id, owner, line));
    this.#trim.run(id - LIMIT);
  }

  /** The newest `limit` lines, newest first; the same line typed several times in a row, in whatever sessions, is one. */
  newest(limit: number): string[] {
    return this.#lines(limit)
      .map((line) => line ?? DAMAGED_TEXT)
      .filter((line, index, all) => line !== all[index - 1]);
  }

  /** How many do not verify. */
  damaged(): number {
    return this.#lines(LIMIT).filter((line) => line === null).length;
  }

  /** Null in the place of what does not verify. */
  #lines(limit: number): (string | null)[] {
    const owners = new Map<number, Owner | null>();
    return this.#newest
      .all(limit)
      .map((row) => (row.session === null ? this.#open(row, null) : this.#openOwned(row, row.session, owners)));
  }

  #openOwned(row: LineRow, number: number, owners: Map<number, Owner | null>): string | null {
    let owner = owners.get(number);
    if (owner === undefined) {
      owner = orDamaged<Owner | null>(
        () => this.#sessions.peek(number) ?? null,
        () => null,
      );
      owners.set(number, owner);
    }
    return owner === null ? null : this.#open(row, owner);
  }

  #open({ id, body }: LineRow, owner: Owner | null): string | null {
    return orDamaged<string | null>(
      () =>
        owner === null
          ? this.#keys.openValue('history', placeOf(id), body)
          : openRecord(owner.key, 1, this.#binding(id, owner), body).toString('utf8'),
      () => null,
    );
  }

  #seal(id: number, owner: Owner | null, line: string): Buffer {
    if (owner === null) return this.#keys.sealValue('history', placeOf(id), line);
    return sealRecord(owner.key, 1, this.#binding(id, owner), Buffer.from(line, 'utf8'));
  }

  #binding(id: number, owner: Pick<SessionState, 'id'>): Buffer {
    return bind('m/typed', this.#keys.storeId, owner.id, id);
  }
}

function placeOf(id: number): string {
  return `history:${id}`;
}
