/** How a run ended. */
import { EXIT } from '../command-line/failure.ts';
import type { TurnChange, TurnError, Usage } from '../../protocol/turn.ts';

export interface Outcome {
  readonly type: 'turn.completed' | 'turn.failed' | 'turn.interrupted' | 'turn.cancelled';
  /** As the provider or the daemon says it; `queued`, `timeout` and `left` when this run stopped watching. */
  readonly reason?: string;
  readonly error?: TurnError;
  readonly usage: Usage;
  readonly exitCode: number;
}

const NO_USAGE: Usage = { inputTokens: 0, outputTokens: 0 };
const EXIT_CODES = {
  completed: EXIT.ok,
  failed: EXIT.failed,
  cancelled: EXIT.cancelled,
  interrupted: EXIT.later,
} as const;

/** The outcome of a turn that has ended. */
export function outcomeOf(change: TurnChange): Outcome {
  const state = change.state in EXIT_CODES ? (change.state as keyof typeof EXIT_CODES) : 'interrupted';
  return {
    type: `turn.${state}`,
    usage: change.usage ?? NO_USAGE,
    exitCode: EXIT_CODES[state],
    ...(change.reason === undefined ? {} : { reason: change.reason }),
    ...(change.error === undefined ? {} : { error: change.error }),
  };
}

/** The outcome of a run that stopped watching a turn which goes on, or which waits in the daemon. */
export function unfinished(reason: string, exitCode: number = EXIT.later): Outcome {
  return { type: 'turn.interrupted', reason, usage: NO_USAGE, exitCode };
}
