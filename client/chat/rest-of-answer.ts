/**
 * The rest of a word whose first letter was an answer already: who types `yes` and Enter at `[y]es` means no prompt `es`.
 * It is held back, and given on when it turns out to be something else.
 */

/** Whoever waits longer between two keys has begun something new. */
const PAUSE_MS = 1_000;
const ENTER = /^\r?\n?/;

export class RestOfAnswer {
  readonly #rest: string;
  readonly #pressed: () => void;
  readonly #give: (text: string) => void;
  #held = '';
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param rest of the word, without the letter that was pressed, in lower case.
   * @param pressed hears of each key that is held back.
   * @param give takes what was held back and was something else.
   */
  constructor(rest: string, pressed: () => void, give: (text: string) => void) {
    this.#rest = rest;
    this.#pressed = pressed;
    this.#give = give;
    this.#wait();
  }

  /** Whether what comes next may still belong to the word. */
  get isOpen(): boolean {
    return this.#timer !== undefined;
  }

  /** @returns what does not belong to the word. */
  push(text: string): string {
    const all = this.#held + text;
    const isWhole = all.toLowerCase().startsWith(this.#rest);
    if (isWhole && /^[\r\n]/.test(all.slice(this.#rest.length))) {
      this.close();
      return all.slice(this.#rest.length).replace(ENTER, '');
    }
    if (this.#held === '' && /^[\r\n]/.test(all)) {
      this.close();
      return all.replace(ENTER, '');
    }
    if (this.#rest.startsWith(all.toLowerCase())) {
      this.#held = all;
      this.#wait();
      this.#pressed();
      return '';
    }
    this.close();
    return all;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#held = '';
  }

  #wait(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const held = this.#held;
      this.close();
      // A whole word without Enter was the answer all the same.
      if (held !== '' && held.toLowerCase() !== this.#rest) this.#give(held);
    }, PAUSE_MS);
  }
}
