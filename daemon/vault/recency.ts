/** The order of sessions in lists, sorted when it is asked for: an index on a column that every step changes would cost each step a page. */
import type { Db } from './database.ts';

/** Which sessions a list is made of. */
export interface SessionFilter {
  /** Number of a workspace. */
  readonly workspace: number | undefined;
  readonly archived: 'exclude' | 'include' | 'only';
  /** Leaves out sessions without any turn. */
  readonly nonEmpty: boolean;
}

/** A place in the order: the session that stands there, if it has not moved since. */
export interface Place {
  readonly updatedAt: number;
  readonly id: string;
}

/** Clear columns of a session, unchecked. */
export interface RecencyRow {
  readonly id: string;
  readonly workspace: number;
  readonly updatedAt: number;
  readonly archived: number;
  readonly pinned: number;
}

/** A column may hold anything in a damaged session, which is listed all the same. */
const FILTER = `(:workspace IS NULL OR workspace = :workspace) AND (:archived IS NULL OR (archived IS 1) = :archived)
  AND turns >= :turns`;

/** As SQLite understands it. */
const NO_LIMIT = -1;

export class Recency {
  readonly #numbers;
  readonly #numbersAfter;
  readonly #countMatching;
  readonly #count;
  readonly #row;

  constructor(db: Db) {
    const numbers = (condition: string) =>
      db
        .prepare<[object], number>(
          `SELECT number FROM session WHERE ${FILTER} ${condition}
           ORDER BY updated_at DESC, number DESC LIMIT :most`,
        )
        .pluck();
    this.#numbers = numbers('');
    this.#numbersAfter = numbers(
      `AND (updated_at < :updatedAt OR (updated_at = :updatedAt AND number <
         coalesce((SELECT number FROM session WHERE id = :id AND updated_at = :updatedAt), 0)))`,
    );
    this.#countMatching = db.prepare<[object], number>(`SELECT count(*) FROM session WHERE ${FILTER}`).pluck();
    this.#count = db.prepare<[], number>('SELECT count(*) FROM session').pluck();
    this.#row = db.prepare<[number], RecencyRow>(
      'SELECT id, workspace, updated_at AS updatedAt, archived, pinned FROM session WHERE number = ?',
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

  row(number: number): RecencyRow | undefined {
    return this.#row.get(number);
  }
}

function parametersOf({ workspace, archived, nonEmpty }: SessionFilter): object {
  return {
    workspace: workspace ?? null,
    archived: archived === 'include' ? null : archived === 'only' ? 1 : 0,
    turns: nonEmpty ? 1 : 0,
  };
}
