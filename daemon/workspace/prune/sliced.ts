/** Long work in short slices, between which the thread does what people wait for. */

/** Says when it is time to stop for a moment. */
export class Pace {
  readonly #sliceMs: number;
  #begun = 0;

  constructor(sliceMs: number) {
    this.#sliceMs = sliceMs;
  }

  begin(): void {
    this.#begun = performance.now();
  }

  isOver(): boolean {
    return performance.now() - this.#begun >= this.#sliceMs;
  }
}

export class Sliced<T> {
  readonly #pace: Pace;
  readonly #work: Generator<void, T>;

  /** @param work yields whenever the slice is over. @param sliceMs how long a slice is. */
  constructor(work: (pace: Pace) => Generator<void, T>, sliceMs: number) {
    this.#pace = new Pace(sliceMs);
    this.#work = work(this.#pace);
  }

  /** Does one slice. @returns what came of it once all is done, undefined before. @throws what the work throws. */
  step(): { readonly value: T } | undefined {
    this.#pace.begin();
    const { done, value } = this.#work.next();
    return done === true ? { value } : undefined;
  }

  /** All that is left, without a pause. */
  finish(): T {
    for (;;) {
      const done = this.step();
      if (done !== undefined) return done.value;
    }
  }

  /** No further slice; what is open is given up. */
  stop(): void {
    // The value is of no interest, but the type asks for one.
    this.#work.return(undefined as T);
  }
}
