/** Asks about tool calls on a terminal that cannot move its cursor: a line is a whole word, so that none typed ahead is one. */
import { offersOf, type Answer } from '../calls/answers.ts';
import { giveAnswer } from '../calls/give-answer.ts';
import { questionText } from '../calls/question-lines.ts';
import { failureOf } from '../command-line/failure.ts';
import type { Output } from '../command-line/output.ts';
import type { PendingApproval } from '../connection/api.ts';
import type { Chat } from './chat.ts';
import type { LineReader } from './line-reader.ts';

/** What is typed for each of the short answers. */
const WORDS: Readonly<Record<string, string>> = { y: 'yes', s: 'session', a: 'always' };

export class PlainAsker {
  readonly #chat: Chat;
  readonly #stdout: Output;
  readonly #reader: LineReader;
  #current: PendingApproval | undefined;

  constructor(chat: Chat, stdout: Output, reader: LineReader) {
    this.#chat = chat;
    this.#stdout = stdout;
    this.#reader = reader;
  }

  /** Looks at what is asked now. */
  look(): void {
    const [first] = this.#chat.talk.conversation?.approvals ?? [];
    if (first?.question.callId === this.#current?.question.callId) return;
    this.#current = first;
    if (first !== undefined) void this.#ask(first);
  }

  async #ask(pending: PendingApproval): Promise<void> {
    const { transcript } = this.#chat;
    transcript.lines(questionText(pending.question).lines);
    transcript.calls.questionShown(pending.question);
    while (this.#current === pending) {
      this.#stdout.write(`allow? ${this.#words(pending).join(', ')}, no, no REASON: `);
      const line = await this.#reader.peek();
      // It is over: the line is a prompt.
      if (this.#current !== pending) return;
      if (line.done === true) return;
      this.#reader.take();
      const answer = this.#read(pending, line.value.trim());
      if (answer !== undefined && (await this.#answer(pending, answer))) return;
    }
  }

  #words({ question }: PendingApproval): string[] {
    return offersOf(question, true).flatMap(({ key, wish }) =>
      wish.kind === 'answer' && wish.answer.decision === 'allow' ? [WORDS[key] ?? key] : [],
    );
  }

  #read({ question }: PendingApproval, line: string): Answer | undefined {
    const no = /^no(?:\s+(?<reason>.+))?$/i.exec(line);
    if (no !== null) {
      const reason = no.groups?.['reason'];
      return { decision: 'reject', ...(reason === undefined ? {} : { reason }) };
    }
    const offer = offersOf(question, true).find(({ key }) => (WORDS[key] ?? key) === line.toLowerCase());
    return offer?.wish.kind === 'answer' ? offer.wish.answer : undefined;
  }

  /** @returns whether it was taken. */
  async #answer(pending: PendingApproval, answer: Answer): Promise<boolean> {
    const { client, talk, transcript } = this.#chat;
    const { callId } = pending.question;
    const { sessionId } = talk;
    if (sessionId === undefined) return true;
    transcript.calls.answering(callId, answer.decision);
    try {
      await giveAnswer(client, { sessionId, callId, isAsked: () => this.#current === pending }, answer);
      return true;
    } catch (error) {
      transcript.calls.answering(callId);
      transcript.tell(`not answered: ${failureOf(error).message}`);
      return false;
    }
  }
}
