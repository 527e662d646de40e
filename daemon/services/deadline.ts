/** Waiting for something that goes on whether or not anybody waits for it. */

/**
 * Resolves when a promise has fulfilled, or when the time is over. What comes after that is not looked at, its failure too.
 * @returns false when the time was over first. Rejects as the promise does, or with the signal's reason.
 */
export async function fulfilsWithin(
  promise: Promise<unknown>,
  limitMs: number,
  signal?: AbortSignal,
): Promise<boolean> {
  const { promise: end, resolve, reject } = Promise.withResolvers<boolean>();
  const aborted = (): void => {
    reject(signal?.reason instanceof Error ? signal.reason : new Error('aborted'));
  };
  if (signal?.aborted === true) aborted();
  signal?.addEventListener('abort', aborted, { once: true });
  const timer = setTimeout(resolve, limitMs, false);
  promise.then(() => {
    resolve(true);
  }, reject);
  try {
    return await end;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', aborted);
  }
}
