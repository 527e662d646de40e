/** A terminal shared by text that streams and a line that is typed: text grows above, status and line stay below it. */
import { columnAfter, displayWidth, fitWidth, wrapWidth } from '../command-line/display-width.ts';
import type { Output } from '../command-line/output.ts';

/** The line being typed, as the screen moves it around. */
export interface TypedLine {
  readonly cursorRows: number;
  draw(): void;
  hide(): void;
  resize(columns: number): void;
}

/** What does not fit is cut off. */
const STATUS_ROWS = 3;
const CLEAR_BELOW = '\x1b[J';

/**
 * Everything between the end of the text and the bottom is drawn again with each change, in one write.
 *
 * The text is wrapped by the terminal itself, so that it can be copied as it is; the screen only counts columns to find
 * back to the end of an unfinished line.
 */
export class Screen {
  readonly #output: Output;
  readonly #dress: (status: string) => string;
  readonly #dim: (row: string) => string;
  #typed: TypedLine | undefined;
  #isTypedShown = false;
  #status: string | undefined;
  #live: readonly string[] = [];
  /** The unfinished last line of the text. */
  #lastLine = '';
  /** Column behind it; the width of the terminal when its row is full. */
  #column = 0;
  /** What is drawn below the text at present. */
  #below: { readonly typed: boolean; readonly rows: readonly string[] } = { typed: false, rows: [] };
  #columns: number;
  #composed: string | undefined;
  #isReleased = false;

  /**
   * @param dress gives the status line its colour.
   * @param dim gives it to what is only there for the moment.
   */
  constructor(output: Output, dress: (status: string) => string, dim: (row: string) => string = (row) => row) {
    this.#output = output;
    this.#dress = dress;
    this.#dim = dim;
    this.#columns = output.columns;
  }

  get columns(): number {
    return this.#columns;
  }

  get rows(): number {
    return this.#output.rows;
  }

  /** Puts another line into the place of the one being typed. */
  attach(typed: TypedLine): void {
    const isShown = this.#isTypedShown;
    this.showTyped(false);
    this.#typed = typed;
    this.showTyped(isShown);
  }

  /** Adds to the text. */
  write(text: string): void {
    if (text !== '') this.#redraw(text);
  }

  /** Adds whole lines, beginning a new one first when one is unfinished. */
  lines(text: string): void {
    this.write(`${this.#column === 0 ? '' : '\n'}${text}\n`);
  }

  /** What stands below the text for the moment; undefined for nothing. */
  setStatus(status: string | undefined): void {
    if (status === this.#status) return;
    this.#status = status;
    this.#redraw('');
  }

  /**
   * What stands between text and status for the moment, a row each, no wider than the screen. Without rows they go with the
   * next text, so that the place does not move twice.
   */
  setLive(rows: readonly string[]): void {
    const isGone = rows.length === 0;
    this.#live = rows;
    if (!isGone) this.#redraw('');
  }

  /** Shows or hides the line being typed. */
  showTyped(shown: boolean): void {
    if (shown === this.#isTypedShown) return;
    this.#isTypedShown = shown;
    this.#redraw('');
  }

  /** What is typed looks different now. */
  redrawTyped(): void {
    if (this.#isTypedShown) this.#redraw('');
  }

  /** The way of the line editor to the terminal. */
  readonly echo = (text: string): void => {
    if (this.#isReleased) return;
    if (this.#composed === undefined) this.#output.write(text);
    else this.#composed += text;
  };

  resize(): void {
    // Terminals wrap their lines anew: rows and columns are those that the same text takes at the new width.
    this.#columns = this.#output.columns;
    this.#typed?.resize(this.#columns);
    this.#column = columnAfter(this.#lastLine, 0, this.#columns);
    this.#redraw('');
  }

  /** The screen was cleared by somebody else: nothing can be found again, so everything begins on a new row. */
  forget(): void {
    this.#lastLine = '';
    this.#column = 0;
  }

  /** Takes away what is below the text and leaves the cursor on a new line. Nothing is drawn afterwards. */
  release(): void {
    if (this.#isReleased) return;
    this.#status = undefined;
    this.#live = [];
    this.#isTypedShown = false;
    this.#redraw(this.#column === 0 ? '' : '\n');
    this.#isReleased = true;
  }

  #redraw(text: string): void {
    if (this.#isReleased) return;
    this.#composed = this.#eraseBelow() + text;
    this.#advance(text);
    this.#drawBelow();
    const composed = this.#composed;
    this.#composed = undefined;
    this.#output.write(composed);
  }

  /** @returns what brings the cursor back to the end of the text with nothing below. */
  #eraseBelow(): string {
    const { typed, rows } = this.#below;
    if (!typed && rows.length === 0) return '';
    // Terminals have wrapped anew what no longer fits.
    const above = rows.reduce((sum, row) => sum + Math.max(1, Math.ceil(displayWidth(row) / this.#columns)), 0);
    const up = typed ? (this.#typed?.cursorRows ?? 0) + above : above - 1;
    this.#typed?.hide();
    const back = `${up > 0 ? `\x1b[${up}A` : ''}\r${CLEAR_BELOW}`;
    if (this.#column === 0) return back;
    if (this.#column < this.#columns) return `${back}\x1b[1A\x1b[${this.#column + 1}G`;
    // The row above is full: the text goes on where the cursor is.
    this.forget();
    return back;
  }

  #drawBelow(): void {
    const typed = this.#isTypedShown && this.#typed !== undefined;
    const status = this.#status === undefined ? [] : wrapWidth(this.#status, this.#columns - 1, STATUS_ROWS);
    const live = this.#live.map((row) => fitWidth(row, this.#columns - 1));
    this.#below = { typed, rows: [...live, ...status] };
    if (!typed && this.#below.rows.length === 0) return;
    if (this.#column > 0) this.echo('\n');
    this.echo([...live.map((row) => this.#dim(row)), ...status.map((row) => this.#dress(row))].join('\n'));
    if (typed && this.#below.rows.length > 0) this.echo('\n');
    if (typed) this.#typed?.draw();
  }

  #advance(text: string): void {
    const end = text.lastIndexOf('\n');
    if (end !== -1) {
      this.#lastLine = '';
      this.#column = 0;
    }
    const added = text.slice(end + 1);
    this.#lastLine += added;
    this.#column = columnAfter(added, this.#column, this.#columns);
  }
}
