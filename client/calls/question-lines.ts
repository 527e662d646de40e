/** What a person is asked about a call, in lines: what it is, why it is asked, and the whole of what would be done. */
import { displayWidth, fitWidth } from '../command-line/display-width.ts';
import { count } from '../command-line/wording.ts';
import type { ApprovalQuestion } from '../../protocol/tool.ts';
import { readDiff } from './diff-text.ts';
import type { InkLine } from './ink-line.ts';
import { harmlessRow, revealedRow } from './text-lines.ts';

export interface QuestionText {
  /** What fits. */
  readonly lines: readonly InkLine[];
  /** Whether that is all there is. */
  readonly isWhole: boolean;
  /** All of what would be done. */
  readonly whole: readonly InkLine[];
}

const INDENT = '  ';
/** A longer line is cut until all of it is asked for. */
const LONGEST_LINE = 500;

/** How much of what would be done has room. */
export interface QuestionRoom {
  readonly rows: number;
  /** A longer line takes several rows. */
  readonly columns: number;
}

const ALL_ROOM: QuestionRoom = { rows: Number.POSITIVE_INFINITY, columns: Number.POSITIVE_INFINITY };

/** @param room undefined for all there is. */
export function questionText(question: ApprovalQuestion, room?: QuestionRoom): QuestionText {
  const whole = detailLines(question);
  const cut = room === undefined ? fitting(whole, ALL_ROOM, ALL_ROOM.columns) : fitting(whole, room, LONGEST_LINE);
  const more = whole.length - cut.length;
  const isWhole = more === 0 && cut.every(({ text }, index) => text === whole[index]?.text);
  const rest: InkLine[] = more > 0 ? [{ text: `${INDENT}… ${count(more, 'more line')}`, ink: 'yellow' }] : [];
  return { lines: [...headLines(question), ...cut, ...rest], isWhole, whole };
}

/** The lines that fit. What has scrolled away has not been seen, so wrapped lines count for the rows that they take. */
function fitting(lines: readonly InkLine[], { rows, columns }: QuestionRoom, longest: number): InkLine[] {
  const shown: InkLine[] = [];
  let left = rows;
  for (const line of lines) {
    if (left <= 0) break;
    const short = line.text.length > longest ? `${line.text.slice(0, longest).toWellFormed()}…` : line.text;
    const text = Number.isFinite(left) ? fitWidth(short, left * columns) : short;
    left -= Math.max(1, Math.ceil(displayWidth(text) / columns));
    shown.push({ ...line, text });
  }
  return shown;
}

function headLines({ title, reasons, detail, effect }: ApprovalQuestion): InkLine[] {
  const isNew = effect === 'edit' && readDiff(detail).isNew;
  return [
    { text: `? ${revealedRow(title)}${isNew ? ' (new file)' : ''}`, ink: 'bold' },
    ...reasons.map((reason) => ({ text: `${INDENT}! ${revealedRow(reason)}`, ink: 'yellow' as const })),
  ];
}

/** Nothing when the title says it all. */
function detailLines({ title, detail, effect }: ApprovalQuestion): InkLine[] {
  if (detail === '' || title.endsWith(` ${detail}`)) return [];
  if (effect === 'edit')
    return readDiff(detail).lines.map(({ text, ink }) => ({ text: INDENT + harmlessRow(text), ink }));
  // A carriage return stays visible: in a command it is not the end of a line.
  return detail.split('\n').map((line) => ({ text: INDENT + revealedRow(line) }));
}
