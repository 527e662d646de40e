/** Growing pauses with jitter, so that many clients of one daemon do not come back in step. */

export interface BackoffRange {
  readonly firstMs: number;
  readonly longestMs: number;
}

export class Backoff {
  readonly #range: BackoffRange;
  #nextMs: number;

  constructor(range: BackoffRange) {
    this.#range = range;
    this.#nextMs = range.firstMs;
  }

  /** The next pause in milliseconds: between half and all of a span that doubles up to the longest. */
  next(): number {
    const span = this.#nextMs;
    this.#nextMs = Math.min(span * 2, this.#range.longestMs);
    return span * (0.5 + Math.random() / 2);
  }
}
