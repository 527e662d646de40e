/** Changes of lines with the lines around them, as people read them. */
import type { LineChange } from './line-changes.ts';

export interface HunkLine {
  readonly kind: ' ' | '+' | '-';
  /** Without the line break that ends it. */
  readonly text: string;
  /** The last line of a text that does not end with a line break. */
  readonly unended?: true | undefined;
}

/** Starts count from 1; a side without lines names the line before it, as unified diffs do. */
export interface Hunk {
  readonly oldStart: number;
  readonly oldLines: number;
  readonly newStart: number;
  readonly newLines: number;
  readonly lines: readonly HunkLine[];
}

/** @returns the lines of a text with the line breaks that end them; only `\n` is one. */
export function linesOf(text: string): string[] {
  const lines = text.split('\n');
  const last = lines.pop();
  const ended = lines.map((line) => `${line}\n`);
  return last === undefined || last === '' ? ended : [...ended, last];
}

/**
 * @param before and `after` as `linesOf` gives them.
 * @param changes as `changesBetween` gives them.
 * @param context how many common lines are shown around a change.
 */
export function hunksOf(
  before: readonly string[],
  after: readonly string[],
  changes: readonly LineChange[],
  context: number,
): Hunk[] {
  const groups: LineChange[][] = [];
  for (const change of changes) {
    const group = groups.at(-1);
    const last = group?.at(-1);
    if (group !== undefined && last !== undefined && change.oldFrom - last.oldTo <= 2 * context) group.push(change);
    else groups.push([change]);
  }
  return groups.map((group) => hunkOf(before, after, group, context));
}

function hunkOf(
  before: readonly string[],
  after: readonly string[],
  group: readonly LineChange[],
  context: number,
): Hunk {
  const lines: HunkLine[] = [];
  const first = group[0];
  const lead = Math.min(context, first?.oldFrom ?? 0);
  const oldFrom = (first?.oldFrom ?? 0) - lead;
  const newFrom = (first?.newFrom ?? 0) - lead;
  let at = oldFrom;
  const put = (kind: HunkLine['kind'], from: readonly string[]): void => {
    for (const line of from) lines.push(hunkLine(kind, line));
  };
  for (const change of group) {
    put(' ', before.slice(at, change.oldFrom));
    put('-', before.slice(change.oldFrom, change.oldTo));
    put('+', after.slice(change.newFrom, change.newTo));
    at = change.oldTo;
  }
  put(' ', before.slice(at, at + context));
  const oldLines = lines.filter(({ kind }) => kind !== '+').length;
  const newLines = lines.filter(({ kind }) => kind !== '-').length;
  const oldStart = oldLines === 0 ? oldFrom : oldFrom + 1;
  const newStart = newLines === 0 ? newFrom : newFrom + 1;
  return { oldStart, oldLines, newStart, newLines, lines };
}

function hunkLine(kind: HunkLine['kind'], line: string): HunkLine {
  return line.endsWith('\n') ? { kind, text: line.slice(0, -1) } : { kind, text: line, unended: true };
}
