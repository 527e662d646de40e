/** Prompts that were accepted and wait for their turn. */
import type { QueuedPrompt } from '../services/waiting-shapes.ts';
import { TamperError, bind, openRecord, requireIntegers, requireTexts, sealRecord } from './cipher.ts';
import { orDamaged, someTime } from './damage.ts';
import type { Db } from './database.ts';
import type { SessionState } from './session-head.ts';
import type { StoreKeys } from './keys/store-keys.ts';

interface ClearColumns {
  readonly turn: number;
  readonly op: string;
  readonly at: number;
  readonly cancelled: number;
}

interface QueuedRow extends ClearColumns {
  readonly body: Buffer;
}

interface Content {
  readonly body: string;
  /** Hexadecimal. */
  readonly fingerprint: string;
}

/** What the queue needs to know of a new prompt. */
export interface NewPrompt {
  readonly turn: number;
  readonly opId: string;
  readonly at: number;
  readonly body: string;
  readonly fingerprint: Buffer;
}

export class PromptQueue {
  readonly #keys: StoreKeys;
  readonly #insert;
  readonly #select;
  readonly #one;
  readonly #delete;
  readonly #cancel;
  readonly #opExists;
  readonly #any;
  readonly #byOp;
  /** Sessions are needed to open a row that is found by its operation. */
  readonly #sessionById: (id: string) => SessionState;

  constructor(db: Db, keys: StoreKeys, sessionById: (id: string) => SessionState) {
    this.#keys = keys;
    this.#sessionById = sessionById;
    this.#insert = db.prepare<[number, number, string, number, Buffer]>(
      'INSERT INTO queued(session, turn, op, at, cancelled, body) VALUES (?, ?, ?, ?, 0, ?)',
    );
    this.#select = db.prepare<[number], QueuedRow>('SELECT * FROM queued WHERE session = ? ORDER BY turn');
    this.#one = db.prepare<[number, number], QueuedRow>('SELECT * FROM queued WHERE session = ? AND turn = ?');
    this.#delete = db.prepare<[number, number]>('DELETE FROM queued WHERE session = ? AND turn = ?');
    this.#cancel = db.prepare<[Buffer, number, number]>(
      'UPDATE queued SET cancelled = 1, body = ? WHERE session = ? AND turn = ?',
    );
    this.#any = db
      .prepare<[number, number], number>('SELECT 1 FROM queued WHERE session = ? AND turn > ? LIMIT 1')
      .pluck();
    this.#opExists = db.prepare<[string], number>('SELECT 1 FROM queued WHERE op = ?').pluck();
    this.#byOp = db.prepare<[string], QueuedRow & { owner: string }>(
      'SELECT queued.*, session.id AS owner FROM queued JOIN session ON session.number = queued.session WHERE op = ?',
    );
  }

  add(session: SessionState, prompt: NewPrompt): void {
    const { turn, opId: op, at } = prompt;
    const content: Content = { body: prompt.body, fingerprint: prompt.fingerprint.toString('hex') };
    this.#insert.run(session.number, turn, op, at, this.#seal(session, { turn, op, at, cancelled: 0 }, content));
  }

  /** @param lastTurn the newest turn that the log knows of. What is not newer has left the queue, and is there again. */
  read(session: SessionState, lastTurn: number): QueuedPrompt[] {
    const waiting = this.#select.all(session.number).map((row) => ({
      opId: row.op,
      turn: row.turn,
      at: someTime(row.at),
      body: this.#bodyOf(session, row),
      cancelled: row.cancelled === 1,
    }));
    const byTurn = new Map(waiting.map((prompt) => [prompt.turn, prompt]));
    const prompts: QueuedPrompt[] = [];
    for (let turn = lastTurn + 1; turn <= session.turns; turn += 1) prompts.push(byTurn.get(turn) ?? lost(turn));
    return prompts;
  }

  /** What is wrong with the prompts that wait, in sentences. */
  problems(session: SessionState, lastTurn: number): string[] {
    const rows = this.#select.all(session.number);
    const problems: string[] = [];
    for (const row of rows) {
      if (this.#bodyOf(session, row) === null) problems.push(`the prompt of turn ${row.turn} does not verify`);
      else if (row.turn <= lastTurn)
        problems.push(`the prompt of turn ${row.turn} waits again, but its turn has begun`);
    }
    for (let turn = lastTurn + 1; turn <= session.turns; turn += 1) {
      if (!rows.some((row) => row.turn === turn)) problems.push(`the prompt of turn ${turn} is missing`);
    }
    return problems;
  }

  /**
   * Removes a prompt. The caller writes the head of its session.
   * @returns the fingerprint of what brought it, null when it does not verify; undefined when no such prompt waits.
   */
  take(session: SessionState, turn: number): Buffer | null | undefined {
    const row = this.#one.get(session.number, turn);
    if (row === undefined) return undefined;
    const fingerprint = orDamaged<Buffer | null>(
      () => Buffer.from(this.#open(session, row).fingerprint, 'hex'),
      () => null,
    );
    this.#delete.run(session.number, turn);
    if (session.cancelled.length > 0) session.cancelled = session.cancelled.filter((other) => other !== turn);
    return fingerprint;
  }

  /** Whether any prompt waits for a turn behind this one. */
  holds(session: SessionState, lastTurn: number): boolean {
    return this.#any.get(session.number, lastTurn) !== undefined;
  }

  /** Repeating it changes nothing. The caller writes the head of its session. @returns false when no such prompt waits. @throws TamperError */
  cancel(session: SessionState, turn: number): boolean {
    const row = this.#one.get(session.number, turn);
    if (row === undefined) return false;
    const body = this.#seal(session, { ...row, cancelled: 1 }, this.#open(session, row));
    this.#cancel.run(body, session.number, turn);
    if (!session.cancelled.includes(turn)) session.cancelled = [...session.cancelled, turn];
    return true;
  }

  findByOp(op: string): { owner: string; turn: number; fingerprint: Buffer } | undefined {
    if (this.#opExists.get(op) === undefined) return undefined;
    const row = this.#byOp.get(op);
    if (row === undefined) return undefined;
    const { fingerprint } = this.#open(this.#sessionById(row.owner), row);
    return { owner: row.owner, turn: row.turn, fingerprint: Buffer.from(fingerprint, 'hex') };
  }

  #open(session: SessionState, row: QueuedRow): Content {
    requireIntegers(row.turn, row.at, row.cancelled);
    requireTexts(row.op);
    // The row of before, put back, would be sent after all.
    if (row.cancelled === 0 && session.cancelled.includes(row.turn)) {
      throw new TamperError(`the prompt of turn ${row.turn}, which was cancelled`);
    }
    const body = openRecord(session.key, 1, this.#binding(session, row), row.body);
    return JSON.parse(body.toString('utf8')) as Content;
  }

  #bodyOf(session: SessionState, row: QueuedRow): string | null {
    return orDamaged<string | null>(
      () => this.#open(session, row).body,
      () => null,
    );
  }

  #seal(session: SessionState, row: ClearColumns, content: Content): Buffer {
    return sealRecord(session.key, 1, this.#binding(session, row), Buffer.from(JSON.stringify(content), 'utf8'));
  }

  #binding(session: SessionState, { turn, op, at, cancelled }: ClearColumns): Buffer {
    return bind('m/queued', this.#keys.storeId, session.id, turn, op, at, cancelled);
  }
}

/** In the place of a prompt that was accepted and is not there any more. */
function lost(turn: number): QueuedPrompt {
  return { opId: '', turn, at: 0, body: null, cancelled: false };
}
