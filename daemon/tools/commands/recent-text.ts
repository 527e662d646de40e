/** The newest part of an output that goes on, read piece by piece. */

/** Small pieces are joined up to this length, so that a million lines are not a million pieces. */
const JOIN = 8 * 1024;

export class RecentText {
  readonly #max: number;
  readonly #pieces: string[] = [];
  #length = 0;
  /** Characters that are not in memory any more and were never read. */
  #lost = 0;

  /** @param max UTF-16 units. */
  constructor(max: number) {
    this.#max = max;
  }

  add(text: string): void {
    const last = this.#pieces.at(-1);
    if (last !== undefined && last.length + text.length <= JOIN) this.#pieces[this.#pieces.length - 1] = last + text;
    else this.#pieces.push(text);
    this.#length += text.length;
    while (this.#length > this.#max) {
      const gone = this.#pieces.shift()?.length ?? 0;
      this.#length -= gone;
      this.#lost += gone;
    }
  }

  /** @returns what was not read yet, as far as it is there, and how many characters before it are not. */
  take(): { text: string; lost: number } {
    const taken = { text: this.#pieces.splice(0).join(''), lost: this.#lost };
    this.#length = 0;
    this.#lost = 0;
    return taken;
  }
}
