/** What a turn may use, and when a conversation is summed up. */

export interface LoopSettings {
  /** Replies of a model in one turn. */
  readonly maxSteps: number;
  readonly maxTurnMs: number;
  /** Bytes of tool results that a turn may give to its model. */
  readonly maxResultBytes: number;
  /** Part of the context window at which a conversation is summed up; 1 never. */
  readonly compactAt: number;
}

/** What the loop is told of a model. */
export interface ModelFacts {
  /** Tokens that a request and its reply may have together; undefined when nobody has said. */
  readonly contextTokens: number | undefined;
}
