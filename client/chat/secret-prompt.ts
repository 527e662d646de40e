/** The line for a passphrase, in the place of the typed line: it shows what is asked for and nothing of the answer. */
import type { TypedLine } from './screen.ts';

export class SecretPrompt implements TypedLine {
  readonly cursorRows = 0;
  readonly #question: string;
  readonly #echo: (text: string) => void;

  /** @param question shorter than any terminal is wide. */
  constructor(question: string, echo: (text: string) => void) {
    this.#question = question;
    this.#echo = echo;
  }

  draw(): void {
    this.#echo(this.#question);
  }

  hide(): void {
    // Nothing of it changes by itself.
  }

  resize(): void {
    // One row at any width.
  }
}
