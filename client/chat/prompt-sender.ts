/** Gives prompts and commands one after the other, and says when one is long on its way or was not taken. */
import { failureOf } from '../command-line/failure.ts';
import type { Chat } from './chat.ts';
import type { KeptLines } from './kept-lines.ts';

const SLOW_MS = 400;

export interface PromptSenderParts {
  readonly chat: Chat;
  readonly kept: KeptLines;
  /** A prompt was not taken: it is given back. */
  readonly giveBack: (text: string) => void;
  /** Status and typed line are to be looked at again. */
  readonly changed: () => void;
}

export class PromptSender {
  readonly #parts: PromptSenderParts;
  #sending = 0;
  #isSlow = false;
  /** What was typed is done in order. */
  #work: Promise<unknown> = Promise.resolve();

  constructor(parts: PromptSenderParts) {
    this.#parts = parts;
  }

  get isSending(): boolean {
    return this.#sending > 0;
  }

  /** Whether a prompt has been on its way for so long that it is worth a word. */
  get isSlow(): boolean {
    return this.#isSlow;
  }

  prompt(text: string): void {
    const { chat, kept, giveBack, changed } = this.#parts;
    this.#sending += 1;
    const slow = setTimeout(() => {
      this.#isSlow = true;
      changed();
    }, SLOW_MS);
    this.inOrder(async () => {
      try {
        // Only now is it known which session it is about.
        const { sessionId } = await chat.submit(text);
        kept.add(text, sessionId);
      } catch (error) {
        kept.add(text, chat.talk.sessionId);
        const { message, hint } = failureOf(error);
        chat.transcript.tell(`not sent: ${message}${hint === '' ? '' : `\n  ${hint}`}`, 'red');
        giveBack(text);
      } finally {
        clearTimeout(slow);
        this.#sending -= 1;
        this.#isSlow &&= this.#sending > 0;
      }
    });
  }

  /** @param line as it was typed, to be kept; empty for nothing. */
  command(name: string, argument: string, line: string): void {
    const { chat, kept } = this.#parts;
    this.inOrder(() => {
      // As above.
      if (line !== '') kept.add(line, chat.talk.sessionId);
      return chat.command(name, argument);
    });
  }

  inOrder(act: () => Promise<unknown>): void {
    const { chat, changed } = this.#parts;
    this.#work = this.#work
      .then(act)
      .catch((error: unknown) => {
        chat.transcript.tell(`error: ${failureOf(error).message}`, 'red');
      })
      .finally(changed);
  }
}
