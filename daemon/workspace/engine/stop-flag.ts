/** How the main thread reaches into a call that is being carried out: a few bytes of shared memory, looked at in passing. */

/** Shared between threads as it is. */
export type StopFlag = Int32Array<SharedArrayBuffer>;

/** A snapshot has got its name, or none; the first to say so wins. */
const RUNNING = 0;
const ABORTED = 1;
const TOO_LATE = 2;
const NAMED = 3;
const STATE = 0;
const FILES = 1;
/** One more than the files that are to be read; 0 until they are counted. */
const EXPECTED = 2;

export function newStopFlag(): StopFlag {
  return new Int32Array(new SharedArrayBuffer(12));
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

/** How many files the call is going to read in all, nearly; null until that is known. */
export function filesExpectedBy(flag: StopFlag): number | null {
  const expected = Atomics.load(flag, EXPECTED);
  return expected === 0 ? null : expected - 1;
}

export function expectFiles(flag: StopFlag, files: number): void {
  Atomics.store(flag, EXPECTED, files + 1);
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
