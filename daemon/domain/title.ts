/** The title of a session that nobody has named: the beginning of its first prompt. */
import type { PromptPart } from '../../protocol/message.ts';

const MAX_LENGTH = 60;

/** One line of at most 60 characters, cut at a word where there is one. */
export function titleOf(prompt: readonly PromptPart[]): string {
  const text = prompt
    .flatMap((part) => (part.type === 'text' ? [part.text.slice(0, 2000)] : []))
    .join(' ')
    .replaceAll(/[\s\p{Cc}]+/gu, ' ')
    .trim();
  if (text === '') return prompt.some((part) => part.type === 'image') ? 'Image' : 'Untitled';
  const characters = [...text];
  if (characters.length <= MAX_LENGTH) return text;
  const cut = characters.slice(0, MAX_LENGTH - 1).join('');
  const space = cut.lastIndexOf(' ');
  return `${(space > MAX_LENGTH / 2 ? cut.slice(0, space) : cut).trimEnd()}…`;
}
