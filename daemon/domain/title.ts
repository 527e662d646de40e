/** The title of a session that nobody has named: the beginning of its first prompt. */
import type { PromptPart } from '../../protocol/message.ts';
import { firstCharacters } from './characters.ts';

const MAX_LENGTH = 60;

/** One line of at most 60 characters, cut at a word where there is one. */
export function titleOf(prompt: readonly PromptPart[]): string {
  const text = prompt
    .flatMap((part) => (part.type === 'text' ? [part.text.slice(0, 2000)] : []))
    .join(' ')
    .replaceAll(/[\s\p{Cc}]+/gu, ' ')
    .trim();
  if (text === '') return prompt.some((part) => part.type === 'image') ? 'Image' : 'Untitled';
  if (firstCharacters(text, MAX_LENGTH) === text) return text;
  const cut = firstCharacters(text, MAX_LENGTH - 1);
  const space = cut.lastIndexOf(' ');
  return `${(space > MAX_LENGTH / 2 ? cut.slice(0, space) : cut).trimEnd()}…`;
}
