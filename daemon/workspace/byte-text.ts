/**
 * Names of files as the workspace thread carries them: one character a byte (latin1).
 *
 * File systems hold bytes. A name that is not UTF-8 would be lost in a string, and two of them could become one.
 */

/** A name or path inside of the workspace, one character a byte, parts joined by `/`. */
export type ByteText = string;

/** @param text as people and programs write it. */
export function toByteText(text: string): ByteText {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** For system calls, which take the bytes as they are. */
export function toBytes(text: ByteText): Buffer {
  return Buffer.from(text, 'latin1');
}

/** For people: what is not UTF-8 shows as U+FFFD. */
export function toShownText(text: ByteText): string {
  return Buffer.from(text, 'latin1').toString('utf8');
}

const REPLACEMENT = '\ufffd';
const HIGH_BYTE = 0x80;
/** A byte that is not UTF-8 travels as this and the byte: a lone surrogate, which no text has. */
const ESCAPED = 0xdc00;
const ESCAPED_BYTE = /[\udc80-\udcff]/;

/** For clients: each name has one text, and each text one name. */
export function toWirePath(text: ByteText): string {
  const bytes = toBytes(text);
  const decoded = bytes.toString('utf8');
  if (!decoded.includes(REPLACEMENT)) return decoded;
  let wire = '';
  for (let at = 0; at < bytes.length;) {
    const length = characterLength(bytes, at);
    wire += length === 0 ? String.fromCharCode(ESCAPED + (bytes[at] ?? 0)) : bytes.toString('utf8', at, at + length);
    at += Math.max(1, length);
  }
  return wire;
}

/** What no name can be comes out as the bytes that are closest to it; nothing has such a name. */
export function fromWirePath(wire: string): ByteText {
  if (!ESCAPED_BYTE.test(wire)) return toByteText(wire);
  let text = '';
  for (const character of wire) {
    text += isEscaped(character) ? String.fromCharCode(character.charCodeAt(0) - ESCAPED) : toByteText(character);
  }
  return text;
}

/** A lone surrogate only: a pair is iterated over as one character. */
function isEscaped(character: string): boolean {
  return character.length === 1 && ESCAPED_BYTE.test(character);
}

/** @returns how many bytes from `at` on are one character of UTF-8; 0 for a byte that begins none. */
function characterLength(bytes: Buffer, at: number): number {
  const first = bytes[at] ?? 0;
  if (first < HIGH_BYTE) return 1;
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (at + length > bytes.length) return 0;
  const piece = bytes.subarray(at, at + length);
  // Written back, only what was a character is the same again.
  return Buffer.from(piece.toString('utf8'), 'utf8').equals(piece) ? length : 0;
}
