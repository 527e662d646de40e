/** The end of a conversation, as it is shown to somebody who comes back to it. */
import { cutOffSentence } from '../conversation/cut-off.ts';
import { textOf } from '../conversation/reply-text.ts';
import type { SessionEvent } from '../../protocol/event.ts';
import type { Message, Part } from '../../protocol/message.ts';
import { failureSentence } from './wording.ts';

/** One thing that was said or done. */
export interface PastItem {
  readonly kind: 'prompt' | 'reply' | 'note';
  readonly text: string;
}

/** Messages that are shown; older ones are counted. */
const SHOWN = 12;

/**
 * What happened in a session.
 * @returns the newest items, oldest first, and whether older ones were left out.
 */
export function pastOfEvents(events: readonly SessionEvent[]): { items: PastItem[]; cut: boolean } {
  return newest(events.flatMap((event) => itemsOfEvent(event)));
}

/** What was said up to a save. */
export function pastOfMessages(messages: readonly Message[]): { items: PastItem[]; cut: boolean } {
  return newest(messages.flatMap((message) => itemsOfMessage(message)));
}

function newest(items: PastItem[]): { items: PastItem[]; cut: boolean } {
  return { items: items.slice(-SHOWN), cut: items.length > SHOWN };
}

function itemsOfEvent(event: SessionEvent): PastItem[] {
  if (event.type === 'message') {
    return itemsOfMessage({ seq: event.seq, turn: event.turn, at: event.at, ...event.data });
  }
  if (event.type === 'cutoff') {
    return [...replyOf(event.data.parts), { kind: 'note', text: cutOffSentence(event.data.reason) }];
  }
  if (event.type !== 'turn' || event.data.error === undefined || event.data.state !== 'failed') return [];
  return [{ kind: 'note', text: failureSentence(event.data.error) }];
}

function itemsOfMessage(message: Message): PastItem[] {
  if (message.role === 'user') return [{ kind: 'prompt', text: textOf(message.parts) }];
  const items = replyOf(message.parts);
  for (const part of message.parts) {
    if (part.type === 'tool-call') items.push({ kind: 'note', text: `tool ${part.name}` });
    if (part.type === 'tool-result' && part.isError) items.push({ kind: 'note', text: `tool ${part.name} failed` });
  }
  return items;
}

function replyOf(parts: readonly Part[]): PastItem[] {
  const text = textOf(parts);
  return text === '' ? [] : [{ kind: 'reply', text }];
}
