/** A table of sessions on a terminal, drawn over itself whenever something has changed. */
import { fitWidth } from '../../command-line/display-width.ts';
import { harmlessLine } from '../../command-line/harmless-text.ts';
import type { Output } from '../../command-line/output.ts';
import type { Session } from '../../../protocol/session.ts';
import type { ListView } from './live-list.ts';
import { table } from './table.ts';

/** Headings, the line below the table, and the one that the cursor stands in. */
const OTHER_LINES = 3;

export class LiveTable implements ListView {
  readonly #stdout: Output;
  readonly #wanted: number;
  #sessions: () => Session[] = () => [];
  #isListed = false;
  #lost: string | undefined;
  /** Lines on the screen above the cursor. */
  #drawn = 0;
  #isDue = false;

  /** @param wanted rows at most; the terminal may have room for fewer. */
  constructor(stdout: Output, wanted: number) {
    this.#stdout = stdout;
    this.#wanted = wanted;
  }

  /** @returns a function that draws the last change and ends it. */
  show(sessions: () => Session[]): () => void {
    this.#sessions = sessions;
    const undo = this.#stdout.onResize(() => {
      // The terminal has wrapped what was drawn; where it stands now nobody knows.
      this.#stdout.write('\x1b[2J\x1b[H');
      this.#drawn = 0;
      this.#soon();
    });
    return () => {
      undo();
      if (this.#isDue) this.#draw();
      // The terminal has shown the Ctrl+C.
      this.#stdout.write('\r\x1b[K');
    };
  }

  listed(): void {
    this.#isListed = true;
    this.#soon();
  }

  changed(): void {
    this.#soon();
  }

  removed(): void {
    this.#soon();
  }

  lost(reason: string): void {
    this.#lost = reason;
    this.#soon();
  }

  restored(): void {
    this.#lost = undefined;
    this.#soon();
  }

  /** What arrives together is drawn together. */
  #soon(): void {
    if (this.#isDue || !this.#isListed) return;
    this.#isDue = true;
    setImmediate(() => {
      if (this.#isDue) this.#draw();
    });
  }

  #draw(): void {
    this.#isDue = false;
    const { columns, rows } = this.#stdout;
    const all = this.#sessions();
    const shown = all.slice(0, Math.max(1, Math.min(this.#wanted, rows - OTHER_LINES)));
    const hidden = all.length - shown.length;
    const below =
      this.#lost === undefined
        ? `${all.length === 0 ? 'no sessions' : hidden > 0 ? `${hidden} more below` : ''}`
        : `[the connection is lost, trying again: ${harmlessLine(this.#lost)}]`;
    const lines = [...table(shown, columns), fitWidth(below, columns)];
    const back = this.#drawn === 0 ? '' : `\x1b[${this.#drawn}A`;
    this.#stdout.write(`${back}\r\x1b[J${lines.join('\n')}\n`);
    this.#drawn = lines.length;
  }
}
