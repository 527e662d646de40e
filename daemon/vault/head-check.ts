/** Looks at every head once after a store was opened: what a list is sorted out by are columns that anybody could have changed. */
import { orDamaged } from './damage.ts';
import type { Recency } from './recency.ts';
import type { SessionStore } from './sessions.ts';
import { SliceTimer, type SlicedJob } from './slices.ts';

/** How many heads the first list waits for, some 5 ms. The rest goes on behind it. */
const AT_START = 64;

export class HeadCheck {
  readonly #recency: Recency;
  readonly #sessions: SessionStore;
  /** Numbers of the sessions that were not looked at yet; undefined before it begins. */
  #left: number[] | undefined;

  constructor(recency: Recency, sessions: SessionStore) {
    this.#recency = recency;
    this.#sessions = sessions;
  }

  /** Looks at as many as a list may wait for, newest first. Costs nothing when it has begun before. */
  start(): void {
    if (this.#left !== undefined) return;
    let looked = 0;
    for (const number of this.#remaining()) {
      // The list that waits shows them next, and need not open them again.
      look(() => this.#sessions.peek(number));
      looked += 1;
      if (looked === AT_START) return;
    }
  }

  /** Goes on to the end from where it was left. The sessions remember which of them are damaged. */
  *run(): SlicedJob<void> {
    const timer = new SliceTimer();
    for (const number of this.#remaining()) {
      look(() => {
        this.#sessions.look(number);
      });
      if (timer.used()) yield;
    }
  }

  *#remaining(): Generator<number, void, void> {
    this.#left ??= this.#recency.everyNumber();
    for (let number = this.#left.pop(); number !== undefined; number = this.#left.pop()) yield number;
  }
}

/** Those that do not verify are remembered by the sessions. */
function look(at: () => unknown): void {
  orDamaged(at, () => undefined);
}
