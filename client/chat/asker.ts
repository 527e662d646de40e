/** Asks the person at this terminal about tool calls: one question after the other, in the place of the typed line. */
import { offersLine, offersOf, type Answer, type Offer, type Wish } from '../calls/answers.ts';
import { giveAnswer } from '../calls/give-answer.ts';
import { questionText, type QuestionText } from '../calls/question-lines.ts';
import { bracketedWord } from '../command-line/bracketed-word.ts';
import { failureOf } from '../command-line/failure.ts';
import type { Client, PendingApproval } from '../connection/api.ts';
import { AnswerKeys } from './answer-keys.ts';
import type { LineEditor } from './line-editor.ts';
import { QuestionLine } from './question-line.ts';
import type { Screen } from './screen.ts';
import type { Transcript } from './transcript.ts';

/** No key may have been pressed for so long before the next one can be an answer. */
const QUIET_MS = 300;
const MOST_LINES = 40;
/** Rows of the screen that are left for other things than what would be done. */
const OTHER_ROWS = 6;

export interface AskerParts {
  readonly client: Client;
  readonly screen: Screen;
  readonly editor: LineEditor;
  readonly transcript: Transcript;
  /** Where the question stands: the session that is watched. */
  readonly sessionId: () => string | undefined;
  /** Whether the place of the typed line is free: no block is open there, no passphrase is asked for. */
  readonly isFree: () => boolean;
  /** Status and typed line are to be looked at again. */
  readonly changed: () => void;
  readonly interrupt: () => void;
  readonly leave: () => void;
}

/**
 * `soon`: it stands on the screen and waits until nothing is typed. `open`: keys are answers. `aside`: keys are typed text
 * until Tab. `reason`: the typed line is the reason of a no. `sent`: an answer is on its way.
 */
type State = 'soon' | 'open' | 'aside' | 'reason' | 'sent';

interface Question {
  readonly pending: PendingApproval;
  readonly text: QuestionText;
  isSeen: boolean;
  state: State;
  /** The person has put it aside. */
  isPutAside: boolean;
}

export class Asker {
  readonly #parts: AskerParts;
  readonly #line: QuestionLine;
  readonly #keys = new AnswerKeys();
  #question: Question | undefined;
  #quiet: NodeJS.Timeout | undefined;
  /** What stood in the typed line before it was needed for a reason. */
  #draft = '';

  constructor(parts: AskerParts) {
    this.#parts = parts;
    this.#line = new QuestionLine(parts.screen.columns, parts.screen.echo);
  }

  /** Whether the place of the typed line is used. */
  get isShown(): boolean {
    const state = this.#question?.state;
    return state === 'open' || state === 'reason' || state === 'aside';
  }

  /** Whether what Enter gives is the reason of a no. */
  get takesReason(): boolean {
    return this.#question?.state === 'reason';
  }

