/** How the main thread reaches into a call that is being carried out: four bytes of shared memory, looked at in passing. */

/** Shared between threads as it is. */
export type StopFlag = Int32Array<SharedArrayBuffer>;

/** A snapshot has got its name, or none; the first to say so wins. */
const RUNNING = 0;
const ABORTED = 1;
const TOO_LATE = 2;
const NAMED = 3;
const STATE = 0;
const FILES = 1;

export function newStopFlag(): StopFlag {
  return new Int32Array(new SharedArrayBuffer(8));
}

export function abort(flag: StopFlag): void {
  Atomics.compareExchange(flag, STATE, RUNNING, ABORTED);
}

export function comeTooLate(flag: StopFlag): void {
  Atomics.compareExchange(flag, STATE, RUNNING, TOO_LATE);
}

export function isAborted(flag: StopFlag): boolean {
  return Atomics.load(flag, STATE) === ABORTED;
}

/** @returns whether a snapshot may get its name. Nobody can take that back afterwards. */
export function claimName(flag: StopFlag): boolean {
  const before = Atomics.compareExchange(flag, STATE, RUNNING, NAMED);
  return before === RUNNING || before === NAMED;
}

/** How many files the call has read so far. */
export function filesReadBy(flag: StopFlag): number {
  return Atomics.load(flag, FILES);
}

/** Another file was read. */
export function countFile(flag: StopFlag): void {
  Atomics.add(flag, FILES, 1);
}

/** For a scan, which looks at it again and again. */
export function signalOf(flag: StopFlag): { readonly aborted: boolean } {
  return {
    get aborted() {
      return isAborted(flag);
    },
  };
}
