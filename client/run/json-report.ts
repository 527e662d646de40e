/** A run as a program reads it: one JSON object a line on stdout. The lines are documented in docs/RUN.md. */
import type { Failure } from '../command-line/failure.ts';
import { harmlessJson, harmlessLine } from '../command-line/harmless-text.ts';
import type { Output } from '../command-line/output.ts';
import type { ConnectionStatus } from '../connection/api.ts';
import type { Change } from '../conversation/change.ts';
import { RefusedCalls } from './refused-calls.ts';
import { endingSentences, type Outcome } from './outcome.ts';
import type { OwnTurn, Report } from './report.ts';

export class JsonReport implements Report {
  readonly #stdout: Output;
  readonly #stderr: Output;
  readonly #refused = new RefusedCalls();

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
    for (const sentence of this.#refused.see(change)) this.note(sentence);
  }

  connection(status: ConnectionStatus): void {
    if (status.state !== 'closed') this.#line({ type: 'connection', ...status });
  }

  note(sentence: string): void {
    this.#stderr.line(`m: ${harmlessLine(sentence)}`);
  }

  end({ sessionId, turn }: OwnTurn, outcome: Outcome): void {
    const { type, reason, usage, error, uncertain } = outcome;
    if (type === 'turn.interrupted') for (const sentence of endingSentences(sessionId, outcome)) this.note(sentence);
    this.#line({ type, sessionId, turn, usage, reason, error, uncertain });
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
  return change.kind === 'turn' ? turnLine(change) : callLine(change);
}

/** What happens between messages. */
function callLine(change: Change): object | undefined {
  if (change.kind === 'call') return { type: 'call', turn: change.turn, ...change.call };
  if (change.kind === 'approval') return { type: 'approval', turn: change.turn, ...change.change };
  if (change.kind === 'output') {
    const { turn, callId, text, missed } = change;
    return { type: 'output', turn, callId, text, ...(missed ? { missed } : {}) };
  }
  if (change.kind === 'capture') return { type: 'capture', turn: change.turn, ...change.capture };
  if (change.kind === 'snapshot') return { type: 'snapshot', turn: change.turn, ...change.entry };
  if (change.kind === 'summary') return { type: 'summary', turn: change.turn, automatic: change.automatic };
  return change.kind === 'retry' ? { type: 'turn.retried', turn: change.turn } : undefined;
}

/** The end of a turn has a line of its own, which is the last one. */
function turnLine({ turn, change }: Extract<Change, { kind: 'turn' }>): object | undefined {
  if (change.state === 'running') return { type: 'turn.running', turn: turn.turn };
  if (change.state !== 'waiting') return undefined;
  const { waitingFor, retryAt, error } = change;
  return { type: 'turn.waiting', turn: turn.turn, waitingFor, retryAt, error };
}
