/** What a person is told of a turn that was interrupted while calls were under way. */
import type { TurnChange } from '../../protocol/turn.ts';
import { revealedRow } from './text-lines.ts';

/** What can be done, as commands of chat. */
export const WAYS_ON: readonly string[] = [
  '/continue goes on from the last finished step',
  '/retry begins the turn again from its prompt',
  '/leave leaves it as it is',
];

/** One sentence for each call of which nobody knows whether it took effect. */
export function uncertainSentences({ uncertain }: Pick<TurnChange, 'uncertain'>): string[] {
  return (uncertain ?? []).map(({ title }) => `not known whether this took effect: ${revealedRow(title)}`);
}
