/** Questions that the daemon before this one asked, until their turns are so far that they ask again. */

/** How long a turn may take until it asks again. Shorter than the deadline of a request, which then learns what is asked so far. */
const PATIENCE_MS = 6_000;

interface Expected {
  readonly sessionId: string;
  readonly come: () => void;
  readonly over: Promise<void>;
}

export class ExpectedQuestions {
  /** By call. */
  readonly #expected = new Map<string, Expected>();

  /** The log says that a person is asked about this call, and its turn is taken up. */
  expect(sessionId: string, callId: string): void {
    const { promise: over, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(() => this.come(callId), PATIENCE_MS);
    timer.unref();
    const come = (): void => {
      clearTimeout(timer);
      resolve();
    };
    this.#expected.set(callId, { sessionId, come, over });
  }

  /** The call is asked about, or needs no question any more. */
  come(callId: string): void {
    this.#expected.get(callId)?.come();
    this.#expected.delete(callId);
  }

  /** Resolves when none is expected in a session, or in any without an id; after a deadline in any case. */
  async allHere(sessionId?: string): Promise<void> {
    const mine = [...this.#expected.values()].filter((one) => sessionId === undefined || one.sessionId === sessionId);
    await Promise.all(mine.map(({ over }) => over));
  }
}
