/** How a run ended. */
import { WAYS_ON, uncertainSentences } from '../calls/interrupted-note.ts';
import { EXIT } from '../command-line/failure.ts';
import type { TurnChange, TurnError, Usage } from '../../protocol/turn.ts';

export interface Outcome {
  readonly type: 'turn.completed' | 'turn.failed' | 'turn.interrupted' | 'turn.cancelled';
  /** As the provider or the daemon says it; `queued`, `held`, `timeout`, `unanswered`, `unserved` and `left` when this run stopped watching. */
  readonly reason?: string;
  readonly error?: TurnError;
  readonly usage: Usage;
  /** Calls of which nobody knows whether they took effect. */
  readonly uncertain?: NonNullable<TurnChange['uncertain']>;
  readonly exitCode: number;
}

const HELD = 'held';
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
    ...(change.uncertain === undefined ? {} : { uncertain: change.uncertain }),
  };
}

/** The outcome of a run that stopped watching a turn which goes on, or which waits in the daemon. */
export function unfinished(reason: string, exitCode: number = EXIT.later): Outcome {
  return { type: 'turn.interrupted', reason, usage: NO_USAGE, exitCode };
}

/** The outcome of a run whose prompt waits behind a turn that was interrupted, until a person decides about that one. */
export function heldBehind({ uncertain }: TurnChange): Outcome {
  return { ...unfinished(HELD), ...(uncertain === undefined ? {} : { uncertain }) };
}

/** What is said of an outcome that is not simply a finished answer; `{id}` is the session. */
const ENDINGS: Record<string, string> = {
  queued: 'the prompt stays queued in the daemon, which sends it when it can; come back with: m -r {id}',
  [HELD]: 'the turn before was interrupted, and the prompt waits behind it until somebody decides about that turn',
  timeout: 'the time is up; the turn goes on; come back with: m -r {id}',
  locked: 'the turn goes on when the store is unlocked; come back with: m -r {id}',
  unanswered: 'nobody answers; the turn waits for an answer; come back with: m -r {id}',
  left: 'the turn goes on; come back with: m -r {id}',
  unserved: 'the prompt stays in the queue of the daemon, which was stopped; come back with: m -r {id}',
  stopped: 'the daemon was stopped and the turn interrupted; come back with: m -r {id}',
  crash: 'the daemon ended unexpectedly and the turn was interrupted; come back with: m -r {id}',
  cancelled: 'cancelled',
  length: 'the answer ends here because the model’s length limit is reached',
  'content-filter': 'the answer ends here because the provider’s content filter stopped it',
};

/** What a person is told about the end of a run, a sentence each; none when the answer says it all. */
export function endingSentences(sessionId: string, outcome: Outcome): string[] {
  const ending = endingSentence(sessionId, outcome);
  const uncertain = uncertainSentences(outcome);
  const ways = `in m -r ${sessionId}: ${WAYS_ON.join(', ')}`;
  return [
    ...(ending === undefined ? [] : [ending]),
    ...uncertain,
    ...(uncertain.length > 0 ? [`look at what it did; then, ${ways}`] : outcome.reason === HELD ? [ways] : []),
  ];
}

/** Undefined when the answer says it all. */
function endingSentence(sessionId: string, outcome: Outcome): string | undefined {
  const key = outcome.type === 'turn.cancelled' ? 'cancelled' : (outcome.reason ?? '');
  const ending = ENDINGS[key]?.replace('{id}', sessionId);
  if (ending !== undefined || outcome.type !== 'turn.interrupted') return ending;
  return `interrupted: ${key}; come back with: m -r ${sessionId}`;
}
