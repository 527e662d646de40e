/** What came of bringing files back, in lines. */
import type { InkLine } from '../calls/ink-line.ts';
import { harmlessRow } from '../calls/text-lines.ts';
import { count } from '../command-line/wording.ts';
import type { RestoreResult } from '../../protocol/snapshot.ts';
import { keptText } from './change-words.ts';
import { pathText } from './path-text.ts';

/** Files that were left are named; the others were in the plan. @param done what is true now. */
export function resultLines(result: RestoreResult, done: string): InkLine[] {
  const left = result.files.filter(({ outcome }) => outcome === 'left');
  const missing = result.left - left.length;
  return [
    ...left.map(({ path, reason }): InkLine => ({
      text: `  left as it is: ${pathText(path)}${reason === '' ? '' : `: ${harmlessRow(reason)}`}`,
      ink: 'red',
    })),
    ...(missing > 0 ? [{ text: `  … ${missing} more were left as they are`, ink: 'red' as const }] : []),
    { text: sentenceOf(result), ink: result.left > 0 ? 'red' : 'green' },
    ...(result.restored + result.deleted === 0 ? [] : [{ text: butFor(result) + done }]),
  ];
}

/** What was not done is not claimed. */
function butFor({ left, conflicts }: RestoreResult): string {
  return left + conflicts === 0 ? '' : `but for ${count(left + conflicts, 'file')}, `;
}

function sentenceOf(result: RestoreResult): string {
  const { restored, deleted, left } = result;
  const stays = keptText(result);
  const parts = [
    ...(restored === 0 && deleted > 0 ? [] : [`${count(restored, 'file')} restored`]),
    ...(deleted === 0 ? [] : [`${restored === 0 ? count(deleted, 'file') : deleted} deleted`]),
    ...(left === 0 ? [] : [`${left} could not be`]),
    ...(stays === '' ? [] : [stays]),
  ];
  return parts.join(', ');
}
