/** The newest lines of a command's output while it runs: a bounded window, whatever and however much it writes. */

/** Characters of one line that are kept: more than any terminal is wide. */
const LONGEST = 2_000;

export class LiveTail {
  readonly #most: number;
  #lines: string[] = [];
  /** The line that is not complete yet. */
  #rest = '';
  /** The line end that came last was a carriage return, of which a line feed may be the other half. */
  #halfEnd = false;

  constructor(most: number) {
    this.#most = most;
  }

  /** Not made harmless. */
  get lines(): readonly string[] {
    return this.#rest === '' ? this.#lines.slice(-this.#most) : [...this.#lines, this.#rest].slice(-this.#most);
  }

  push(piece: string): void {
    const text = this.#halfEnd && piece.startsWith('\n') ? piece.slice(1) : piece;
    if (piece !== '') this.#halfEnd = piece.endsWith('\r');
    const lines = (this.#rest + text).split(/\r\n|\n|\r/);
    this.#rest = (lines.pop() ?? '').slice(0, LONGEST);
    for (const line of lines.slice(-this.#most)) this.#lines.push(line.slice(0, LONGEST));
    this.#lines = this.#lines.slice(-this.#most);
  }

  /** Some of it was not told: what follows does not go on where this ended. */
  gap(): void {
    if (this.#rest !== '') this.#lines.push(this.#rest);
    this.#rest = '';
    this.#lines.push('…');
  }
}
