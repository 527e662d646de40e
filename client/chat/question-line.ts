/** A question in the place of the typed line: what can be pressed, and what was typed of a word. */
import { displayWidth, wrapWidth } from '../command-line/display-width.ts';
import type { TypedLine } from './screen.ts';

const MOST_ROWS = 4;

export class QuestionLine implements TypedLine {
  readonly #echo: (text: string) => void;
  #columns: number;
  #text: (columns: number) => string = () => '';
  #drawn: readonly string[] = [];

  constructor(columns: number, echo: (text: string) => void) {
    this.#columns = columns;
    this.#echo = echo;
  }

  /** @param text how it is said on so many columns. */
  set(text: (columns: number) => string): void {
    this.#text = text;
  }

  /** Rows that it takes, the last one not counted, however the terminal has wrapped it meanwhile. */
  get cursorRows(): number {
    const rows = this.#drawn.map((row) => Math.max(1, Math.ceil(displayWidth(row) / this.#columns)));
    return Math.max(0, rows.reduce((sum, taken) => sum + taken, 0) - 1);
  }

  draw(): void {
    this.#drawn = wrapWidth(this.#text(this.#columns), this.#columns - 1, MOST_ROWS);
    this.#echo(this.#drawn.join('\n'));
  }

  hide(): void {
    // Nothing of it changes by itself.
  }

  resize(columns: number): void {
    this.#columns = columns;
  }
}
