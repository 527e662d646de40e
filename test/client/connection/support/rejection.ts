/** Looking at failures. */

/** What a promise was rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => {
      throw new Error(`was not rejected: ${JSON.stringify(value)}`);
    },
    (error: unknown) => error,
  );
}
