/** What signals mean: stop in order, stop at once, read the configuration again. */

export interface SignalActions {
  /** SIGTERM or SIGINT. */
  stop(): void;
  /** The same again. @param code to exit with. */
  stopAtOnce(code: number): void;
  /** SIGHUP. */
  reload(): void;
}

const CODES = { SIGINT: 130, SIGTERM: 143 } as const;

export function handleSignals(actions: SignalActions): void {
  let stopping = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (stopping) actions.stopAtOnce(CODES[signal]);
      stopping = true;
      actions.stop();
    });
  }
  process.on('SIGHUP', () => actions.reload());
}
