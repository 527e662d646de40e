/** A unified diff as it is shown: what was added, what was removed, and how much of both. */
import type { Ink } from '../command-line/style.ts';

/** One line of a diff, not made harmless yet. */
export interface DiffLine {
  readonly text: string;
  readonly ink: Ink;
}

export interface DiffText {
  /** Without the names of the files, which the title says. */
  readonly lines: readonly DiffLine[];
  readonly added: number;
  readonly removed: number;
  /** There was no file before. */
  readonly isNew: boolean;
}

const NEW_FILE = '--- /dev/null';

export function readDiff(diff: string): DiffText {
  // A carriage return is part of a line here: it is a difference.
  const all = diff.split('\n');
  if (all.at(-1) === '') all.pop();
  const hasNames = all[0]?.startsWith('--- ') === true && all[1]?.startsWith('+++ ') === true;
  const body = hasNames ? all.slice(2) : all;
  return {
    lines: body.map((text) => ({ text, ink: inkOf(text) })),
    added: body.filter((line) => line.startsWith('+')).length,
    removed: body.filter((line) => line.startsWith('-')).length,
    isNew: all[0] === NEW_FILE,
  };
}

function inkOf(line: string): Ink {
  if (line.startsWith('+')) return 'green';
  if (line.startsWith('-')) return 'red';
  return line.startsWith('@@') ? 'cyan' : 'dim';
}
