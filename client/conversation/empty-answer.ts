/** What is said of a turn that is complete and shows nothing for it. */
import type { Part } from '../../protocol/message.ts';

export const EMPTY_ANSWER = 'the model answered with nothing';

/** Whether a reply answers: there is something in it besides thoughts, and it asks for no calls, after which another one comes. */
export function hasAnswer(parts: readonly Part[]): boolean {
  if (parts.some((part) => part.type === 'tool-call')) return false;
  return parts.some((part) => (part.type === 'text' ? part.text.trim() !== '' : part.type !== 'reasoning'));
}
