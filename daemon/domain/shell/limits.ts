/** How much of a text is read at most: some can be read in more ways than there is time for. */
import { NotUnderstood } from './syntax.ts';

/** Nobody writes deeper by hand, and the stack is not for others to fill. */
const MAX_DEPTH = 60;
const MAX_STEPS = 5_000;

export class Limits {
  #depth = 0;
  #steps = 0;

  /** Does something that may lead deeper. @throws NotUnderstood */
  inside<Result>(read: () => Result): Result {
    this.#depth += 1;
    this.#steps += 1;
    if (this.#depth > MAX_DEPTH) throw new NotUnderstood('it is nested too deeply');
    if (this.#steps > MAX_STEPS) throw new NotUnderstood('it is too long');
    try {
      return read();
    } finally {
      this.#depth -= 1;
    }
  }
}
