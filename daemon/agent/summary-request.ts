/** How a model is asked to sum up a conversation: as one text, so that no server objects to calls, images or its length. */
import type { Message, Part } from '../../protocol/message.ts';
import { cutMiddle } from './context-window.ts';

const SUMMARY_PROMPT = [
  'Sum up the conversation below for whoever goes on with the work and cannot read it. Do not answer it.',
  'Say, in this order: what the person wants, in their own words where the wording matters; what was decided and why;',
  'what was done, with the exact names of files, commands and identifiers; what was found out;',
  'what is not finished, and the next step. Leave out what no longer matters. Write plain text.',
].join('\n');

/** Of a call and of a result, what a summary needs of it. */
const LONGEST_PART = 4_000;

const SPEAKERS = { user: 'The person', assistant: 'The model', tool: 'The tools' } as const;

/** A conversation as one text. */
export function transcriptOf(messages: readonly Message[]): string {
  return messages.map(({ role, parts }) => `${SPEAKERS[role]}:\n${parts.flatMap(wordsOf).join('\n')}`).join('\n\n');
}

/** @param longest characters of the transcript; more is cut out of its middle. */
export function summaryRequest(transcript: string, longest: number): Message[] {
  const text = `${SUMMARY_PROMPT}\n\nThe conversation:\n\n${cutMiddle(transcript, longest)}`;
  return [{ seq: 0, turn: 0, role: 'user', parts: [{ type: 'text', text }], at: '' }];
}

function wordsOf(part: Part): string[] {
  switch (part.type) {
    case 'text':
      return [part.text];
    case 'reasoning':
      return [];
    case 'image':
      return ['[an image]'];
    case 'tool-call':
      return [`[calls ${part.name} ${cutMiddle(part.arguments, LONGEST_PART)}]`];
    case 'tool-result':
      return [`[${part.name}${part.isError ? ' failed' : ''}] ${cutMiddle(part.output, LONGEST_PART)}`];
  }
}
