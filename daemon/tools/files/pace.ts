/** Long work in short slices: others get their turn, an abort is heard, and there is an end to it. */
import { setImmediate } from 'node:timers/promises';

/** Time that the thread may belong to one search, in milliseconds. */
const SLICE_MS = 10;

export class Pace {
  readonly #signal: AbortSignal;
  readonly #end: number;
  #sliceEnd = performance.now() + SLICE_MS;

  /** @param ms time for all of it. */
  constructor(signal: AbortSignal, ms: number) {
    this.#signal = signal;
    this.#end = performance.now() + ms;
  }

  /** True when the time is over: whoever works stops, and says so. */
  get over(): boolean {
    return performance.now() > this.#end;
  }

  /** True when the slice is used up, and `rest` is due. */
  get tired(): boolean {
    return performance.now() > this.#sliceEnd;
  }

  /** Lets others have their turn, when the slice is used up. @throws the signal's reason. */
  async rest(): Promise<void> {
    if (!this.tired) return;
    await setImmediate();
    this.#signal.throwIfAborted();
    this.#sliceEnd = performance.now() + SLICE_MS;
  }
}
