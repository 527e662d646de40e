/** A run as a person reads it: the answer on stdout, the rest on stderr. */
import { tellFailure, type Failure } from '../command-line/failure.ts';
import { HarmlessStream, harmlessLine } from '../command-line/harmless-text.ts';
import type { Output } from '../command-line/output.ts';
import { localClock } from '../command-line/wording.ts';
import type { ConnectionStatus } from '../connection/api.ts';
import type { Change } from '../conversation/conversation.ts';
import { cutOffSentence } from '../conversation/cut-off.ts';
import { EMPTY_ANSWER, hasAnswer } from '../conversation/empty-answer.ts';
import type { Message } from '../../protocol/message.ts';
import type { TurnChange } from '../../protocol/turn.ts';
import { endingSentence, type Outcome } from './outcome.ts';
import type { OwnTurn, Report } from './report.ts';

/** Reasons of a cut-off that the end of the turn repeats. */
const SAID_AT_THE_END: ReadonlySet<string> = new Set(['cancelled', 'stopped']);

export class TextReport implements Report {
  readonly #stdout: Output;
  readonly #stderr: Output;
  readonly #stream = new HarmlessStream();
  #atLineStart = true;
  #hasAnswered = false;
  #isLost = false;
  #saidOfWaiting = '';

  constructor(stdout: Output, stderr: Output) {
    this.#stdout = stdout;
    this.#stderr = stderr;
  }

  begin(): void {
    // The answer is all that a person asked for.
  }

  change(change: Change): void {
    if (change.kind === 'text' && change.channel === 'text') {
      if (change.afresh) this.#mark('once more, from the beginning');
      this.#write(this.#stream.push(change.text));
    }
    if (change.kind === 'message') this.#endMessage(change.message);
    if (change.kind === 'cutoff' && !SAID_AT_THE_END.has(change.reason)) this.#mark(cutOffSentence(change.reason));
    if (change.kind === 'turn' && change.change.state === 'waiting') this.#waiting(change.change);
    if (change.kind === 'storage') this.note(change.unsaved === null ? 'saved again' : `NOT SAVED: ${change.unsaved}`);
  }

  connection(status: ConnectionStatus): void {
    if (status.state === 'reconnecting' && !this.#isLost) this.note(`reconnecting: ${status.reason}`);
    if (status.state === 'stopped') this.note(status.reason);
    if (status.state === 'connected' && this.#isLost) this.note('connected again');
    this.#isLost = status.state === 'reconnecting';
  }

  note(sentence: string): void {
    this.#endLine();
    this.#stderr.line(`m: ${harmlessLine(sentence)}`);
  }

  end(own: OwnTurn, outcome: Outcome): void {
    this.#endLine();
    if (outcome.error !== undefined) tellFailure(this.#stderr, 'm', outcome.error);
    const ending = endingSentence(own.sessionId, outcome);
    if (ending !== undefined) this.note(ending);
    else if (outcome.type === 'turn.completed' && !this.#hasAnswered) this.note(EMPTY_ANSWER);
  }

  fail(failure: Failure): void {
    this.#endLine();
    tellFailure(this.#stderr, 'm', failure);
  }

  #endMessage({ parts }: Message): void {
    this.#endLine();
    if (hasAnswer(parts)) this.#hasAnswered = true;
  }

  #waiting(change: TurnChange): void {
    const why = change.error?.message ?? change.waitingFor ?? 'the model cannot be reached';
    if (why === this.#saidOfWaiting) return;
    this.#saidOfWaiting = why;
    const when = change.retryAt === undefined ? '' : `; next attempt at ${localClock(change.retryAt)}`;
    this.note(`waiting: ${when === '' ? why : why.replace(/\.$/, '')}${when}`);
  }

  /** Where half an answer stands, the sign that it is only half of one stands too. */
  #mark(sentence: string): void {
    this.#endLine();
    this.#write(`[${sentence}]\n`);
  }

  #endLine(): void {
    this.#write(this.#stream.end());
    if (!this.#atLineStart) this.#write('\n');
  }

  #write(text: string): void {
    if (text === '') return;
    this.#atLineStart = text.endsWith('\n');
    this.#stdout.write(text);
  }
}
