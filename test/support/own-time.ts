/** Deadlines that a busy machine does not break. */
import { setTimeout as sleep } from 'node:timers/promises';

const TICK_MS = 10;

/**
 * Waits for a promise as long as this thread could run for so many milliseconds: of each time that it could not, one tick
 * counts at most.
 * @throws what the promise rejects with, or an Error when it takes longer.
 */
export async function within<T>(limitMs: number, promise: Promise<T>): Promise<T> {
  const over = new AbortController();
  const ticking = tick(limitMs, over.signal);
  try {
    return await Promise.race([promise, ticking]);
  } finally {
    over.abort();
  }
}

async function tick(limitMs: number, over: AbortSignal): Promise<never> {
  for (let passed = 0; passed < limitMs; passed += TICK_MS) {
    if (over.aborted) break;
    await sleep(TICK_MS);
  }
  throw new Error(`it took longer than ${limitMs} ms`);
}
