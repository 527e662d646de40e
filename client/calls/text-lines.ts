/** Lines of what a tool or a command said, harmless and no longer than can be looked at. */
import { fitWidth } from '../command-line/display-width.ts';
import { harmless } from '../command-line/harmless-text.ts';

const TAB = '    ';
/** Format characters, separators of lines and paragraphs, and what a terminal shows nothing for. */
const HIDDEN = /[\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/**
 * Lines of a text. A carriage return ends a line as well: what a progress bar, or somebody who hides something, wrote over
 * itself is shown one below the other.
 */
export function linesOf(text: string): string[] {
  const lines = text.split(/\r\n|\n|\r/);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

/** A single line made harmless, with its indentation. */
export function harmlessRow(line: string): string {
  return harmless(line).replaceAll('\t', TAB).replaceAll('\n', ' ');
}

/**
 * The same of what a person is to judge: characters that take no room, or turn the direction of others, are named. They
 * would make a command look like another one.
 */
export function revealedRow(line: string): string {
  return harmlessRow(line).replaceAll(HIDDEN, (character) => {
    const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
    return `<U+${code}>`;
  });
}

/** The first one, cut to so many columns. Only what can be seen is looked at: a line may have megabytes. */
export function fittedRow(line: string, columns: number): string {
  const most = Math.max(1, columns);
  return fitWidth(harmlessRow(line.slice(0, most * 4)), most);
}
