/** What is said of a turn that is complete and shows nothing for it. */
import type { Part } from '../../protocol/message.ts';

export const EMPTY_ANSWER = 'the model answered with nothing';

/** Whether there is anything in a reply besides thoughts. */
export function hasAnswer(parts: readonly Part[]): boolean {
  return parts.some((part) => (part.type === 'text' ? part.text.trim() !== '' : part.type !== 'reasoning'));
}
