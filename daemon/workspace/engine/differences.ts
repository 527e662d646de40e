/** What differs between two trees as clients see it: files with their lines, in pages, with a bound on the work. */
import type { DiffFile, FileChangeKind } from '../../../protocol/snapshot.ts';
import type { ResultOf } from '../../../protocol/methods.ts';
import { toWirePath } from '../byte-text.ts';
import { fileDiff, type FileDiff } from '../diff/file-diff.ts';
import type { MaybeFile } from '../diff/file-state.ts';
import type { FileDifference } from '../diff/tree-diff.ts';
import type { ObjectSource } from '../objects/object.ts';

type Hunk = FileDiff['hunks'][number];
type DiffLine = DiffFile['hunks'][number]['lines'][number];

/** Of one answer, and of one file in it; characters, which is near enough. */
const PAGE = 1_000_000;
const PAGE_FILES = 1_000;
const FILE = 250_000;
/** What a line and a file cost beside their text. */
const LINE_COST = 30;
const FILE_COST = 350;
/** Lines of more files, or of more bytes in them, are not counted: a bound on the work, and the same for the same files. */
const COUNTED_FILES = 2_000;
const COUNTED_BYTES = 16 * 2 ** 20;

export interface Lines {
  readonly added: number;
  readonly removed: number;
}

export const NO_LINES: Lines = { added: 0, removed: 0 };

/** Counts the lines of one difference after another up to a bound; nothing of those that come later. */
export class LineCounter {
  readonly #source: ObjectSource;
  #files = 0;
  #bytes = 0;

  constructor(source: ObjectSource) {
    this.#source = source;
  }

  /** Nothing also of what is not stored. @throws TamperedObject */
  count(difference: FileDifference): Lines {
    if (this.#files >= COUNTED_FILES || this.#bytes >= COUNTED_BYTES) return NO_LINES;
    if (!isStored(this.#source, difference.before) || !isStored(this.#source, difference.after)) return NO_LINES;
    this.#files += 1;
    const { added, removed, bytesBefore = 0, bytesAfter = 0 } = fileDiff(this.#source, difference);
    this.#bytes += bytesBefore + bytesAfter;
    return { added, removed };
  }
}

export function sumOf(counts: readonly Lines[]): Lines {
  return counts.reduce(
    (sum, { added, removed }) => ({ added: sum.added + added, removed: sum.removed + removed }),
    NO_LINES,
  );
}

/**
 * @param offset how many differences earlier pages held.
 * @param by who changed a path.
 * @throws MissingObject, TamperedObject
 */
export function pageOf(
  source: ObjectSource,
  differences: readonly FileDifference[],
  offset: number,
  by: (difference: FileDifference) => DiffFile['by'],
): ResultOf<'snapshot/diff'> {
  const files: DiffFile[] = [];
  const counter = new LineCounter(source);
  const counts: Lines[] = [];
  let size = 0;
  let nextOffset: number | null = null;
  for (const [index, difference] of differences.entries()) {
    if (index < offset || nextOffset !== null) {
      counts.push(counter.count(difference));
      continue;
    }
    const diff = fileDiff(source, difference);
    const file = shownFile(difference, diff, by(difference));
    size += sizeOf(file);
    counts.push(diff);
    if (files.length > 0 && (size > PAGE || files.length >= PAGE_FILES)) nextOffset = index;
    else files.push(file);
  }
  return { files, nextOffset, total: differences.length, ...sumOf(counts) };
}

function shownFile({ before, after }: FileDifference, diff: FileDiff, by: DiffFile['by']): DiffFile {
  const { hunks, truncated } = withinLimit(diff.hunks);
  const change: FileChangeKind = diff.change;
  return {
    path: toWirePath(diff.path),
    change,
    content: diff.content,
    added: diff.added,
    removed: diff.removed,
    bytesBefore: diff.bytesBefore ?? null,
    bytesAfter: diff.bytesAfter ?? null,
    modeBefore: shownMode(before),
    modeAfter: shownMode(after),
    by,
    hunks,
    truncated,
  };
}

/** The beginning of them, also of the hunk in which the limit lies. */
function withinLimit(hunks: FileDiff['hunks']): { hunks: DiffFile['hunks']; truncated: boolean } {
  const kept: DiffFile['hunks'] = [];
  let room = FILE;
  for (const hunk of hunks) {
    const lines = linesWithin(hunk.lines, room);
    if (lines.length < hunk.lines.length) {
      if (lines.length > 0) kept.push(shortened(hunk, lines));
      return { hunks: kept, truncated: true };
    }
    kept.push({ ...hunk, lines });
    room -= costOf(lines);
  }
  return { hunks: kept, truncated: false };
}

function linesWithin(lines: Hunk['lines'], room: number): DiffLine[] {
  const kept: DiffLine[] = [];
  let left = room;
  for (const line of lines) {
    left -= line.text.length + LINE_COST;
    if (left < 0) break;
    kept.push(line);
  }
  return kept;
}

function shortened({ oldStart, newStart }: Hunk, lines: DiffLine[]): DiffFile['hunks'][number] {
  const oldLines = lines.filter(({ kind }) => kind !== '+').length;
  const newLines = lines.filter(({ kind }) => kind !== '-').length;
  return { oldStart, oldLines, newStart, newLines, lines };
}

function sizeOf({ path, hunks }: DiffFile): number {
  return hunks.reduce((sum, { lines }) => sum + costOf(lines), FILE_COST + path.length);
}

function costOf(lines: readonly { readonly text: string }[]): number {
  return lines.reduce((sum, { text }) => sum + text.length + LINE_COST, LINE_COST);
}

function shownMode(state: MaybeFile): string | null {
  return state === undefined ? null : state.mode.toString(8).padStart(6, '0');
}

function isStored(source: ObjectSource, state: MaybeFile): boolean {
  return state === undefined || source.has(state.id);
}
