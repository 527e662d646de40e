/** Long jobs in short slices, so that no job keeps other callers waiting. */

/** Longest time a slice may take before it must yield, in milliseconds. */
export const SLICE_MS = 2;

/**
 * A job that yields when its slice is used up. Every stretch between two yields runs in a transaction of its own, so the
 * job must leave the store consistent at each yield.
 */
export type SlicedJob<T> = Generator<void, T, void>;

/** Tells a job when to yield. */
export class SliceTimer {
  #end = performance.now() + SLICE_MS;

  /** True once a slice is used up; the next slice begins with the call that says so. */
  used(): boolean {
    const now = performance.now();
    if (now < this.#end) return false;
    this.#end = now + SLICE_MS;
    return true;
  }
}
