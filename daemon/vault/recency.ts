/** The order of sessions in lists, kept in memory: an index on a column that every append changes would cost each append. */
import type { Db } from './database.ts';

export interface RecencyEntry {
  readonly number: number;
  readonly id: string;
  readonly workspace: number;
  readonly turns: number;
  readonly updatedAt: number;
  readonly archived: boolean;
  readonly pinned: boolean;
}

interface Row {
  number: number;
  id: string;
  workspace: number;
  turns: number;
  updated_at: number;
  archived: number;
  pinned: number;
}

/** Loaded on first use. Changes are told when they are about to be committed and count once the commit is done. */
export class Recency {
  readonly #db: Db;
  #entries: Map<number, RecencyEntry> | undefined;
  #sorted: readonly RecencyEntry[] | undefined;
  /** Of the operation that runs. */
  readonly #pending = new Map<number, RecencyEntry | null>();
  /** Of the operations of this transaction that went well. */
  readonly #accepted = new Map<number, RecencyEntry | null>();

  constructor(db: Db) {
    this.#db = db;
  }

  changed(entry: RecencyEntry): void {
    this.#pending.set(entry.number, snapshot(entry));
  }

  removed(number: number): void {
    this.#pending.set(number, null);
  }

  /** The operation that ran went well, or its changes are taken back. */
  endOperation(succeeded: boolean): void {
    if (succeeded) for (const [number, entry] of this.#pending) this.#accepted.set(number, entry);
    this.#pending.clear();
  }

  /** The transaction is committed: its changes become visible. */
  commit(): void {
    if (this.#entries !== undefined && this.#accepted.size > 0) {
      for (const [number, entry] of this.#accepted) {
        if (entry === null) this.#entries.delete(number);
        else this.#entries.set(number, entry);
      }
      this.#sorted = undefined;
    }
    this.#accepted.clear();
  }

  rollback(): void {
    this.#pending.clear();
    this.#accepted.clear();
  }

  /** Every session, most recently changed first. */
  newestFirst(): readonly RecencyEntry[] {
    this.#sorted ??= [...this.#load().values()].sort(
      (left, right) => right.updatedAt - left.updatedAt || right.number - left.number,
    );
    return this.#sorted;
  }

  get size(): number {
    return this.#load().size;
  }

  #load(): Map<number, RecencyEntry> {
    if (this.#entries === undefined) {
      this.#entries = new Map();
      const rows = this.#db
        .prepare<[], Row>('SELECT number, id, workspace, turns, updated_at, archived, pinned FROM session')
        .iterate();
      for (const row of rows) {
        this.#entries.set(row.number, {
          number: row.number,
          id: row.id,
          workspace: row.workspace,
          turns: row.turns,
          updatedAt: row.updated_at,
          archived: row.archived === 1,
          pinned: row.pinned === 1,
        });
      }
    }
    return this.#entries;
  }
}

/** The caller goes on changing its object; lists must not see that before it is durable. */
function snapshot(entry: RecencyEntry): RecencyEntry {
  const { number, id, workspace, turns, updatedAt, archived, pinned } = entry;
  return { number, id, workspace, turns, updatedAt, archived, pinned };
}
