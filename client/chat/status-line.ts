/** What is true for the moment, in one line: lost connection, unsaved text, a turn that waits, prompts in the queue. */
import type { ConnectionStatus } from '../connection/api.ts';
import type { Conversation } from '../conversation/conversation.ts';
import { captureText } from '../files/capture-text.ts';
import { waitingSentence } from './wording.ts';

export interface StatusFacts {
  /** A prompt is long on its way. */
  readonly isSending: boolean;
  /** What is said of a locked store. */
  readonly locked?: string | undefined;
  /** What is said of a question that is asked here, empty for nothing; undefined while none is. */
  readonly asking?: string | undefined;
}

/** @returns undefined when there is nothing to say. */
export function statusSentence(
  connection: ConnectionStatus | undefined,
  conversation: Conversation | undefined,
  { isSending, locked, asking }: StatusFacts,
): string | undefined {
  const parts: string[] = [];
  if (connection?.state === 'reconnecting') parts.push(`reconnecting: ${connection.reason}`);
  if (connection?.state === 'stopped') parts.push(`${connection.reason}; what you send next starts it again`);
  if (locked !== undefined) parts.push(locked);
  if (conversation !== undefined) parts.push(...conversationParts(conversation, asking));
  if (isSending && parts.length === 0) parts.push('sending');
  return parts.length === 0 ? undefined : `[${parts.join(' · ')}]`;
}

function conversationParts(conversation: Conversation, asking: string | undefined): string[] {
  const parts: string[] = [];
  const { active, queued } = conversation.turns;
  if (conversation.unsaved !== null) parts.push(`NOT SAVED: ${conversation.unsaved}`);
  if (asking !== undefined && asking !== '') parts.push(asking);
  const isAsked = asking !== undefined && active?.change?.waitingFor === 'approval';
  if (active?.state === 'waiting' && active.change !== undefined && !isAsked)
    parts.push(waitingSentence(active.change));
  const { capture } = conversation;
  if (capture !== undefined) parts.push(...captureParts(capture));
  const last = queued.findLastIndex((view) => view.mine);
  if (last !== -1) parts.push(queuedSentence(last + (active === undefined ? 0 : 1)));
  return parts;
}

function captureParts(capture: NonNullable<Conversation['capture']>): string[] {
  return [captureText(capture), ...(capture.waits ? ['the turn waits, /skip goes on without'] : [])];
}

/** `queued (1 before it)` */
export function queuedSentence(ahead: number): string {
  return `queued (${ahead} before it)`;
}
