/** Notices that the machine, or this process, slept: timers were late and the wall clock has jumped. */

export interface WakeOptions {
  readonly tickMs: number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** @param gapMs how long nothing ran. */
  readonly onWake: (gapMs: number) => void;
}

/** Later than this is no busy machine any more. */
const TOLERANCE_MS = 10_000;

/** @returns the timer's end. */
export function watchForWake({ tickMs, now, onWake }: WakeOptions): () => void {
  let last = now();
  const timer = setInterval(() => {
    const gap = now() - last - tickMs;
    last = now();
    if (gap > TOLERANCE_MS) onWake(gap);
  }, tickMs);
  timer.unref();
  return () => {
    clearInterval(timer);
  };
}
