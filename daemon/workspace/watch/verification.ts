/**
 * When everything is scanned although the watches tell of every change.
 *
 * They tell not of all of them: writes through memory maps, through names outside of the workspace, by other machines.
 */

/** Milliseconds that a workspace goes by its watches alone. */
export const VERIFIED_FOR = 10 * 60_000;

export class Verification {
  readonly #now: () => number;
  #last: number | undefined;
  #doubt: string | undefined;

  /** @param now milliseconds of a clock that is never set back. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** @returns why the next scan has to look at everything; undefined when the watches may be gone by. */
  due(): string | undefined {
    if (this.#last === undefined) return 'nothing was scanned since the start';
    if (this.#doubt !== undefined) return this.#doubt;
    if (this.#now() - this.#last >= VERIFIED_FOR) return 'the last scan of everything is long ago';
    return undefined;
  }

  doubt(reason: string): void {
    this.#doubt ??= reason;
  }

  /** Everything was scanned to the end. */
  done(): void {
    this.#last = this.#now();
    this.#doubt = undefined;
  }
}
