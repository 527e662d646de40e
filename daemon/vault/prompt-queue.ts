/** Prompts that were accepted and wait for their turn. */
import type { QueuedPrompt } from '../services/waiting-shapes.ts';
import { bind, openRecord, sealRecord } from './cipher.ts';
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
    this.#any = db.prepare<[number], number>('SELECT 1 FROM queued WHERE session = ? LIMIT 1').pluck();
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

  /** @param lastTurn the newest turn that the log knows of; what waits is not older. */
  read(session: SessionState, lastTurn: number): QueuedPrompt[] {
    const prompts = this.#select.all(session.number).map((row) => ({
      opId: row.op,
      turn: row.turn,
      at: someTime(row.at),
      body: this.#bodyOf(session, row),
      cancelled: row.cancelled === 1,
    }));
    // The place of what does not verify cannot be believed either.
    return prompts.filter(({ body, turn }) => body !== null || (turn >= lastTurn && turn <= session.turns));
  }

  /** What is wrong with the prompts that wait, in sentences. */
  problems(session: SessionState, lastTurn: number): string[] {
    const rows = this.#select.all(session.number);
    const problems: string[] = [];
    for (const row of rows) {
      if (this.#bodyOf(session, row) === null) problems.push(`the prompt of turn ${row.turn} does not verify`);
    }
    for (let turn = lastTurn + 1; turn <= session.turns; turn += 1) {
      if (!rows.some((row) => row.turn === turn)) problems.push(`the prompt of turn ${turn} is missing`);
    }
    return problems;
  }

  /**
   * Removes a prompt.
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
    return fingerprint;
  }

  /** Whether any prompt waits. */
  holds(session: SessionState): boolean {
    return this.#any.get(session.number) !== undefined;
  }

  /** Repeating it changes nothing. @returns false when no such prompt waits. @throws TamperError */
  cancel(session: SessionState, turn: number): boolean {
    const row = this.#one.get(session.number, turn);
    if (row === undefined) return false;
    const body = this.#seal(session, { ...row, cancelled: 1 }, this.#open(session, row));
    this.#cancel.run(body, session.number, turn);
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
