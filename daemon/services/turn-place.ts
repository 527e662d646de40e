/** Where a turn runs and what it begins with. */
import type { ApprovalMode } from '../../protocol/tool.ts';

export interface TurnPlace {
  readonly sessionId: string;
  readonly turn: number;
  readonly model: string;
  /** The session's mode as it is now: it may change while the turn runs. */
  readonly mode: () => ApprovalMode;
  readonly agent: string;
  /** Empty when the stored path does not verify. */
  readonly workspace: string;
  readonly firstStep: number;
  /** Steps that no longer count against the limit: a person has had the turn go on since. */
  readonly stepsBefore: number;
  /** A call of it had begun before that may have changed files. */
  readonly mayHaveChanged: boolean;
  /** Nobody who could be asked is behind its prompt. */
  readonly unattended: boolean;
  /** `waiting` for a turn that waited when the daemon before this one ended. */
  readonly state: 'running' | 'waiting';
}
