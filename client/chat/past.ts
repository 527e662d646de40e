/** The end of a conversation, as it is shown to somebody who comes back to it. */
import type { Marks } from '../calls/marks.ts';
import { resultWords } from '../calls/result-lines.ts';
import { harmlessRow } from '../calls/text-lines.ts';
import { cutOffSentence } from '../conversation/cut-off.ts';
import { textOf } from '../conversation/reply-text.ts';
import { turnSentence } from '../files/change-words.ts';
import type { SessionEvent } from '../../protocol/event.ts';
import type { Message, Part, ToolResultPart } from '../../protocol/message.ts';
import type { CallStart } from '../../protocol/tool.ts';
import { failureSentence } from './wording.ts';

/** One thing that was said or done. */
export interface PastItem {
  readonly kind: 'prompt' | 'reply' | 'line' | 'note';
  /** Of a `line`, which is a call or what a turn did to the files: one harmless line. */
  readonly text: string;
}

/** Prompts, replies and notes that are shown, and lines between them; older ones are left out. */
const SHOWN = 12;
const LINES_SHOWN = 30;

/**
 * What happened in a session.
 * @returns the newest items, oldest first, and whether older ones were left out.
 */
export function pastOfEvents(events: readonly SessionEvent[], marks: Marks): { items: PastItem[]; cut: boolean } {
  const calls = new Calls(marks);
  return newest(events.flatMap((event) => itemsOfEvent(event, calls)));
}

/** What was said up to a save. */
export function pastOfMessages(messages: readonly Message[], marks: Marks): { items: PastItem[]; cut: boolean } {
  const calls = new Calls(marks);
  return newest(messages.flatMap((message) => itemsOfMessage(message, calls)));
}

/** A line for each call, which grows by what came of it. */
class Calls {
  readonly #marks: Marks;
  readonly #shown = new Map<string, { kind: 'line'; text: string }>();

  constructor(marks: Marks) {
    this.#marks = marks;
  }

  begun({ callId, title }: CallStart): PastItem[] {
    return [this.#show(callId, title)];
  }

  /** @returns a line of its own for a call whose beginning is not here: it was refused, or is too long ago. */
  ended(part: ToolResultPart): PastItem[] {
    const known = this.#shown.get(part.callId);
    const item = known ?? this.#show(part.callId, part.name);
    const words = resultWords(part, this.#marks);
    if (words !== '') item.text += ` · ${words}`;
    return known === undefined ? [item] : [];
  }

  #show(callId: string, title: string): { kind: 'line'; text: string } {
    const item = { kind: 'line' as const, text: `${this.#marks.call} ${harmlessRow(title)}` };
    this.#shown.set(callId, item);
    return item;
  }
}

function newest(items: PastItem[]): { items: PastItem[]; cut: boolean } {
  const isLine = (item: PastItem): boolean => item.kind === 'line';
  const said = items.filter((item) => !isLine(item)).slice(-SHOWN);
  const lines = items.filter(isLine).slice(-LINES_SHOWN);
  const kept = new Set([...said, ...lines]);
  const first = said.length === SHOWN && said[0] !== undefined ? items.indexOf(said[0]) : 0;
  const shown = items.filter((item, index) => index >= first && kept.has(item));
  return { items: shown, cut: shown.length < items.length };
}

function itemsOfEvent(event: SessionEvent, calls: Calls): PastItem[] {
  if (event.type === 'message') {
    return itemsOfMessage({ seq: event.seq, turn: event.turn, at: event.at, ...event.data }, calls);
  }
  if (event.type === 'call') return calls.begun(event.data);
  if (event.type === 'snapshot') {
    const sentence = turnSentence(event.data, [`/diff ${event.turn}`]);
    return sentence === undefined ? [] : [{ kind: 'line', text: harmlessRow(sentence) }];
  }
  if (event.type === 'cutoff') {
    return [...replyOf(event.data.parts), { kind: 'note', text: cutOffSentence(event.data.reason) }];
  }
  if (event.type !== 'turn' || event.data.error === undefined || event.data.state !== 'failed') return [];
  return [{ kind: 'note', text: failureSentence(event.data.error) }];
}

function itemsOfMessage(message: Message, calls: Calls): PastItem[] {
  if (message.role === 'user') return [{ kind: 'prompt', text: textOf(message.parts) }];
  const results = message.parts.filter((part) => part.type === 'tool-result');
  return [...replyOf(message.parts), ...results.flatMap((part) => calls.ended(part))];
}

function replyOf(parts: readonly Part[]): PastItem[] {
  const text = textOf(parts);
  return text === '' ? [] : [{ kind: 'reply', text }];
}
