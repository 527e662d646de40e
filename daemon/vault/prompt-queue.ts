/** Prompts that were accepted and wait for their turn. */
import type { QueuedPrompt } from '../services/ports.ts';
import { bind, openRecord, sealRecord } from './cipher.ts';
import type { Db } from './database.ts';
import type { SessionState } from './session-head.ts';
import type { StoreKeys } from './keys/store-keys.ts';

interface QueuedRow {
  turn: number;
  op: string;
  at: number;
  cancelled: number;
  body: Buffer;
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
    this.#cancel = db.prepare<[number, number]>(
      'UPDATE queued SET cancelled = 1 WHERE session = ? AND turn = ? AND cancelled = 0',
    );
    this.#any = db.prepare<[number], number>('SELECT 1 FROM queued WHERE session = ? LIMIT 1').pluck();
    this.#opExists = db.prepare<[string], number>('SELECT 1 FROM queued WHERE op = ?').pluck();
    this.#byOp = db.prepare<[string], QueuedRow & { owner: string }>(
      'SELECT queued.*, session.id AS owner FROM queued JOIN session ON session.number = queued.session WHERE op = ?',
    );
  }

  add(session: SessionState, prompt: NewPrompt): void {
    const content: Content = { body: prompt.body, fingerprint: prompt.fingerprint.toString('hex') };
    const binding = this.#binding(session, prompt.turn, prompt.opId, prompt.at);
    const sealed = sealRecord(session.key, 1, binding, Buffer.from(JSON.stringify(content), 'utf8'));
    this.#insert.run(session.number, prompt.turn, prompt.opId, prompt.at, sealed);
  }

  read(session: SessionState): QueuedPrompt[] {
    return this.#select.all(session.number).map((row) => ({
      opId: row.op,
      turn: row.turn,
      at: row.at,
      body: this.#open(session, row).body,
      cancelled: row.cancelled === 1,
    }));
  }

  /** Removes a prompt. @returns the fingerprint of what brought it; undefined when it does not wait. */
  take(session: SessionState, turn: number): Buffer | undefined {
    const row = this.#one.get(session.number, turn);
    if (row === undefined) return undefined;
    const { fingerprint } = this.#open(session, row);
    this.#delete.run(session.number, turn);
    return Buffer.from(fingerprint, 'hex');
  }

  /** Whether any prompt waits. */
  holds(session: SessionState): boolean {
    return this.#any.get(session.number) !== undefined;
  }

  cancel(session: SessionState, turn: number): boolean {
    return this.#cancel.run(session.number, turn).changes > 0;
  }

  findByOp(op: string): { owner: string; turn: number; fingerprint: Buffer } | undefined {
    if (this.#opExists.get(op) === undefined) return undefined;
    const row = this.#byOp.get(op);
    if (row === undefined) return undefined;
    const { fingerprint } = this.#open(this.#sessionById(row.owner), row);
    return { owner: row.owner, turn: row.turn, fingerprint: Buffer.from(fingerprint, 'hex') };
  }

  #open(session: SessionState, row: QueuedRow): Content {
    const body = openRecord(session.key, 1, this.#binding(session, row.turn, row.op, row.at), row.body);
    return JSON.parse(body.toString('utf8')) as Content;
  }

  #binding(session: SessionState, turn: number, op: string, at: number): Buffer {
    return bind('m/queued', this.#keys.storeId, session.id, turn, op, at);
  }
}
