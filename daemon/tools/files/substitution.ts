/** Replaces text in the bytes of a file, leaving everything else as it is: line ends, byte order mark, invalid bytes. */
import { ToolRefusal } from '../../services/tool-port.ts';

export interface Substitution {
  readonly old: string;
  readonly new: string;
  readonly all: boolean;
}

interface Wording {
  readonly old: Buffer;
  readonly new: Buffer;
}

/** Line numbers that a refusal names. */
const MAX_NAMED = 10;
/** Places that are replaced at once. */
const MAX_PLACES = 100_000;

/**
 * @returns the new content and how often the text was there.
 * @throws ToolRefusal when it is not there, or more than once and not all of them are meant.
 */
export function substitute(shown: string, content: Buffer, wish: Substitution): { content: Buffer; count: number } {
  const wording = wordingFor(content, wish);
  const found = count(content, wording.old);
  if (found > MAX_PLACES) throw new ToolRefusal(`the old text is in ${shown} ${found} times: use a command`);
  const places = placesOf(content, wording.old);
  if (places.length === 0) throw new ToolRefusal(notFound(shown, content, wish.old));
  if (places.length > 1 && !wish.all) throw new ToolRefusal(ambiguous(shown, content, places));
  const pieces: Buffer[] = [];
  let from = 0;
  for (const place of places) {
    pieces.push(content.subarray(from, place), wording.new);
    from = place + wording.old.length;
  }
  pieces.push(content.subarray(from));
  return { content: Buffer.concat(pieces), count: places.length };
}

/** Models write LF: in a file of CRLF lines that is what they mean. */
function wordingFor(content: Buffer, wish: Substitution): Wording {
  const asWritten = { old: Buffer.from(wish.old), new: Buffer.from(wish.new) };
  const crlf = count(content, '\r\n');
  if (crlf === 0) return asWritten;
  const converted = { old: Buffer.from(withCrlf(wish.old)), new: Buffer.from(withCrlf(wish.new)) };
  if (!content.includes(asWritten.old)) return converted;
  return crlf * 2 > count(content, '\n') ? { old: asWritten.old, new: converted.new } : asWritten;
}

function withCrlf(text: string): string {
  return text.replace(/\r?\n/g, '\r\n');
}

function count(content: Buffer, what: Buffer | string): number {
  let found = 0;
  for (let at = content.indexOf(what); at !== -1; at = content.indexOf(what, at + what.length)) found += 1;
  return found;
}

function placesOf(content: Buffer, what: Buffer): number[] {
  const places: number[] = [];
  for (let at = content.indexOf(what); at !== -1; at = content.indexOf(what, at + what.length)) places.push(at);
  return places;
}

function ambiguous(shown: string, content: Buffer, places: readonly number[]): string {
  const lines = places.slice(0, MAX_NAMED).map((place) => lineAt(content, place));
  const more = places.length > MAX_NAMED ? ', …' : '';
  return `the old text is in ${shown} ${places.length} times (lines ${lines.join(', ')}${more}): add what surrounds the one that is meant, or set all`;
}

function notFound(shown: string, content: Buffer, old: string): string {
  const first = old
    .split('\n')
    .find((line) => line.trim() !== '')
    ?.trim();
  const at = first === undefined ? -1 : content.indexOf(first);
  if (at === -1) return `the old text is not in ${shown}; read it again`;
  return `the old text is not in ${shown}, but what its first line says is in line ${lineAt(content, at)}: compare the white space and the lines after it`;
}

function lineAt(content: Buffer, place: number): number {
  return count(content.subarray(0, place), '\n') + 1;
}
