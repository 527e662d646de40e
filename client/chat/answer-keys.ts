/** Keys that are pressed at a question: single letters and one word count; Enter alone, pastes and arrow keys do not. */

/** What a key, or a word, stands for. */
export interface KeyOffer<W> {
  readonly key: string;
  readonly wish: W;
}

export type Pressed<W> =
  | { readonly kind: 'wish'; readonly wish: W }
  /** The word so far is another one. */
  | { readonly kind: 'typed' }
  | { readonly kind: 'interrupt' }
  | { readonly kind: 'end' }
  /** Back to the typed line. */
  | { readonly kind: 'aside' }
  | { readonly kind: 'nothing' };

const PASTE_BEGINS = '\x1b[200~';
const PASTE_ENDS = '\x1b[201~';
const INTERRUPT = '\x03';
const CONTROLS: Readonly<Record<string, Pressed<never>>> = {
  '\x04': { kind: 'end' },
  '\x1b': { kind: 'aside' },
  '\t': { kind: 'aside' },
};

export class AnswerKeys {
  #isPasting = false;
  #word = '';

  /** What was typed of a word. */
  get word(): string {
    return this.#word;
  }

  clear(): void {
    this.#word = '';
  }

  /** @param chunk what the terminal sent at once. */
  push<W>(chunk: string, offers: readonly KeyOffer<W>[]): Pressed<W> {
    if (this.#isPasted(chunk)) return { kind: 'nothing' };
    // Whatever was typed with it.
    if (chunk.includes(INTERRUPT)) return { kind: 'interrupt' };
    const control = CONTROLS[chunk];
    if (control !== undefined) return control;
    const words = offers.filter(({ key }) => key.length > 1);
    const letter = offers.find(({ key }) => key === chunk.toLowerCase() && key.length === 1);
    if (this.#word === '' && letter !== undefined) return { kind: 'wish', wish: letter.wish };
    // Several keys at once are somebody who types ahead, unless they make a word that is asked for.
    return words.length === 0 ? { kind: 'nothing' } : this.#spell(chunk, words);
  }

  #isPasted(chunk: string): boolean {
    const begins = chunk.lastIndexOf(PASTE_BEGINS);
    const ends = chunk.lastIndexOf(PASTE_ENDS);
    const was = this.#isPasting;
    if (begins !== -1 || ends !== -1) this.#isPasting = begins > ends;
    return was || begins !== -1;
  }

  #spell<W>(chunk: string, words: readonly KeyOffer<W>[]): Pressed<W> {
    for (const key of chunk) {
      if (key === '\r' || key === '\n') {
        const whole = words.find((offer) => offer.key === this.#word);
        this.#word = '';
        return whole === undefined ? { kind: 'typed' } : { kind: 'wish', wish: whole.wish };
      }
      if (key === '\x7f' || key === '\b') this.#word = this.#word.slice(0, -1);
      else this.#word += key.toLowerCase();
      if (!words.some((offer) => offer.key.startsWith(this.#word))) this.#word = '';
      if (this.#word === '') return { kind: 'typed' };
    }
    return { kind: 'typed' };
  }
}
