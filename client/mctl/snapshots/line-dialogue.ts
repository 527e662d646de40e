/** Asks a person a line at a time, on stderr. */
import type { InkLine } from '../../calls/ink-line.ts';
import { chosenBy, questionLine, type Choice, type Dialogue } from '../../files/dialogue.ts';
import type { MctlContext } from '../context.ts';

export class LineDialogue implements Dialogue {
  readonly #context: MctlContext;
  readonly #lines: (lines: readonly InkLine[]) => void;

  constructor(context: MctlContext, lines: (lines: readonly InkLine[]) => void) {
    this.#context = context;
    this.#lines = lines;
  }

  /** A plan is read with the question below it: it is not taken away by a pager. */
  async show(pages: AsyncIterable<readonly InkLine[]>): Promise<void> {
    for await (const page of pages) {
      this.#lines(page);
      await this.#context.stdout.drained();
    }
  }

  async choose(question: string, choices: readonly Choice[], otherwise: string): Promise<string> {
    const { ask } = await import('../../command-line/ask.ts');
    return chosenBy(await ask(this.#context.around, questionLine(question, choices)), choices) ?? otherwise;
  }
}
