/** What came of a tool call, in a few lines for a person. */
import type { Ink } from '../command-line/style.ts';
import { count } from '../command-line/wording.ts';
import type { ToolResultPart } from '../../protocol/message.ts';
import type { ToolEffect } from '../../protocol/tool.ts';
import { amountOf, commandResult, durationText } from './command-result.ts';
import { readDiff } from './diff-text.ts';
import type { InkLine } from './ink-line.ts';
import type { Marks } from './marks.ts';
import { fittedRow, harmlessRow, linesOf } from './text-lines.ts';

export interface ResultView {
  /** Of the terminal; infinite where nobody looks at columns. */
  readonly columns: number;
  readonly marks: Marks;
  /** Whether the person has seen the diff already, when it was asked about. */
  readonly isDiffKnown: boolean;
  /** A command that shows all of it. */
  readonly whole: string;
}

const INDENT = '  ';
const MOST_DIFF_LINES = 40;
/** Newest lines of a command's output. */
const TAIL = 8;
const TAIL_OF_FAILURE = 16;
/** First lines of what is said when a call fails. */
const MOST_FIRST_LINES = 4;
const LONGEST = 500;

/** @param effect undefined for a call that was never begun. */
export function resultLines(part: ToolResultPart, effect: ToolEffect | undefined, view: ResultView): InkLine[] {
  if (part.details?.durationMs !== undefined) return commandLines(part, view);
  if (part.isError) return firstLines(part, view, 'red');
  // What goes on in the background, and how it is called.
  if (effect === 'command') return firstLines(part, view, 'dim');
  return [...diffLines(part, view), ...imageLines(part)];
}

/** The same in one line's worth of words, for what is past: `+3 −1`, `exit 0, 1.2 s`; empty when there is nothing to say. */
export function resultWords(part: ToolResultPart, marks: Marks): string {
  const { details, isError, images } = part;
  if (details?.durationMs !== undefined) {
    return `${commandResult(part).end}, ${durationText(details.durationMs)}`;
  }
  if (isError) return `failed: ${harmlessRow((linesOf(part.output)[0] ?? '').slice(0, LONGEST))}`;
  if (details?.diff !== undefined) return diffStat(details.diff, marks);
  return images === undefined || images.length === 0 ? '' : count(images.length, 'image');
}

/** `+3 −1` */
export function diffStat(diff: string, marks: Marks): string {
  const { added, removed } = readDiff(diff);
  return `+${added} ${marks.minus}${removed}`;
}

function commandLines(part: ToolResultPart, view: ResultView): InkLine[] {
  const { details, isError } = part;
  const result = commandResult(part);
  const most = isError ? TAIL_OF_FAILURE : TAIL;
  const hidden = Math.max(0, result.output.length - most);
  const facts = [
    ...(result.end === '' ? [] : [result.end]),
    ...(details?.durationMs === undefined ? [] : [durationText(details.durationMs)]),
    amountOf(result, details?.outputBytes),
  ];
  const isCut = hidden > 0 || details?.outputBytes !== undefined;
  return [
    ...(isCut ? restLines(hidden, view) : []),
    ...result.output.slice(-most).map((line) => row(line, view)),
    { text: `${INDENT}${harmlessRow(facts.join(' · '))}`, ink: isError ? 'red' : 'green' },
    ...result.notes.map((note) => ({ text: `${INDENT}${harmlessRow(note)}`, ink: 'yellow' as const })),
    ...imageLines(part),
  ];
}

function firstLines({ output }: ToolResultPart, view: ResultView, ink: Ink): InkLine[] {
  const lines = linesOf(output);
  const more = lines.length - MOST_FIRST_LINES;
  const first = lines.slice(0, MOST_FIRST_LINES).map((line) => INDENT + harmlessRow(line.slice(0, LONGEST)));
  return [...first.map((text) => ({ text, ink })), ...(more > 0 ? restLines(more, view) : [])];
}

/** How many lines are not shown, and what shows them; the command has a line of its own, to be copied. */
function restLines(more: number, { whole }: ResultView): InkLine[] {
  const what = more > 0 ? `… ${count(more, 'more line')}:` : '… all of it:';
  return [
    { text: INDENT + what, ink: 'dim' },
    { text: INDENT + whole, ink: 'dim' },
  ];
}

function diffLines({ details }: ToolResultPart, view: ResultView): InkLine[] {
  if (details?.diff === undefined || details.diff === '') return [];
  const stat: InkLine = { text: INDENT + diffStat(details.diff, view.marks), ink: 'green' };
  if (view.isDiffKnown) return [stat];
  const { lines } = readDiff(details.diff);
  const more = lines.length - MOST_DIFF_LINES;
  return [
    stat,
    ...lines.slice(0, MOST_DIFF_LINES).map(({ text, ink }) => ({ ...row(text, view), ink })),
    ...(more > 0 ? restLines(more, view) : []),
  ];
}

function imageLines({ images }: ToolResultPart): InkLine[] {
  if (images === undefined || images.length === 0) return [];
  const kinds = [...new Set(images.map(({ mediaType }) => harmlessRow(mediaType)))].join(', ');
  return [{ text: `${INDENT}${count(images.length, 'image')} for the model (${kinds})`, ink: 'dim' }];
}

function row(line: string, { columns }: ResultView): InkLine {
  const most = Math.min(columns, LONGEST) - INDENT.length - 1;
  return { text: INDENT + fittedRow(line, most), ink: 'dim' };
}
