/** What goes between the main thread and the thread of a workspace. */
import type { ErrorData } from '../../../protocol/errors.ts';
import type { Workspace, WorkspaceParts } from '../engine/workspace.ts';

export type WorkspaceSettings = WorkspaceParts;

/** What of a workspace can be called from the main thread; everything else stays in its thread. */
export const CALLS = {
  take: true,
  beginCall: true,
  disturb: true,
  endCall: true,
  endTurn: true,
  list: true,
  show: true,
  status: true,
  diff: true,
  exportTo: true,
  writeOut: true,
  plan: true,
  apply: true,
  recover: true,
  copySession: true,
  forgetSession: true,
  use: true,
  isEmpty: true,
  beginPrune: true,
  stepPrune: true,
  verify: true,
  close: true,
} as const satisfies Partial<Record<keyof Workspace, true>>;

export type CallName = keyof typeof CALLS;
export type CallArguments<K extends CallName> = Parameters<Workspace[K]>;
export type CallResult<K extends CallName> = Awaited<ReturnType<Workspace[K]>>;

export interface Request {
  readonly id: number;
  readonly name: CallName;
  readonly args: readonly unknown[];
}

export type Answer =
  | { readonly kind: 'value'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'error'; readonly id: number; readonly message: string; readonly data: ErrorData }
  /** A bug: its frames are for the log. */
  | { readonly kind: 'bug'; readonly id: number; readonly stack: string };
