/** Text of others on its way to a terminal: nothing in it may be obeyed by the terminal. */
import { isPlainAscii } from './plain-ascii.ts';

const CARRIAGE_RETURN = '\r';
/** Control characters of both sets, and the marks that reverse the direction of what follows them. */
const DANGEROUS = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu;
const CONTROL_PICTURES = 0x2400;
const DELETE = 0x7f;

/**
 * Makes text of several lines harmless. Line feed and tab stay; every other control character becomes a visible one,
 * so that an escape sequence is read instead of obeyed.
 */
export function harmless(text: string): string {
  if (isPlainAscii(text)) return text;
  return text.replaceAll('\r\n', '\n').replaceAll(DANGEROUS, picture).toWellFormed();
}

/** Makes text harmless that must stay on one line: a title, a name, an error. */
export function harmlessLine(text: string): string {
  return isPlainAscii(text) ? text : harmless(text).replaceAll(/[\n\t]+/g, ' ');
}

/** Makes a text harmless that arrives in pieces, which may cut a line end or a character in two. */
export class HarmlessStream {
  #held = '';

  /** @returns what can be shown now; the rest comes with the next piece. */
  push(piece: string): string {
    const text = this.#held + piece;
    const last = text.at(-1) ?? '';
    const cut = last === CARRIAGE_RETURN || isHighSurrogate(last) ? text.length - 1 : text.length;
    this.#held = text.slice(cut);
    return harmless(text.slice(0, cut));
  }

  /** @returns what was held back when the text has ended. */
  end(): string {
    const rest = this.#held;
    this.#held = '';
    return harmless(rest);
  }
}

/**
 * JSON text of a value, on one line, that a terminal shows and does not obey: JSON leaves DEL and the second set of
 * control characters as they are, so they are escaped here. A parser reads the same value.
 */
export function harmlessJson(value: unknown, indent?: number): string {
  const text = JSON.stringify(value, undefined, indent);
  return text.replaceAll(DANGEROUS, (character) =>
    character === '\n' ? character : `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  );
}

function picture(character: string): string {
  if (character === '\n' || character === '\t') return character;
  const code = character.charCodeAt(0);
  if (code < 0x20) return String.fromCharCode(CONTROL_PICTURES + code);
  return code === DELETE ? '\u2421' : '\ufffd';
}

function isHighSurrogate(character: string): boolean {
  const code = character.charCodeAt(0);
  return code >= 0xd800 && code <= 0xdbff;
}
