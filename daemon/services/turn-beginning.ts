/** How turns come about: a prompt that is given, a turn that is taken up. */
import type { Beginning } from './turn-start.ts';

export interface NewPrompt extends Beginning {
  readonly opId: string;
  readonly fingerprint: string;
  /** Variables for commands, as JSON text; undefined when those of the session stay. */
  readonly environment: string | undefined;
}

/** How a turn begins, or goes on. */
export interface TurnBeginning {
  readonly turn: number;
  readonly unattended: boolean;
  /** Default 1. */
  readonly step?: number;
  /** Steps that no longer count against the limit; default none. */
  readonly stepsBefore?: number;
  /** Whether a call of it had begun that may have changed files; default false. */
  readonly mayHaveChanged?: boolean;
  /** Default `running`. */
  readonly state?: 'running' | 'waiting';
}

export interface Accepted {
  readonly sessionId: string;
  readonly turn: number;
  readonly ahead: number;
}
