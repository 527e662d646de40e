/** A run as a person reads it: the answer on stdout, the rest on stderr. */
import { tellFailure, type Failure } from '../command-line/failure.ts';
import { HarmlessStream, harmlessLine } from '../command-line/harmless-text.ts';
import type { Output } from '../command-line/output.ts';
import { localClock } from '../command-line/wording.ts';
import type { ConnectionStatus } from '../connection/api.ts';
import type { Change } from '../conversation/change.ts';
import { cutOffSentence } from '../conversation/cut-off.ts';
import { EMPTY_ANSWER, hasAnswer } from '../conversation/empty-answer.ts';
import { captureText } from '../files/capture-text.ts';
import { turnSentence } from '../files/change-words.ts';
import type { EventData } from '../../protocol/event.ts';
import type { Message } from '../../protocol/message.ts';
import type { SnapshotEntry } from '../../protocol/snapshot.ts';
import type { TurnChange } from '../../protocol/turn.ts';
import { endingSentences, type Outcome } from './outcome.ts';
import { RefusedCalls } from './refused-calls.ts';
import type { CallLines } from './call-lines.ts';
import type { OwnTurn, Report } from './report.ts';

/** How often it is said how far the files are captured, in milliseconds. */
const FILES_EVERY_MS = 3_000;
/** Reasons of a cut-off that the end of the turn repeats. */
const SAID_AT_THE_END: ReadonlySet<string> = new Set(['cancelled', 'stopped']);

export class TextReport implements Report {
  readonly #stdout: Output;
  readonly #stderr: Output;
  readonly #refused = new RefusedCalls();
  readonly #calls: CallLines | undefined;
  readonly #stream = new HarmlessStream();
  #atLineStart = true;
  #hasAnswered = false;
  #isLost = false;
  #saidOfWaiting = '';
  #saidOfFilesAt = -Infinity;

  /** @param calls how calls are shown on stderr; undefined where nobody watches. */
  constructor(stdout: Output, stderr: Output, calls?: CallLines) {
    this.#stdout = stdout;
    this.#stderr = stderr;
    this.#calls = calls;
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
    this.#call(change);
    if (change.kind === 'cutoff' && !SAID_AT_THE_END.has(change.reason)) this.#mark(cutOffSentence(change.reason));
    if (change.kind === 'snapshot' && this.#calls === undefined) this.#files(change.entry);
    if (change.kind === 'capture' && this.#calls !== undefined) this.#capturing(change.capture);
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
    const endings = endingSentences(own.sessionId, outcome);
    for (const sentence of endings) this.note(sentence);
    const isSilent = endings.length === 0 && outcome.type === 'turn.completed' && !this.#hasAnswered;
    if (isSilent) this.note(EMPTY_ANSWER);
  }

  fail(failure: Failure): void {
    this.#endLine();
    tellFailure(this.#stderr, 'm', failure);
  }

  #call(change: Change): void {
    const lines = this.#calls?.see(change) ?? [];
    if (lines.length > 0) this.#endLine();
    for (const line of lines) this.#stderr.line(line);
    for (const sentence of this.#refused.see(change)) this.note(sentence);
  }

  #files(entry: SnapshotEntry): void {
    const sentence = turnSentence(entry, []);
    if (sentence !== undefined) this.note(sentence);
  }

  #capturing(capture: EventData<'capture'>): void {
    if (capture.state === 'running' && capture.ms - this.#saidOfFilesAt < FILES_EVERY_MS) return;
    this.#saidOfFilesAt = capture.state === 'running' ? capture.ms : -Infinity;
    if (capture.state === 'running') this.note(captureText(capture));
  }

  #endMessage({ role, parts }: Message): void {
    this.#endLine();
    if (role === 'assistant') this.#hasAnswered = hasAnswer(parts);
  }

  #waiting(change: TurnChange): void {
    // The question follows, or stands where somebody is asked.
    if (change.waitingFor === 'approval' && this.#calls !== undefined) return;
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
