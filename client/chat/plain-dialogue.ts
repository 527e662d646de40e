/** Asks in a terminal without cursor movement: the question is a line, and so is the answer. */
import type { InkLine } from '../calls/ink-line.ts';
import type { Output } from '../command-line/output.ts';
import { chosenBy, questionLine, type Choice, type Dialogue } from '../files/dialogue.ts';
import type { LineReader } from './line-reader.ts';
import type { Transcript } from './transcript.ts';

export class PlainDialogue implements Dialogue {
  readonly #transcript: Transcript;
  readonly #stdout: Output;
  readonly #reader: LineReader;

  constructor(transcript: Transcript, stdout: Output, reader: LineReader) {
    this.#transcript = transcript;
    this.#stdout = stdout;
    this.#reader = reader;
  }

  async show(pages: AsyncIterable<readonly InkLine[]>): Promise<void> {
    for await (const page of pages) {
      this.#transcript.printLines(page);
      await this.#stdout.drained();
    }
  }

  async choose(question: string, choices: readonly Choice[], otherwise: string): Promise<string> {
    this.#stdout.write(questionLine(question, choices));
    const line = await this.#reader.peek();
    if (line.done === true) return otherwise;
    this.#reader.take();
    return chosenBy(line.value, choices) ?? otherwise;
  }
}
