/** A line that names files, as words: quotes hold a name with blanks together. */
import { usageError } from '../command-line/failure.ts';

const HINT = 'Put the name into double quotes, or a backslash before the quote.';
const WRITTEN: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r' };
/** A piece of a word: in single quotes, in double quotes, a character behind a backslash, or as it is. */
const PIECE = /'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)|([^\s'"\\]+)/suy;
const ESCAPE = /\\(?:u\{([0-9a-f]{1,6})\}|(.))/gsu;

/**
 * Between double quotes `\n`, `\t`, `\r`, `\"`, `\\` and `\u{202e}` mean what `pathText` means by them.
 * @throws ProtocolError INVALID_PARAMS for a quote that is not closed.
 */
export function readWords(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let at = 0;
  while (at < line.length) {
    PIECE.lastIndex = at;
    const found = PIECE.exec(line);
    if (found !== null) {
      word = (word ?? '') + pieceOf(found);
      at = PIECE.lastIndex;
      continue;
    }
    if (/\S/.test(line[at] ?? '')) throw usageError(`a quote is not closed: ${line.slice(at)}`, HINT);
    if (word !== undefined) words.push(word);
    word = undefined;
    at += 1;
  }
  return word === undefined ? words : [...words, word];
}

function pieceOf([, single, double, escaped, plain]: RegExpExecArray): string {
  if (double === undefined) return single ?? escaped ?? plain ?? '';
  return double.replaceAll(ESCAPE, (_all, code: string | undefined, character: string | undefined) =>
    code === undefined ? (WRITTEN[character ?? ''] ?? character ?? '') : characterOf(code),
  );
}

function characterOf(code: string): string {
  const point = Number.parseInt(code, 16);
  return point <= 0x10ffff ? String.fromCodePoint(point) : '\ufffd';
}
