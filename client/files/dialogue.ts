/** How a person is shown what is long, and asked about what is not to be done unasked. */
import type { InkLine } from '../calls/ink-line.ts';
import { bracketedWord } from '../command-line/bracketed-word.ts';

export interface Choice {
  /** What is typed: a letter. */
  readonly key: string;
  /** `[y]es` */
  readonly words: string;
}

export interface Dialogue {
  /** Shows pages until they end, or the person has seen enough. */
  show(pages: AsyncIterable<readonly InkLine[]>): Promise<void>;
  /**
   * @param otherwise the key that is meant by anything but a choice: Enter, Ctrl+C, the end of input.
   * @returns the key of the choice.
   */
  choose(question: string, choices: readonly Choice[], otherwise: string): Promise<string>;
}

/** `restore 3 files? [y]es [N]o ` */
export function questionLine(question: string, choices: readonly Choice[]): string {
  return `${question} ${choices.map(({ words }) => words).join(' ')} `;
}

/** The key of the choice that a typed line means: its letter, or its word. */
export function chosenBy(line: string, choices: readonly Choice[]): string | undefined {
  const typed = line.trim().toLowerCase();
  return choices.find(({ key, words }) => typed === key || typed === bracketedWord(words))?.key;
}

/** What is there already, as pages. */
export async function* pagesOf(...pages: readonly (readonly InkLine[])[]): AsyncGenerator<readonly InkLine[]> {
  yield* pages;
}
