/** The difference of two contents as a unified diff, for a person to read. */
import { changesBetween, type Change } from './line-diff.ts';
import { MAX_COMPARED, MAX_DIFF } from './limits.ts';

const CONTEXT = 3;
const NO_NEWLINE = '\\ No newline at end of file';

/**
 * @param before null for a file that does not exist.
 * @returns text that says where it was cut, when it was; empty when nothing differs.
 */
export function unifiedDiff(name: string, before: Uint8Array | null, after: Uint8Array): string {
  const header = `--- ${before === null ? '/dev/null' : `a/${name}`}\n+++ b/${name}\n`;
  if ((before?.length ?? 0) + after.length > MAX_COMPARED)
    return `${header}(${before?.length ?? 0} bytes become ${after.length}: too much to be compared line by line)\n`;
  const old = linesOf(before ?? new Uint8Array());
  const young = linesOf(after);
  const changes = changesBetween(old, young);
  if (changes.length === 0 && before !== null) return '';
  const body = hunksOf(changes, old.length, young.length)
    .map((hunk) => hunkText(hunk, old, young))
    .join('');
  return cut(header + body);
}

/** Lines with their ends, so that a missing last newline and CRLF count as differences; one character stands for a byte. */
function linesOf(content: Uint8Array): string[] {
  const text = Buffer.from(content.buffer, content.byteOffset, content.length).toString('latin1');
  const lines = text.split(/(?<=\n)/);
  return text === '' ? [] : lines;
}

interface Hunk extends Change {
  readonly changes: Change[];
}

function hunksOf(changes: readonly Change[], oldLength: number, newLength: number): Hunk[] {
  const hunks: Hunk[] = [];
  for (const change of changes) {
    const last = hunks.at(-1);
    const oldTo = Math.min(oldLength, change.oldTo + CONTEXT);
    const newTo = Math.min(newLength, change.newTo + CONTEXT);
    if (last !== undefined && change.oldFrom - CONTEXT <= last.oldTo) {
      Object.assign(last, { oldTo, newTo });
      last.changes.push(change);
      continue;
    }
    const back = Math.min(CONTEXT, change.oldFrom);
    hunks.push({ oldFrom: change.oldFrom - back, oldTo, newFrom: change.newFrom - back, newTo, changes: [change] });
  }
  return hunks;
}

function hunkText(hunk: Hunk, old: readonly string[], young: readonly string[]): string {
  let text = `@@ -${range(hunk.oldFrom, hunk.oldTo)} +${range(hunk.newFrom, hunk.newTo)} @@\n`;
  let at = hunk.oldFrom;
  for (const change of hunk.changes) {
    text += marked(' ', old.slice(at, change.oldFrom));
    text += marked('-', old.slice(change.oldFrom, change.oldTo));
    text += marked('+', young.slice(change.newFrom, change.newTo));
    at = change.oldTo;
  }
  return text + marked(' ', old.slice(at, hunk.oldTo));
}

function range(from: number, to: number): string {
  const count = to - from;
  return count === 1 ? `${from + 1}` : `${count === 0 ? from : from + 1},${count}`;
}

function marked(mark: string, lines: readonly string[]): string {
  return lines
    .map(
      (line) => mark + Buffer.from(line, 'latin1').toString('utf8') + (line.endsWith('\n') ? '' : `\n${NO_NEWLINE}\n`),
    )
    .join('');
}

function cut(text: string): string {
  if (text.length <= MAX_DIFF) return text;
  const end = text.lastIndexOf('\n', MAX_DIFF) + 1;
  const left = text.slice(end).split('\n').length - 1;
  return `${text.slice(0, end)}(${left} more lines of this diff are not shown)\n`;
}
