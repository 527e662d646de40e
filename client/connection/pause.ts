/** Pauses between attempts: growing, with jitter, so that many clients of one daemon do not come back in step. */
import { setTimeout as sleep } from 'node:timers/promises';

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

/** Waits. @throws the signal's reason when it fires first. */
export async function pause(limitMs: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  try {
    await sleep(limitMs, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}
