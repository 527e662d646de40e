/** What a person is asked about a call, in lines: what it is, why it is asked, and the whole of what would be done. */
import { count } from '../command-line/wording.ts';
import type { ApprovalQuestion } from '../../protocol/tool.ts';
import { readDiff } from './diff-text.ts';
import type { InkLine } from './ink-line.ts';
import { harmlessRow } from './text-lines.ts';

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

/**
 * @param mostLines of what would be done.
 * @param longest characters of one of them.
 */
export function questionText(question: ApprovalQuestion, mostLines: number, longest = LONGEST_LINE): QuestionText {
  const whole = detailLines(question);
  const cut = whole
    .slice(0, mostLines)
    .map((line) =>
      line.text.length > longest ? { ...line, text: `${line.text.slice(0, longest).toWellFormed()}…` } : line,
    );
  const more = whole.length - cut.length;
  const isWhole = more === 0 && cut.every(({ text }, index) => text === whole[index]?.text);
  const rest: InkLine[] = more > 0 ? [{ text: `${INDENT}… ${count(more, 'more line')}`, ink: 'yellow' }] : [];
  return { lines: [...headLines(question), ...cut, ...rest], isWhole, whole };
}

function headLines({ title, reasons, detail, effect }: ApprovalQuestion): InkLine[] {
  const isNew = effect === 'edit' && readDiff(detail).isNew;
  return [
    { text: `? ${harmlessRow(title)}${isNew ? ' (new file)' : ''}`, ink: 'bold' },
    ...reasons.map((reason) => ({ text: `${INDENT}! ${harmlessRow(reason)}`, ink: 'yellow' as const })),
  ];
}

/** Nothing when the title says it all. */
function detailLines({ title, detail, effect }: ApprovalQuestion): InkLine[] {
  if (detail === '' || title.endsWith(` ${detail}`)) return [];
  if (effect === 'edit')
    return readDiff(detail).lines.map(({ text, ink }) => ({ text: INDENT + harmlessRow(text), ink }));
  // A carriage return stays visible: in a command it is not the end of a line.
  return detail.split('\n').map((line) => ({ text: INDENT + harmlessRow(line) }));
}
