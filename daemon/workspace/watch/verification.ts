/**
 * When everything is scanned although the watches tell of every change.
 *
 * They tell not of all of them: writes through memory maps, through names outside of the workspace, by other machines.
 */

export class Verification {
  readonly #verifiedFor: number;
  readonly #now: () => number;
  #last: number | undefined;
  #doubt: string | undefined;

  /**
   * @param verifiedFor milliseconds that a workspace goes by its watches alone.
   * @param now milliseconds of a clock that is never set back.
   */
  constructor(verifiedFor: number, now: () => number = () => performance.now()) {
    this.#verifiedFor = verifiedFor;
    this.#now = now;
  }

  /** Nothing but the time that has gone by speaks against the watches. */
  get isRoutine(): boolean {
    return this.#last !== undefined && this.#doubt === undefined && this.#now() - this.#last >= this.#verifiedFor;
  }

  /** @returns why the next scan has to look at everything; undefined when the watches may be gone by. */
  due(): string | undefined {
    if (this.#last === undefined) return 'nothing was scanned since the start';
    if (this.#doubt !== undefined) return this.#doubt;
    if (this.isRoutine) return 'the last scan of everything is long ago';
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