  /** For the status line; undefined while the question itself says it. */
  get sentence(): string | undefined {
    if (this.#question?.state === 'sent') return 'answering';
    return this.#question?.state === 'aside'
      ? `${this.#question.pending.question.title} waits for an answer: Tab`
      : undefined;
  }

  /** Whether the person is being asked; the turn then waits for nothing else that is worth a word. */
  get asks(): boolean {
    return this.#question !== undefined;
  }

  /** Looks at what is asked now. */
  look(pending: readonly PendingApproval[]): void {
    const known = this.#question;
    const [first] = pending;
    if (known !== undefined && known.pending.question.callId === first?.question.callId) {
      if (known.state === 'open' && !this.#parts.isFree()) known.state = 'soon';
      if (known.state === 'soon' && this.#quiet === undefined) this.#wait();
      return;
    }
    if (known !== undefined) this.#end(known);
    if (first !== undefined) this.#begin(first);
  }

  /** A key went to the typed line. */
  typed(): void {
    const question = this.#question;
    if (question === undefined) return;
    if (question.state === 'aside' && !question.isPutAside && this.#parts.editor.isEmpty) question.state = 'soon';
    if (question.state === 'soon') this.#wait();
  }

  /** Tab: to the question, when one waits. */
  tab(): void {
    if (this.#question?.state === 'aside' && this.#parts.isFree()) this.#open(this.#question);
  }

  /** Enter was pressed in the line of the reason. Nothing typed is no reason, and no answer. */
  reason(text: string): void {
    const question = this.#question;
    if (question === undefined) return;
    this.#giveBackLine();
    if (text.trim() === '') this.#open(question);
    else void this.#answer(question, { decision: 'reject', reason: text.trim() });
  }

  close(): void {
    clearTimeout(this.#quiet);
    this.#quiet = undefined;
    this.#question = undefined;
  }

  #begin(pending: PendingApproval): void {
    const { screen, transcript } = this.#parts;
    const rows = Math.max(3, Math.min(MOST_LINES, screen.rows - OTHER_ROWS));
    const text = questionText(pending.question, { rows, columns: screen.columns });
    transcript.lines(text.lines);
    transcript.calls.questionShown(pending.question);
    this.#question = { pending, text, isSeen: text.isWhole, state: 'soon', isPutAside: false };
    this.#wait();
  }

  /** Keys typed before the question, or before it could be read, are not about it. */
  #wait(): void {
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => {
      this.#quiet = undefined;
      const question = this.#question;
      if (question?.state !== 'soon' || !this.#parts.isFree()) return;
      if (this.#parts.editor.isEmpty) this.#open(question);
      else question.state = 'aside';
      this.#parts.changed();
    }, QUIET_MS);
  }

  #open(question: Question): void {
    const { editor, screen, changed } = this.#parts;
    question.state = 'open';
    question.isPutAside = false;
    this.#keys.clear();
    this.#line.resize(screen.columns);
    this.#set(question);
    editor.divert((chunk) => {
      this.#take(question, chunk.toString('utf8'));
    });
    screen.attach(this.#line);
    changed();
  }

  #offers({ pending, isSeen }: Question): Offer[] {
    return offersOf(pending.question, isSeen);
  }

  #take(question: Question, chunk: string): void {
    const { interrupt, leave } = this.#parts;
    const offers = this.#offers(question);
    const pressed = this.#keys.push(chunk, offers);
    switch (pressed.kind) {
      case 'interrupt':
        interrupt();
        break;
      case 'end':
        leave();
        break;
      case 'aside':
        this.#leaveLine();
        question.state = 'aside';
        question.isPutAside = true;
        break;
      case 'wish':
        this.#do(question, pressed.wish);
        this.#swallow(offers.find(({ wish }) => wish === pressed.wish));
        break;
      case 'typed':
        this.#redraw(question);
        break;
      case 'nothing':
        break;
    }
    this.#parts.changed();
  }

  /** Who answers with the whole word has not typed the rest of it into the line. */
  #swallow(offer: Offer | undefined): void {
    if (offer?.wish.kind === 'answer' && offer.key.length === 1) {
      this.#parts.editor.swallow(bracketedWord(offer.short).slice(offer.key.length));
    }
  }

  #do(question: Question, wish: Wish): void {
    const { editor, transcript } = this.#parts;
    if (wish.kind === 'view') {
      transcript.lines(question.text.whole);
      question.isSeen = true;
      this.#redraw(question);
      return;
    }
    this.#leaveLine();
    if (wish.kind === 'answer') {
      void this.#answer(question, wish.answer);
      return;
    }
    question.state = 'reason';
    this.#draft = editor.text;
    editor.clear();
  }

  async #answer(question: Question, answer: Answer): Promise<void> {
    const { client, transcript, changed } = this.#parts;
    const { callId } = question.pending.question;
    const sessionId = this.#parts.sessionId();
    if (sessionId === undefined) return;
    question.state = 'sent';
    transcript.calls.answering(callId, answer.decision);
    changed();
    try {
      await giveAnswer(client, { sessionId, callId, isAsked: () => this.#question === question }, answer);
    } catch (error) {
      transcript.calls.answering(callId);
      // Somebody else was faster: the question is gone, and its end was told.
      if (this.#question !== question) return;
      const { message, hint } = failureOf(error);
      transcript.tell(`not answered: ${message}${hint === '' ? '' : `\n  ${hint}`}`, 'red');
      question.state = 'soon';
      this.#wait();
      changed();
    }
  }

  #redraw(question: Question): void {
    this.#set(question);
    this.#parts.screen.attach(this.#line);
  }

  #set(question: Question): void {
    this.#line.set((columns) => offersLine(this.#offers(question), columns) + this.#keys.word);
  }

  /** It is no longer asked. */
  #end(question: Question): void {
    clearTimeout(this.#quiet);
    this.#quiet = undefined;
    this.#question = undefined;
    if (question.state === 'open') this.#leaveLine();
    if (question.state === 'reason') this.#giveBackLine();
  }

  /** The typed line is back, with what stood in it. */
  #leaveLine(): void {
    const { editor, screen, isFree } = this.#parts;
    // A passphrase that is asked for has taken the place meanwhile.
    if (!isFree()) return;
    editor.divert(undefined);
    screen.attach(editor);
  }

  #giveBackLine(): void {
    const { editor } = this.#parts;
    editor.clear();
    if (this.#draft !== '') editor.insert(this.#draft);
    this.#draft = '';
  }
}
