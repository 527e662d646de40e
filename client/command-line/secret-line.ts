/** One line that is typed without being shown: bytes and never a string, so that it can be overwritten. */

/** Longer than any passphrase or API key; what is typed beyond it is dropped. */
export const MAX_SECRET_BYTES = 4096;

const CTRL_C = 0x03;
const CTRL_D = 0x04;
const BACKSPACE = 0x08;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const CTRL_U = 0x15;
const ESCAPE = 0x1b;
const DELETE = 0x7f;

export type SecretEnd = 'enter' | 'interrupt' | 'end';

export class SecretLine {
  readonly #typed = Buffer.alloc(MAX_SECRET_BYTES);
  #length = 0;
  /** Inside the sequence that a key like an arrow sends, or that stands around a paste. */
  #sequence: 'none' | 'begun' | 'inside' = 'none';

  /**
   * Takes what a terminal in raw mode sends.
   * @returns how the line ended and what came behind its end; undefined while it goes on.
   */
  push(chunk: Buffer): { readonly end: SecretEnd; readonly rest: Buffer } | undefined {
    for (const [index, byte] of chunk.entries()) {
      const end = this.#take(byte);
      if (end === undefined) continue;
      const isPair = byte === CARRIAGE_RETURN && chunk[index + 1] === LINE_FEED;
      return { end, rest: chunk.subarray(index + (isPair ? 2 : 1)) };
    }
    return undefined;
  }

  /** What was typed, as UTF-8, for the caller to overwrite. The line is empty afterwards. */
  take(): Buffer {
    const typed = Buffer.alloc(this.#length);
    this.#typed.copy(typed, 0, 0, this.#length);
    this.clear();
    return typed;
  }

  clear(): void {
    this.#typed.fill(0);
    this.#length = 0;
    this.#sequence = 'none';
  }

  #take(byte: number): SecretEnd | undefined {
    if (this.#sequence !== 'none') {
      this.#skip(byte);
      return undefined;
    }
    if (byte === CARRIAGE_RETURN || byte === LINE_FEED) return 'enter';
    if (byte === CTRL_C) return 'interrupt';
    if (byte === CTRL_D) return this.#length === 0 ? 'end' : undefined;
    if (byte === ESCAPE) this.#sequence = 'begun';
    else if (byte === BACKSPACE || byte === DELETE) this.#erase();
    else if (byte === CTRL_U) this.clear();
    else if (byte >= 0x20 && this.#length < MAX_SECRET_BYTES) this.#typed[this.#length++] = byte;
    return undefined;
  }

  /** `ESC [ … letter` and `ESC O letter`; any other byte behind an Escape is dropped with it. */
  #skip(byte: number): void {
    const opens = this.#sequence === 'begun' && (byte === 0x5b || byte === 0x4f);
    const goesOn = this.#sequence === 'inside' && byte < 0x40;
    this.#sequence = opens || goesOn ? 'inside' : 'none';
  }

  /** A character of several bytes goes as one. */
  #erase(): void {
    while (this.#length > 0) {
      this.#length -= 1;
      const byte = this.#typed[this.#length] ?? 0;
      this.#typed[this.#length] = 0;
      if ((byte & 0xc0) !== 0x80) return;
    }
  }
}
