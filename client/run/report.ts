/** What a run tells while it goes on: for a person, or for a program. */
import type { Failure } from '../command-line/failure.ts';
import type { ConnectionStatus } from '../connection/api.ts';
import type { Change } from '../conversation/change.ts';
import type { Outcome } from './outcome.ts';

/** The turn that this run gave the prompt of. */
export interface OwnTurn {
  readonly sessionId: string;
  readonly turn: number;
  readonly model: string;
}

export interface Report {
  /** The prompt is durable. Comes once, before everything but `note`. */
  begin(own: OwnTurn): void;
  /** What happened in the turn of this run. */
  change(change: Change): void;
  connection(status: ConnectionStatus): void;
  /** What a person should know besides. */
  note(sentence: string): void;
  end(own: OwnTurn, outcome: Outcome): void;
  /** Nothing was accepted. */
  fail(failure: Failure): void;
}
