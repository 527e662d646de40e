/** Drafts: the reply that is being written, a chunk a second, outside the log and its chain. */
import type { Draft } from '../services/ports.ts';
import { bind, openRecord, sealRecord } from './cipher.ts';
import type { Db } from './database.ts';
import type { SessionState } from './session-head.ts';
import type { StoreKeys } from './keys/store-keys.ts';

interface DraftRow {
  id: number;
  turn: number;
  step: number;
  body: Buffer;
}

export class DraftStore {
  readonly #keys: StoreKeys;
  readonly #insert;
  readonly #select;
  readonly #delete;
  readonly #nextId;

  constructor(db: Db, keys: StoreKeys) {
    this.#keys = keys;
    this.#nextId = db.prepare<[], number>('SELECT coalesce(max(id), 0) + 1 FROM draft').pluck();
    this.#insert = db.prepare<[number, number, number, number, Buffer]>(
      'INSERT INTO draft(id, session, turn, step, body) VALUES (?, ?, ?, ?, ?)',
    );
    this.#select = db.prepare<[number], DraftRow>(
      'SELECT id, turn, step, body FROM draft WHERE session = ? ORDER BY id',
    );
    this.#delete = db.prepare<[number]>('DELETE FROM draft WHERE session = ?');
  }

  append(session: SessionState, draft: Draft): void {
    const id = this.#nextId.get() ?? 1;
    const text = JSON.stringify({ text: draft.text, reasoning: draft.reasoning });
    const binding = this.#binding(session, id, draft.turn, draft.step);
    const body = sealRecord(session.key, 1, binding, Buffer.from(text, 'utf8'));
    this.#insert.run(id, session.number, draft.turn, draft.step, body);
  }

  /** Chunks joined by turn and step, in order. */
  read(session: SessionState): Draft[] {
    const drafts: { turn: number; step: number; text: string; reasoning: string }[] = [];
    for (const row of this.#select.all(session.number)) {
      const body = openRecord(session.key, 1, this.#binding(session, row.id, row.turn, row.step), row.body);
      const chunk = JSON.parse(body.toString('utf8')) as { text: string; reasoning: string };
      const last = drafts.at(-1);
      if (last !== undefined && last.turn === row.turn && last.step === row.step) {
        last.text += chunk.text;
        last.reasoning += chunk.reasoning;
      } else {
        drafts.push({ turn: row.turn, step: row.step, ...chunk });
      }
    }
    return drafts;
  }

  drop(session: SessionState): void {
    this.#delete.run(session.number);
  }

  #binding(session: SessionState, id: number, turn: number, step: number): Buffer {
    return bind('m/draft', this.#keys.storeId, session.id, id, turn, step);
  }
}
