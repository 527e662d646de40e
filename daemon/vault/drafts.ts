/** Drafts: the reply that is being written, a chunk a second, outside the log and its chain. */
import type { Draft, DraftChunk } from '../services/ports.ts';
import { bind, openRecord, sealRecord } from './cipher.ts';
import type { Db } from './database.ts';
import type { SessionState } from './session-head.ts';
import type { StoreKeys } from './keys/store-keys.ts';

interface DraftRow {
  chunk: number;
  turn: number;
  step: number;
  body: Buffer;
}

export class DraftStore {
  readonly #keys: StoreKeys;
  readonly #insert;
  readonly #select;
  readonly #delete;

  constructor(db: Db, keys: StoreKeys) {
    this.#keys = keys;
    this.#insert = db.prepare<[number, number, number, number, Buffer]>(
      'INSERT OR IGNORE INTO draft(session, turn, step, chunk, body) VALUES (?, ?, ?, ?, ?)',
    );
    this.#select = db.prepare<[number], DraftRow>(
      'SELECT turn, step, chunk, body FROM draft WHERE session = ? ORDER BY turn, step, chunk',
    );
    this.#delete = db.prepare<[number]>('DELETE FROM draft WHERE session = ?');
  }

  append(session: SessionState, draft: DraftChunk): void {
    const { turn, step, chunk } = draft;
    const text = JSON.stringify({ text: draft.text, reasoning: draft.reasoning });
    const binding = this.#binding(session, turn, step, chunk);
    this.#insert.run(session.number, turn, step, chunk, sealRecord(session.key, 1, binding, Buffer.from(text, 'utf8')));
  }

  /** Chunks joined by turn and step, in order. */
  read(session: SessionState): Draft[] {
    const drafts: { turn: number; step: number; text: string; reasoning: string }[] = [];
    for (const row of this.#select.all(session.number)) {
      const body = openRecord(session.key, 1, this.#binding(session, row.turn, row.step, row.chunk), row.body);
      const written = JSON.parse(body.toString('utf8')) as { text: string; reasoning: string };
      const last = drafts.at(-1);
      if (last !== undefined && last.turn === row.turn && last.step === row.step) {
        last.text += written.text;
        last.reasoning += written.reasoning;
      } else {
        drafts.push({ turn: row.turn, step: row.step, ...written });
      }
    }
    return drafts;
  }

  drop(session: SessionState): void {
    this.#delete.run(session.number);
  }

  #binding(session: SessionState, turn: number, step: number, chunk: number): Buffer {
    return bind('m/draft', this.#keys.storeId, session.id, turn, step, chunk);
  }
}
