/** What has changed inside of one file. */
import { hunksOf, linesOf, type Hunk } from '../../domain/text-diff/hunks.ts';
import { changesBetween } from '../../domain/text-diff/line-changes.ts';
import { toShownText, type ByteText } from '../byte-text.ts';
import type { ObjectSource } from '../objects/object.ts';
import { type ChangeKind, isFile, kindOfChange, type MaybeFile } from './file-state.ts';
import type { FileDifference } from './tree-diff.ts';

export interface FileDiffLimits {
  /** Of either side; a larger file is not compared by lines. */
  readonly bytes: number;
  /** Common lines around a change. */
  readonly context: number;
}

const USUAL: FileDiffLimits = { bytes: 1024 * 1024, context: 3 };
/** As git does: a NUL this early makes a file binary. */
const LOOKED_AT_FOR_NUL = 8000;

export interface FileDiff {
  readonly path: ByteText;
  readonly change: ChangeKind;
  /** `none`: the content is the same. `binary` and `large` have no hunks. `symlink`: both sides are one, or not there. */
  readonly content: 'text' | 'binary' | 'large' | 'symlink' | 'none';
  /** Lines; 0 for what has no hunks. */
  readonly added: number;
  readonly removed: number;
  /** Lines as people read them: what is not UTF-8 shows as U+FFFD. */
  readonly hunks: readonly Hunk[];
  /** Undefined where there is no file. */
  readonly bytesBefore: number | undefined;
  readonly bytesAfter: number | undefined;
}

/**
 * @param difference of two states that are not the same.
 * @throws MissingObject, TamperedObject
 */
export function fileDiff(source: ObjectSource, difference: FileDifference, limits = USUAL): FileDiff {
  const { path, before, after } = difference;
  const old = before === undefined ? undefined : source.read(before.id).body;
  const new_ = after === undefined ? undefined : source.read(after.id).body;
  const content = contentOf(difference, old, new_, limits.bytes);
  const hasHunks = content === 'text' || content === 'symlink';
  const hunks = hasHunks ? hunksBetween(old, new_, limits.context) : [];
  return {
    path,
    change: kindOfChange(before, after),
    content,
    added: count(hunks, '+'),
    removed: count(hunks, '-'),
    hunks,
    bytesBefore: old?.length,
    bytesAfter: new_?.length,
  };
}

function contentOf(
  { before, after }: FileDifference,
  old: Buffer | undefined,
  new_: Buffer | undefined,
  maxBytes: number,
): FileDiff['content'] {
  if (before?.id === after?.id) return 'none';
  if (!isPlain(before) && !isPlain(after)) return 'symlink';
  const sides = [old, new_].filter((side) => side !== undefined);
  if (sides.some((side) => side.length > maxBytes)) return 'large';
  return sides.some((side) => side.subarray(0, LOOKED_AT_FOR_NUL).includes(0)) ? 'binary' : 'text';
}

function isPlain(state: MaybeFile): boolean {
  return state !== undefined && isFile(state.mode);
}

/** Compared by bytes: two texts that differ only in what is not UTF-8 are not the same. */
function hunksBetween(old: Buffer | undefined, new_: Buffer | undefined, context: number): Hunk[] {
  const before = linesOf(old?.toString('latin1') ?? '');
  const after = linesOf(new_?.toString('latin1') ?? '');
  return hunksOf(before, after, changesBetween(before, after), context).map((hunk) => ({
    ...hunk,
    lines: hunk.lines.map((line) => ({ ...line, text: toShownText(line.text) })),
  }));
}

function count(hunks: readonly Hunk[], wanted: '+' | '-'): number {
  return hunks.reduce((sum, { lines }) => sum + lines.filter(({ kind }) => kind === wanted).length, 0);
}
