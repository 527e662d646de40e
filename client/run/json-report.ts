/** A run as a program reads it: one JSON object a line on stdout. The lines are documented in docs/RUN.md. */
import type { Failure } from '../command-line/failure.ts';
import { harmlessJson, harmlessLine } from '../command-line/harmless-text.ts';
import type { Output } from '../command-line/output.ts';
import type { ConnectionStatus } from '../connection/api.ts';
import type { Change } from '../conversation/change.ts';
import { endingSentence, type Outcome } from './outcome.ts';
import type { OwnTurn, Report } from './report.ts';

export class JsonReport implements Report {
  readonly #stdout: Output;
  readonly #stderr: Output;

  constructor(stdout: Output, stderr: Output) {
    this.#stdout = stdout;
    this.#stderr = stderr;
  }

  begin({ sessionId, turn, model }: OwnTurn): void {
    this.#line({ type: 'session', sessionId, turn, model });
  }

  change(change: Change): void {
    const line = lineOf(change);
    if (line !== undefined) this.#line(line);
  }

  connection(status: ConnectionStatus): void {
    if (status.state !== 'closed') this.#line({ type: 'connection', ...status });
  }

  note(sentence: string): void {
    this.#stderr.line(`m: ${harmlessLine(sentence)}`);
  }

  end({ sessionId, turn }: OwnTurn, outcome: Outcome): void {
    const { type, reason, usage, error } = outcome;
    if (type === 'turn.interrupted') this.note(endingSentence(sessionId, outcome) ?? type);
    this.#line({ type, sessionId, turn, usage, reason, error });
  }

  fail(failure: Failure): void {
    this.#line({ type: 'error', ...failure });
  }

  #line(value: object): void {
    this.#stdout.line(harmlessJson(value));
  }
}

function lineOf(change: Change): object | undefined {
  if (change.kind === 'text') {
    const { turn, step, channel, offset, text, afresh } = change;
    return { type: 'delta', turn, step, channel, offset, text, ...(afresh ? { afresh } : {}) };
  }
  if (change.kind === 'prompt' || change.kind === 'message') {
    const { seq, turn, role, parts, at } = change.message;
    return { type: 'message', seq, turn, role, parts, at };
  }
  if (change.kind === 'queued') return { type: 'turn.queued', turn: change.turn.turn, ahead: change.ahead };
  if (change.kind === 'cutoff') return { type: 'cutoff', turn: change.turn, reason: change.reason };
  if (change.kind === 'storage') {
    return { type: 'storage', state: change.unsaved === null ? 'saved' : 'unsaved', reason: change.unsaved ?? '' };
  }
  return change.kind === 'turn' ? turnLine(change) : undefined;
}

/** The end of a turn has a line of its own, which is the last one. */
function turnLine({ turn, change }: Extract<Change, { kind: 'turn' }>): object | undefined {
  if (change.state === 'running') return { type: 'turn.running', turn: turn.turn };
  if (change.state !== 'waiting') return undefined;
  const { waitingFor, retryAt, error } = change;
  return { type: 'turn.waiting', turn: turn.turn, waitingFor, retryAt, error };
}
