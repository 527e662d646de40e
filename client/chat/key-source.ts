/** What is typed at a terminal, with pasted text taken out: a paste is one thing, whatever line ends are in it. */
import { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import type { Input } from '../command-line/surroundings.ts';
import { RestOfAnswer } from './rest-of-answer.ts';

const PASTE_BEGINS = '\x1b[200~';
const PASTE_ENDS = '\x1b[201~';
/** Shorter beginnings of a marker are left to the line editor: an Escape key must not wait for what may follow. */
const SHORTEST_HELD = 3;

export const ASK_FOR_PASTE_MARKERS = '\x1b[?2004h';
export const NO_PASTE_MARKERS = '\x1b[?2004l';

/**
 * The stream that the line editor reads. Its data is handed on synchronously and in order with the pastes between.
 */
export class KeySource extends Readable {
  readonly isTTY = true;
  readonly #input: Input;
  readonly #paste: (text: string) => void;
  readonly #decoder = new StringDecoder('utf8');
  #pasted: string | undefined;
  #diverted: ((chunk: Buffer) => void) | undefined;
  #rest: RestOfAnswer | undefined;
  #held = '';

  /** @param paste is given what was pasted, with line feeds for line ends. */
  constructor(input: Input, paste: (text: string) => void) {
    super();
    this.#input = input;
    this.#paste = paste;
    input.on('data', this.#take);
    input.on('end', this.#end);
    input.resume();
  }

  override _read(): void {
    // Data comes when keys are pressed.
  }

  setRawMode(mode: boolean): this {
    this.#input.setRawMode?.(mode);
    return this;
  }

  /** What is typed from now on goes to somebody else, as bytes; without anybody, to the line editor again. */
  divert(taker: ((chunk: Buffer) => void) | undefined): void {
    this.#rest?.close();
    this.#diverted = taker;
  }

  /** A letter was an answer. If the rest of its word comes next, with Enter or without, nobody is given it. */
  swallow(rest: string, pressed: () => void): void {
    this.#rest?.close();
    this.#rest = new RestOfAnswer(rest, pressed, (text) => {
      this.#hear(text);
    });
  }

  /** Leaves the terminal to others. */
  release(): void {
    this.#rest?.close();
    this.#input.off('data', this.#take);
    this.#input.off('end', this.#end);
    this.#input.pause();
  }

  readonly #end = (): void => {
    this.emit('end');
  };

  readonly #take = (chunk: Buffer | string): void => {
    if (this.#diverted !== undefined) {
      this.#diverted(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
      return;
    }
    const typed = typeof chunk === 'string' ? chunk : this.#decoder.write(chunk);
    this.#hear(this.#rest?.isOpen === true ? this.#rest.push(typed) : typed);
  };

  #hear(typed: string): void {
    let text = this.#held + typed;
    this.#held = '';
    while (text !== '') text = this.#pasted === undefined ? this.#typed(text) : this.#inPaste(this.#pasted, text);
  }

  /** @returns what is left to look at. */
  #typed(text: string): string {
    const start = text.indexOf(PASTE_BEGINS);
    const kept = start === -1 ? text.length - heldLength(text, PASTE_BEGINS) : start;
    if (kept > 0) this.emit('data', Buffer.from(text.slice(0, kept)));
    if (start === -1) {
      this.#held = text.slice(kept);
      return '';
    }
    this.#pasted = '';
    return text.slice(start + PASTE_BEGINS.length);
  }

  #inPaste(before: string, text: string): string {
    const all = before + text;
    const end = all.indexOf(PASTE_ENDS, Math.max(0, before.length - PASTE_ENDS.length));
    if (end === -1) {
      this.#pasted = all;
      return '';
    }
    this.#pasted = undefined;
    this.#paste(all.slice(0, end).replaceAll(/\r\n?/g, '\n'));
    return all.slice(end + PASTE_ENDS.length);
  }
}

/** Length of the end of a text that may be the beginning of a marker. */
function heldLength(text: string, marker: string): number {
  for (let length = marker.length - 1; length >= SHORTEST_HELD; length -= 1) {
    if (text.endsWith(marker.slice(0, length))) return length;
  }
  return 0;
}
