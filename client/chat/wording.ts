/** Sentences about turns. */
import { localClock } from '../command-line/wording.ts';
import type { TurnChange, TurnError, WaitReason } from '../../protocol/turn.ts';

const WAITS_FOR: Record<WaitReason, string> = {
  approval: 'waiting for an approval',
  storage: 'waiting until it can be saved',
  key: 'waiting for a key',
  backend: 'waiting for the model',
};

/** Ends of a reply that a person should know of. */
const LIMITS: Record<string, string> = {
  length: 'the reply ends here because the model’s length limit is reached',
  'content-filter': 'the reply ends here because the provider’s content filter stopped it',
};

const INTERRUPTED: Record<string, string> = {
  stopped: 'the daemon was stopped',
  crash: 'the daemon ended unexpectedly',
};

export function failureSentence({ message, hint }: TurnError): string {
  return hint === '' ? `turn failed: ${message}` : `turn failed: ${message}\n  ${hint}`;
}

/** Why a turn waits and when it tries again. */
export function waitingSentence(change: TurnChange, withTime = true): string {
  const what = WAITS_FOR[change.waitingFor ?? 'backend'];
  const when = withTime && change.retryAt !== undefined ? `, next attempt at ${localClock(change.retryAt)}` : '';
  const why = change.error === undefined ? '' : `: ${change.error.message}`;
  return `${what}${when}${why}`;
}

/** What there is to say about a turn that ended without failing; undefined when nothing is. */
export function endSentence(change: TurnChange): string | undefined {
  if (change.state === 'cancelled') return change.reason === 'left' ? 'left as it is' : 'cancelled';
  if (change.state === 'completed') return LIMITS[change.reason ?? ''];
  if (change.state !== 'interrupted') return undefined;
  const why = change.reason === undefined ? '' : `: ${INTERRUPTED[change.reason] ?? change.reason}`;
  const isOpen = (change.uncertain?.length ?? 0) > 0 || change.reason === 'crash';
  return `interrupted${why}; the prompt is kept${isOpen ? '' : ', and the next one goes on from here'}`;
}
