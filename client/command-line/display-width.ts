/** How many columns of a terminal a text takes. */
import { stripVTControlCharacters } from 'node:util';
import { isPlainAscii } from './plain-ascii.ts';

const TAB = 8;
/** Made when it is first needed: it costs more than most commands print. */
let segmenter: Intl.Segmenter | undefined;
const ZERO = /^[\p{Mark}\p{Default_Ignorable_Code_Point}]$/u;
const PICTOGRAPH = /^\p{Emoji_Presentation}|\ufe0f/u;
/** Scripts and symbols that are two columns wide, by first and last code point. */
const WIDE: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0xa4cf],
  [0xa960, 0xa97f],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x20000, 0x3fffd],
];

/** Columns of a text without line feeds; colours count nothing. */
export function displayWidth(text: string): number {
  if (isPlainAscii(text)) return text.length;
  const plain = stripVTControlCharacters(text);
  if (isPlainAscii(plain)) return plain.length;
  let width = 0;
  for (const { segment } of graphemes(plain)) width += graphemeWidth(segment);
  return width;
}

/**
 * The column that follows a text which is written from a column on, as terminals wrap it.
 * @returns 0 to `columns`; `columns` means that the row is full and the next character wraps.
 */
export function columnAfter(text: string, from: number, columns: number): number {
  const plain = stripVTControlCharacters(text);
  let column = from;
  if (isPlainAscii(plain)) return plain === '' ? from : ((from + plain.length - 1) % columns) + 1;
  for (const { segment } of graphemes(plain)) {
    if (segment === '\t') column = Math.min(columns - 1, (Math.floor(column / TAB) + 1) * TAB);
    else {
      const width = graphemeWidth(segment);
      column = column + width > columns ? width : column + width;
    }
  }
  return column;
}

/** Cuts a text so that it takes at most so many columns, with a sign that it was cut. */
export function fitWidth(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text;
  let width = 0;
  let kept = '';
  for (const { segment } of graphemes(text)) {
    width += graphemeWidth(segment);
    if (width > columns - 1) break;
    kept += segment;
  }
  return `${kept}…`;
}

/** Cuts a text into rows of at most so many columns; what needs more than so many rows is cut off with a sign. */
export function wrapWidth(text: string, columns: number, rows: number): string[] {
  const wrapped: string[] = [];
  let rest = text;
  while (wrapped.length < rows - 1 && displayWidth(rest) > columns) {
    const row = fitWidth(rest, columns + 1).slice(0, -1);
    wrapped.push(row);
    rest = rest.slice(row.length);
  }
  return [...wrapped, fitWidth(rest, columns)];
}

/** Fills a text up with blanks to so many columns. */
export function padWidth(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - displayWidth(text)));
}

function graphemeWidth(segment: string): number {
  const code = segment.codePointAt(0) ?? 0;
  if (code < 0x7f) return 1;
  if (PICTOGRAPH.test(segment)) return 2;
  if (ZERO.test(segment)) return 0;
  return WIDE.some(([first, last]) => code >= first && code <= last) ? 2 : 1;
}

function graphemes(text: string): Intl.Segments {
  segmenter ??= new Intl.Segmenter(undefined, { granularity: 'grapheme' });
  return segmenter.segment(text);
}
