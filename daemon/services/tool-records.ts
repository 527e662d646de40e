/** What the store keeps for tools: output of calls, and answers that hold for longer than one call. */
import type { ToolEffect } from '../../protocol/tool.ts';

/** A stretch of the output of a call. */
export interface OutputStretch {
  readonly callId: string;
  readonly index: number;
  readonly text: string;
}

export interface OutputPage {
  readonly text: string;
  /** Null at the end of what is there. */
  readonly nextOffset: number | null;
}

/** An answer that holds for more than one call. */
export interface NewRule {
  readonly workspace: string;
  /** Null: holds in the whole workspace. Otherwise it goes with its session. */
  readonly sessionId: string | null;
  readonly effect: ToolEffect;
  readonly subject: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
}

export interface StoredRule extends NewRule {
  readonly id: number;
}
