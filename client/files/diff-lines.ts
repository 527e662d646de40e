/** What differs in a file, in lines: a heading, and a unified diff where there is text. */
import { sizeText } from '../calls/command-result.ts';
import type { InkLine } from '../calls/ink-line.ts';
import { harmlessRow } from '../calls/text-lines.ts';
import type { Ink } from '../command-line/style.ts';
import type { DiffFile } from '../../protocol/snapshot.ts';
import { lineCounts } from './change-words.ts';
import { patchName } from './patch-name.ts';
import { pathText } from './path-text.ts';

const BY: Readonly<Record<NonNullable<DiffFile['by']>, string>> = {
  tool: '',
  shell: 'by shell',
  restore: 'by a restore',
  ambiguous: 'not known by whom',
  others: 'not by this turn',
};
const WORDS: Readonly<Record<DiffFile['change'], string>> = {
  added: 'added',
  changed: 'changed',
  deleted: 'deleted',
  mode: 'mode changed',
  type: 'became something else',
};
const INKS: Readonly<Record<' ' | '+' | '-', Ink | undefined>> = { '+': 'green', '-': 'red', ' ': undefined };
const NOWHERE = '/dev/null';
/** A line has a megabyte at times, and none of it is for reading then. */
const LONGEST = 2_000;

const REST = '… the rest of this file is left out: it differs in too much';
/** As everybody writes it. */
const UNENDED: InkLine = { text: '\\ No newline at end of file', ink: 'dim' };

/** How lines of files, and the names above them, are written. */
export interface DiffStyle {
  readonly line: (text: string) => string;
  readonly name: (path: string) => string;
}

/** Harmless, and cut when it is too long to be read. */
const FOR_PEOPLE: DiffStyle = {
  line: (text) => harmlessRow((text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text).toWellFormed()),
  name: pathText,
};

/** Lines as they are in the file, names as `patch` reads them. */
export const FOR_PATCH: DiffStyle = { line: (text) => text, name: patchName };

/** What differs in a file, as a heading and a unified diff. */
export function diffLines(file: DiffFile, style: DiffStyle = FOR_PEOPLE): InkLine[] {
  const heading: InkLine = { text: headingOf(file), ink: 'bold' };
  const rest: InkLine[] = file.truncated ? [{ text: REST, ink: 'yellow' }] : [];
  if (file.hunks.length === 0) return [heading, ...rest];
  const before = file.change === 'added' ? NOWHERE : style.name(`a/${file.path}`);
  const after = file.change === 'deleted' ? NOWHERE : style.name(`b/${file.path}`);
  return [
    heading,
    { text: `--- ${before}`, ink: 'dim' },
    { text: `+++ ${after}`, ink: 'dim' },
    ...file.hunks.flatMap((hunk) => hunkLines(hunk, style)),
    ...rest,
  ];
}

/** `changed src/a.ts (+3 -1, by shell)` */
function headingOf(file: DiffFile): string {
  const facts = [lineCounts(file), contentOf(file), modeOf(file), file.by === null ? '' : BY[file.by]];
  const known = facts.filter((fact) => fact !== '').join(', ');
  return `${WORDS[file.change]} ${pathText(file.path)}${known === '' ? '' : ` (${known})`}`;
}

/** Why there is no text, and how large the file is. */
function contentOf({ content, bytesBefore, bytesAfter }: DiffFile): string {
  if (content === 'symlink') return 'symbolic link';
  if (content !== 'binary' && content !== 'large') return '';
  const what = content === 'binary' ? 'binary' : 'too large to be shown';
  const sizes = [bytesBefore, bytesAfter].filter((bytes) => bytes !== null).map(sizeText);
  return `${what}, ${[...new Set(sizes)].join(' → ')}`;
}

function modeOf({ change, modeBefore, modeAfter }: DiffFile): string {
  if (modeBefore === null || modeAfter === null || modeBefore === modeAfter) return '';
  return change === 'mode' || change === 'type' ? `${modeBefore} → ${modeAfter}` : `mode ${modeBefore} → ${modeAfter}`;
}

function hunkLines(hunk: DiffFile['hunks'][number], style: DiffStyle): InkLine[] {
  const { oldStart, oldLines, newStart, newLines, lines } = hunk;
  const head: InkLine = { text: `@@ -${oldStart},${oldLines} +${newStart},${newLines} @@`, ink: 'cyan' };
  return [
    head,
    ...lines.flatMap(({ kind, text, unended }): InkLine[] => {
      const ink = INKS[kind];
      const line: InkLine = { text: kind + style.line(text), ...(ink === undefined ? {} : { ink }) };
      return unended === true ? [line, UNENDED] : [line];
    }),
  ];
}
