/** Takes the lines of a stretch out of a stream of bytes, in memory that does not grow with the file or with a line. */
import { MAX_LINE } from './limits.ts';

const NEWLINE = 10;
const RETURN = 13;
/** Bytes that are kept of one line: enough for as many characters as are shown. */
const KEPT = MAX_LINE * 4;

export interface Line {
  readonly number: number;
  /** Cut to MAX_LINE characters. */
  readonly text: string;
  /** Bytes of the whole line, without its end. */
  readonly bytes: number;
  readonly cut: boolean;
}

/** Things in what was taken that its reader should know of. */
export interface Oddities {
  invalid: boolean;
  nul: boolean;
  crlf: boolean;
  mark: boolean;
}

export class LineWindow {
  readonly oddities: Oddities = { invalid: false, nul: false, crlf: false, mark: false };
  readonly #first: number;
  readonly #take: (line: Line) => boolean;
  #number = 1;
  #kept: Buffer[] = [];
  #keptBytes = 0;
  #bytes = 0;
  #lastByte = 0;
  #closed = false;

  /**
   * @param first number of the first line that is wanted.
   * @param take called with one line after another; false ends the taking, not the counting.
   */
  constructor(first: number, take: (line: Line) => boolean) {
    this.#first = first;
    this.#take = take;
  }

  /** True when no further line is wanted. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Lines so far; one that has begun counts. */
  get lines(): number {
    return this.#bytes > 0 ? this.#number : this.#number - 1;
  }

  add(piece: Buffer): void {
    for (let from = 0; from < piece.length;) {
      const end = piece.indexOf(NEWLINE, from);
      if (end === -1) {
        this.#extend(piece.subarray(from));
        return;
      }
      this.#extend(piece.subarray(from, end));
      this.#finish();
      from = end + 1;
    }
  }

  /** The last line needs no end. */
  end(): void {
    if (this.#bytes > 0) this.#finish();
  }

  #extend(part: Buffer): void {
    if (part.length === 0) return;
    this.#bytes += part.length;
    this.#lastByte = part.at(-1) ?? 0;
    if (!this.#wanted || this.#keptBytes >= KEPT) return;
    const kept = part.subarray(0, KEPT - this.#keptBytes);
    this.#kept.push(Buffer.from(kept));
    this.#keptBytes += kept.length;
  }

  #finish(): void {
    if (this.#wanted) this.#closed = !this.#take(this.#line());
    this.#kept = [];
    this.#keptBytes = 0;
    this.#bytes = 0;
    this.#number += 1;
  }

  get #wanted(): boolean {
    return !this.#closed && this.#number >= this.#first;
  }

  #line(): Line {
    const returned = this.#lastByte === RETURN && this.#bytes > 0;
    const bytes = returned ? this.#bytes - 1 : this.#bytes;
    if (returned) this.oddities.crlf = true;
    const raw = Buffer.concat(this.#kept).subarray(0, bytes);
    const whole = raw.length === bytes ? raw : raw.subarray(0, characterBoundary(raw));
    const decoded = this.#decode(whole);
    const text = decoded.length > MAX_LINE ? decoded.slice(0, MAX_LINE).replace(/[\ud800-\udbff]$/, '') : decoded;
    return { number: this.#number, text, bytes, cut: decoded.length > MAX_LINE || raw.length < bytes };
  }

  #decode(raw: Buffer): string {
    let text = raw.toString('utf8');
    if (text.includes('\ufffd') && !Buffer.from(text).equals(raw)) this.oddities.invalid = true;
    if (this.#number === 1 && text.startsWith('\ufeff')) {
      this.oddities.mark = true;
      text = text.slice(1);
    }
    if (text.includes('\0')) {
      this.oddities.nul = true;
      text = text.replaceAll('\0', '\u2400');
    }
    return text;
  }
}

/** @returns the length without a character that was cut at the end. */
function characterBoundary(raw: Buffer): number {
  let end = raw.length;
  for (let back = 1; back <= 4 && back <= raw.length; back += 1) {
    const byte = raw[raw.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    if (byte >= 0xc0) end = raw.length - back;
    break;
  }
  return end;
}
