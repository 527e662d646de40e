/** A terminal in memory: what a person would see after the bytes that were written. Knows the sequences that chat uses. */
import { displayWidth } from '../../client/command-line/display-width.ts';

const SEQUENCE = /^\x1b\[([?\d;]*)([A-Za-z])/; // eslint-disable-line no-control-regex

export class VirtualTerminal {
  readonly #columns: number;
  readonly #rows: string[][] = [[]];
  #row = 0;
  #column = 0;
  /** Sequences that it does not know: a test looks here for what slipped through. */
  readonly unknown: string[] = [];

  constructor(columns: number) {
    this.#columns = columns;
  }

  /** Rows without blanks at their ends; empty rows at the bottom are left out. */
  get screen(): string {
    return this.#rows
      .map((row) =>
        Array.from(row, (cell) => cell ?? ' ')
          .join('')
          .trimEnd(),
      )
      .join('\n')
      .trimEnd();
  }

  write(text: string): void {
    let rest = text;
    while (rest !== '') {
      const sequence = SEQUENCE.exec(rest);
      if (sequence !== null) {
        this.#obey(sequence[1] ?? '', sequence[2] ?? '');
        rest = rest.slice(sequence[0].length);
        continue;
      }
      const [character = ''] = rest;
      this.#put(character);
      rest = rest.slice(character.length);
    }
  }

  #obey(parameters: string, command: string): void {
    const number = Number(parameters === '' ? 1 : parameters);
    if (command === 'A') this.#row = Math.max(0, this.#row - number);
    else if (command === 'B') this.#row += number;
    else if (command === 'C') this.#column = Math.min(this.#columns - 1, this.#column + number);
    else if (command === 'D') this.#column = Math.max(0, this.#column - number);
    else if (command === 'G') this.#column = Math.min(this.#columns, number) - 1;
    else if (command === 'H') [this.#row, this.#column] = [0, 0];
    else if (command === 'J') this.#clearBelow();
    else if (command === 'K') this.#line().splice(this.#column);
    else if (command !== 'm' && command !== 'h' && command !== 'l') this.unknown.push(parameters + command);
  }

  #put(character: string): void {
    if (character === '\n') {
      this.#row += 1;
      this.#column = 0;
    } else if (character === '\r') {
      this.#column = 0;
    } else if (character < ' ') {
      this.unknown.push(character);
    } else {
      const width = displayWidth(character);
      if (width === 0) {
        this.#line()[this.#column - 1] += character;
        return;
      }
      if (this.#column + width > this.#columns) {
        this.#row += 1;
        this.#column = 0;
      }
      this.#line()[this.#column] = character;
      if (width === 2) this.#line()[this.#column + 1] = '';
      this.#column += width;
    }
  }

  #clearBelow(): void {
    this.#line().splice(this.#column);
    this.#rows.splice(this.#row + 1);
  }

  #line(): string[] {
    while (this.#rows.length <= this.#row) this.#rows.push([]);
    return this.#rows[this.#row] ?? [];
  }
}
