/** A thread that has no time, as on a machine that is too busy or was asleep. */

/** Holds up the whole thread: its timers run out, and nothing that arrives is read. */
export function holdThread(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
