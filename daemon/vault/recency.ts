/** The order of sessions in lists, sorted when it is asked for: an index on a column that every step changes would cost each step a page. */
import { LAST_TIME, nameable, numberOfStandIn } from './damage.ts';
import type { Db } from './database.ts';

/** Which sessions a list is made of. */
export interface SessionFilter {
  /** Number of a workspace. */
  readonly workspace: number | undefined;
  readonly archived: 'exclude' | 'include' | 'only';
  /** Leaves out sessions without any turn. */
  readonly nonEmpty: boolean;
  /** Numbers of sessions that do not verify: their columns cannot be believed, so nothing leaves them out. */
  readonly damaged: ReadonlySet<number>;
  /** Numbers of sessions whose workspace cannot be read: it may be the one that is asked for. */
  readonly unplaced: ReadonlySet<number>;
}

/** A place in the order. */
export interface Place {
  readonly updatedAt: number;
  /** Number of the session that stands there. */
  readonly number: number;
}

/** Clear columns of a session, unchecked. */
export interface RecencyRow {
  readonly id: unknown;
  readonly workspace: number;
  readonly updatedAt: number;
  readonly createdAt: number;
  readonly archived: number;
  readonly pinned: number;
}

/** A column may hold anything in a damaged session, which is listed all the same. */
const FILTER = `((:workspace IS NULL OR workspace = :workspace OR ${isOneOf(':unplaced')})
  AND (:archived IS NULL OR (archived IS 1) = :archived) AND turns >= :turns OR ${isOneOf(':damaged')})`;
/** As `someTime` reads it, so that a page ends where the next one begins. */
const TIME = `iif(typeof(updated_at) = 'integer' AND updated_at BETWEEN 0 AND ${LAST_TIME}, updated_at, 0)`;

/** As SQLite understands it. */
const NO_LIMIT = -1;

export class Recency {
  readonly #numbers;
  readonly #numbersAfter;
  readonly #countMatching;
  readonly #count;
  readonly #row;
  readonly #all;
  readonly #byPrefix;

  constructor(db: Db) {
    const numbers = (condition: string) =>
      db
        .prepare<[object], number>(
          `SELECT number FROM session WHERE ${FILTER} ${condition}
           ORDER BY ${TIME} DESC, number DESC LIMIT :most`,
        )
        .pluck();
    this.#numbers = numbers('');
    this.#numbersAfter = numbers(`AND (${TIME}, number) < (:updatedAt, :number)`);
    this.#countMatching = db.prepare<[object], number>(`SELECT count(*) FROM session WHERE ${FILTER}`).pluck();
    this.#count = db.prepare<[], number>('SELECT count(*) FROM session').pluck();
    this.#all = db.prepare<[], number>('SELECT number FROM session ORDER BY number').pluck();
    this.#byPrefix = db
      .prepare<[string, string, number], string>('SELECT id FROM session WHERE id >= ? AND id < ? LIMIT ?')
      .pluck();
    this.#row = db.prepare<[number], RecencyRow>(
      `SELECT id, workspace, updated_at AS updatedAt, created_at AS createdAt, archived, pinned FROM session
       WHERE number = ?`,
    );
  }

  /**
   * Numbers of the sessions that match, most recently changed first, behind a place if one is given.
   * @param most as many at most; a few are found for less than half of what it costs to sort and hand over all.
   */
  newestFirst(filter: SessionFilter, after: Place | undefined, most: number | undefined): number[] {
    const parameters = { ...parametersOf(filter), most: most ?? NO_LIMIT };
    return after === undefined ? this.#numbers.all(parameters) : this.#numbersAfter.all({ ...parameters, ...after });
  }

  countMatching(filter: SessionFilter): number {
    return this.#countMatching.get(parametersOf(filter)) ?? 0;
  }

  /** How many sessions there are. */
  get size(): number {
    return this.#count.get() ?? 0;
  }

  /** Numbers of all sessions, oldest first. */
  everyNumber(): number[] {
    return this.#all.all();
  }

  /** Ids that begin like this. A session without an id of its own has the one that lists give it, as a whole. */
  idsWith(prefix: string, limit: number): string[] {
    const number = numberOfStandIn(prefix);
    const row = number === undefined ? undefined : this.#row.get(number);
    if (number !== undefined && row !== undefined && nameable(row.id, number) === prefix) return [prefix];
    return this.#byPrefix.all(prefix, `${prefix}\u{10ffff}`, limit);
  }

  row(number: number): RecencyRow | undefined {
    return this.#row.get(number);
  }
}

/** Condition for a list of numbers that nearly always is null. */
function isOneOf(parameter: string): string {
  return `(${parameter} IS NOT NULL AND number IN (SELECT value FROM json_each(${parameter})))`;
}

function listed(numbers: ReadonlySet<number>): string | null {
  return numbers.size === 0 ? null : JSON.stringify([...numbers]);
}

function parametersOf({ workspace, archived, nonEmpty, damaged, unplaced }: SessionFilter): object {
  return {
    workspace: workspace ?? null,
    archived: archived === 'include' ? null : archived === 'only' ? 1 : 0,
    turns: nonEmpty ? 1 : Number.MIN_SAFE_INTEGER,
    damaged: listed(damaged),
    unplaced: listed(unplaced),
  };
}
