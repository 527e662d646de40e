/** Asks whoever started a run about its tool calls: a line at a time, on the terminal, beside the answer. */
import { offersLine, offersOf, type Answer, type Wish } from '../calls/answers.ts';
import { giveAnswer } from '../calls/give-answer.ts';
import { inked } from '../calls/ink-line.ts';
import { questionText } from '../calls/question-lines.ts';
import { failureOf } from '../command-line/failure.ts';
import { harmlessLine } from '../command-line/harmless-text.ts';
import type { Output } from '../command-line/output.ts';
import type { Paint } from '../command-line/style.ts';
import type { Input } from '../command-line/surroundings.ts';
import type { Client, PendingApproval } from '../connection/api.ts';

/** What was typed before the question, or before it could be read, is not about it. */
const DEAF_MS = 300;
const MOST_LINES = 60;
/** Rows of the terminal that are left for other things than what would be done. */
const OTHER_ROWS = 6;
const LINE_FEED = '\n';

export interface AskerParts {
  readonly client: Client;
  readonly input: Input;
  readonly stderr: Output;
  readonly paint: Paint;
  readonly sessionId: () => string;
  /** Told before an answer is given, and again, without a decision, when it was not taken. */
  readonly answering: (callId: string, decision?: Answer['decision']) => void;
  /** There will be no answer from here. */
  readonly ended: () => void;
}

export class RunAsker {
  readonly #parts: AskerParts;
  #current: PendingApproval | undefined;
  #isSeen = false;
  #takesReason = false;
  #isDeaf = false;
  #typed = '';
  #hearing: NodeJS.Timeout | undefined;

  constructor(parts: AskerParts) {
    this.#parts = parts;
  }

  /** Looks at what is asked now: one question after the other. */
  look(pending: readonly PendingApproval[]): void {
    const [first] = pending;
    if (first?.question.callId === this.#current?.question.callId) return;
    this.close();
    if (first !== undefined) this.#begin(first);
  }

  close(): void {
    const { input, stderr } = this.#parts;
    clearTimeout(this.#hearing);
    if (this.#current === undefined) return;
    this.#current = undefined;
    input.off('data', this.#take);
    input.off('end', this.#end);
    input.pause();
    // The cursor stands behind a question that nobody has answered here.
    if (!this.#isDeaf) stderr.write(LINE_FEED);
  }

  #begin(pending: PendingApproval): void {
    const { input, stderr, paint } = this.#parts;
    const rows = Math.max(3, Math.min(MOST_LINES, stderr.rows - OTHER_ROWS));
    const text = questionText(pending.question, { rows, columns: stderr.columns });
    this.#current = pending;
    this.#isSeen = text.isWhole;
    this.#takesReason = false;
    this.#isDeaf = true;
    this.#typed = '';
    stderr.line(inked(text.lines, paint));
    input.on('data', this.#take).on('end', this.#end);
    input.resume();
    this.#hearing = setTimeout(() => {
      this.#isDeaf = false;
      this.#typed = '';
      this.#ask();
    }, DEAF_MS);
  }

  #ask(): void {
    const { stderr } = this.#parts;
    if (this.#current === undefined) return;
    const offers = offersOf(this.#current.question, this.#isSeen);
    stderr.write(this.#takesReason ? 'no, because: ' : offersLine(offers, stderr.columns));
  }

  readonly #end = (): void => {
    if (this.#current !== undefined) this.#parts.ended();
  };

  readonly #take = (chunk: Buffer | string): void => {
    if (this.#isDeaf) return;
    this.#typed += typeof chunk === 'string' ? chunk : chunk.toString('utf8');
    for (;;) {
      const end = this.#typed.indexOf(LINE_FEED);
      if (end === -1 || this.#current === undefined) return;
      const line = this.#typed.slice(0, end).trim();
      this.#typed = this.#typed.slice(end + 1);
      this.#line(this.#current, line);
    }
  };

  #line(pending: PendingApproval, line: string): void {
    if (this.#takesReason) {
      this.#takesReason = false;
      if (line === '') this.#ask();
      else void this.#answer(pending, { decision: 'reject', reason: line });
      return;
    }
    const offers = offersOf(pending.question, this.#isSeen);
    const wish = offers.find(({ key }) => key === line.toLowerCase())?.wish;
    if (wish === undefined) this.#ask();
    else this.#do(pending, wish);
  }

  #do(pending: PendingApproval, wish: Wish): void {
    const { stderr, paint } = this.#parts;
    if (wish.kind === 'answer') {
      void this.#answer(pending, wish.answer);
      return;
    }
    if (wish.kind === 'view') {
      stderr.line(inked(questionText(pending.question).whole, paint));
      this.#isSeen = true;
    } else {
      this.#takesReason = true;
    }
    this.#ask();
  }

  async #answer(pending: PendingApproval, answer: Answer): Promise<void> {
    const { client, stderr, answering } = this.#parts;
    const { callId } = pending.question;
    answering(callId, answer.decision);
    // The line that was typed has ended the row of the question.
    this.#isDeaf = true;
    try {
      const sessionId = this.#parts.sessionId();
      await giveAnswer(client, { sessionId, callId, isAsked: () => this.#current === pending }, answer);
    } catch (error) {
      answering(callId);
      // Somebody else was faster, and that was told.
      if (this.#current !== pending) return;
      stderr.line(`m: not answered: ${harmlessLine(failureOf(error).message)}`);
      this.#isDeaf = false;
      this.#ask();
    }
  }
}
