/** What a talk is given, and what it tells. */
import type { Message } from '../../protocol/message.ts';
import type { ResultOf } from '../../protocol/methods.ts';
import type { Save } from '../../protocol/session.ts';
import type { ApprovalMode } from '../../protocol/tool.ts';
import type { Change } from './change.ts';

/** Where the next prompt goes. Nothing is written before it is given. */
export type Target =
  | { readonly kind: 'new' }
  | { readonly kind: 'session'; readonly sessionId: string }
  | { readonly kind: 'save'; readonly save: Save };

/** What is told to whoever shows the talk. */
export type TalkChange =
  | Change
  /** The end of the conversation at a save. */
  | { readonly kind: 'save-opened'; readonly save: Save; readonly messages: readonly Message[]; readonly more: boolean }
  /** The frontend no longer watches any session. */
  | { readonly kind: 'left' };

export type Submitted = ResultOf<'turn/submit'>;

export interface TalkOptions {
  /** Realpath; where sessions begin. */
  readonly workspace: string;
  /** The model for new sessions, when it is not the configured one. */
  readonly defaultModel?: string | undefined;
  /** The model that the next prompt brings along, wherever it goes. */
  readonly model?: string | undefined;
  /** Settings that the next prompt brings along, wherever it goes. */
  readonly mode?: ApprovalMode | undefined;
  readonly agent?: string | undefined;
  /** Nobody who could be asked sits here. */
  readonly unattended?: boolean | undefined;
  readonly tell: (change: TalkChange) => void;
  /** Resolves when a store that was found locked is open again, or rejects with what a prompt then fails with. */
  readonly unlock?: () => Promise<void>;
}
