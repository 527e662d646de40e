/** Drafts: the reply that is being written, a chunk a second, outside the log and its chain. */
import type { Draft, DraftChunk } from '../services/waiting-shapes.ts';
import { bind, openRecord, sealRecord } from './cipher.ts';
import { DAMAGED_TEXT, orDamaged } from './damage.ts';
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

  /** Chunks joined by turn and step, in order. In the place of one that is missing or does not verify, it says so. */
  read(session: SessionState): Draft[] {
    const drafts: { turn: number; step: number; text: string; reasoning: string }[] = [];
    let expected = 1;
    for (const row of this.#select.all(session.number)) {
      let last = drafts.at(-1);
      if (last === undefined || last.turn !== row.turn || last.step !== row.step) {
        last = { turn: row.turn, step: row.step, text: '', reasoning: '' };
        drafts.push(last);
        expected = 1;
      }
      const written = this.#open(session, row);
      if (row.chunk !== expected || written === null) last.text += DAMAGED_TEXT;
      last.text += written?.text ?? '';
      last.reasoning += written?.reasoning ?? '';
      expected = row.chunk + 1;
    }
    return drafts;
  }

  /**
   * What is wrong with the drafts of a session, in sentences.
   * @param lastTurn the newest turn that has begun: those of turns before it were dropped with them.
   */
  problems(session: SessionState, lastTurn: number): string[] {
    return this.#select.all(session.number).flatMap((row) => {
      if (this.#open(session, row) === null) return [`a draft of turn ${row.turn} does not verify`];
      return row.turn < lastTurn ? [`a draft of turn ${row.turn} is there again, but that turn is over`] : [];
    });
  }

  drop(session: SessionState): void {
    this.#delete.run(session.number);
  }

  #open(session: SessionState, row: DraftRow): { text: string; reasoning: string } | null {
    return orDamaged<{ text: string; reasoning: string } | null>(
      () => {
        const body = openRecord(session.key, 1, this.#binding(session, row.turn, row.step, row.chunk), row.body);
        return JSON.parse(body.toString('utf8')) as { text: string; reasoning: string };
      },
      () => null,
    );
  }

  #binding(session: SessionState, turn: number, step: number, chunk: number): Buffer {
    return bind('m/draft', this.#keys.storeId, session.id, turn, step, chunk);
  }
}
