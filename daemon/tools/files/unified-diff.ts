/** The difference of two contents as a unified diff, for a person to read. */
import { hunksOf, linesOf, type Hunk, type HunkLine } from '../../domain/text-diff/hunks.ts';
import { changesBetween } from '../../domain/text-diff/line-changes.ts';
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
  const old = linesOf(textOf(before));
  const young = linesOf(textOf(after));
  const changes = changesBetween(old, young);
  if (changes.length === 0 && before !== null) return '';
  const body = hunksOf(old, young, changes, CONTEXT).map(hunkText).join('');
  return cut(header + body);
}

/** One character stands for a byte: CRLF and what is not UTF-8 count as differences. */
function textOf(content: Uint8Array | null): string {
  return content === null ? '' : Buffer.from(content.buffer, content.byteOffset, content.length).toString('latin1');
}

function hunkText({ oldStart, oldLines, newStart, newLines, lines }: Hunk): string {
  const header = `@@ -${range(oldStart, oldLines)} +${range(newStart, newLines)} @@\n`;
  return header + lines.map(lineText).join('');
}

function range(start: number, count: number): string {
  return count === 1 ? `${start}` : `${start},${count}`;
}

function lineText({ kind, text, unended }: HunkLine): string {
  const shown = `${kind}${Buffer.from(text, 'latin1').toString('utf8')}\n`;
  return unended === true ? `${shown}${NO_NEWLINE}\n` : shown;
}

function cut(text: string): string {
  if (text.length <= MAX_DIFF) return text;
  const end = text.lastIndexOf('\n', MAX_DIFF) + 1;
  const left = text.slice(end).split('\n').length - 1;
  return `${text.slice(0, end)}(${left} more lines of this diff are not shown)\n`;
}
