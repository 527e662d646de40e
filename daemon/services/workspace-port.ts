/** What keeps the files of a workspace: told before a turn changes any, and after. */

/** What is about to be changed: the files that a tool names, or whatever a command touches. */
export type Mutation =
  | { readonly kind: 'files'; readonly callId: string; readonly paths: readonly string[] }
  | { readonly kind: 'command'; readonly callId: string };

export interface TurnFiles {
  readonly sessionId: string;
  readonly turn: number;
  /** Realpath. */
  readonly workspace: string;
}

export interface WorkspacePort {
  /** Resolves when the call may take effect. */
  beforeMutation(turn: TurnFiles, mutation: Mutation, signal: AbortSignal): Promise<void>;
  /** The call has ended, well or not. Resolves when what it did is accounted for. */
  afterTool(turn: TurnFiles, mutation: Mutation): Promise<void>;
}

/** Keeps nothing. */
export const NO_WORKSPACE: WorkspacePort = {
  beforeMutation: () => Promise.resolve(),
  afterTool: () => Promise.resolve(),
};
