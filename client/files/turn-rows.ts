/** The turns of a session and what each did to the files, a row each. */
import { fitWidth, padWidth } from '../command-line/display-width.ts';
import { harmlessLine } from '../command-line/harmless-text.ts';
import { count, localTime } from '../command-line/wording.ts';
import type { SnapshotEntry } from '../../protocol/snapshot.ts';
import type { TurnSummary } from '../../protocol/turn-summary.ts';
import { lineCounts } from './change-words.ts';

/** Rows in the order that is given, none wider than so many columns. */
export function turnRows(turns: readonly TurnSummary[], columns: number): string[] {
  const rows = turns.map((turn) => [String(turn.turn), localTime(turn.at), harmlessLine(turn.state), filesOf(turn)]);
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return turns.map(({ prompt }, index) => {
    const cells = (rows[index] ?? []).map((cell, column) =>
      column === 0 ? cell.padStart(widths[column] ?? 0) : padWidth(cell, widths[column] ?? 0),
    );
    return fitWidth(`${cells.join('  ')}  ${harmlessLine(prompt)}`.trimEnd(), columns);
  });
}

function filesOf({ snapshot }: TurnSummary): string {
  if (snapshot === null) return '';
  return [filesText(snapshot), ...(snapshot.restorable ? [] : ['not restorable'])].join(', ');
}

function filesText(snapshot: SnapshotEntry): string {
  const lines = lineCounts(snapshot);
  return snapshot.files === 0 ? 'no file' : `${count(snapshot.files, 'file')}${lines === '' ? '' : ` ${lines}`}`;
}
