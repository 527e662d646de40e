/** What a frontend is told of one session. */
import type { EventData, SessionEvent } from '../../protocol/event.ts';
import type { Message } from '../../protocol/message.ts';
import type { Session } from '../../protocol/session.ts';
import type { SnapshotEntry } from '../../protocol/snapshot.ts';
import type { ApprovalChange, ApprovalMode, CallStart } from '../../protocol/tool.ts';
import type { TurnChange } from '../../protocol/turn.ts';
import type { TextPiece } from './reply-text.ts';
import type { TurnView } from './turn-book.ts';

/** Something new, in the order in which it is to be shown. */
export type Change =
  | Opened
  /** A prompt waits for its turn, behind so many others. */
  | { readonly kind: 'queued'; readonly turn: TurnView; readonly ahead: number }
  /** A turn begins with its prompt. */
  | { readonly kind: 'prompt'; readonly turn: TurnView; readonly message: Message }
  | ({ readonly kind: 'text' } & TextPiece)
  /** A durable reply or tool result; all text of a reply has been given as `text` before. */
  | { readonly kind: 'message'; readonly message: Message }
  /** `neverBegan`: the prompt was still waiting in the queue when its turn ended. */
  | { readonly kind: 'turn'; readonly turn: TurnView; readonly change: TurnChange; readonly neverBegan: boolean }
  | { readonly kind: 'cutoff'; readonly turn: number; readonly reason: EventData<'cutoff'>['reason'] }
  /** Null when everything on screen is durable. */
  | { readonly kind: 'storage'; readonly unsaved: string | null }
  /** Another model answers from the next turn on; `mine` when this frontend chose it. */
  | { readonly kind: 'model'; readonly model: string; readonly mine: boolean }
  /** The mode or the agent of the session is another one now. */
  | { readonly kind: 'settings'; readonly mode: ApprovalMode | undefined; readonly agent: string | undefined }
  /** A tool call is about to take effect. */
  | { readonly kind: 'call'; readonly turn: number; readonly call: CallStart }
  /** A person is asked about a call, or has answered. What is asked now is in `approvals`. */
  | { readonly kind: 'approval'; readonly turn: number; readonly change: ApprovalChange }
  /** Output of a command that runs; `missed` when some of it before this was left out. */
  | {
      readonly kind: 'output';
      readonly turn: number;
      readonly callId: string;
      readonly text: string;
      readonly missed: boolean;
    }
  /** The beginning of the conversation goes to the model as a summary from now on. */
  | { readonly kind: 'summary'; readonly turn: number; readonly automatic: boolean }
  /** A turn begins again from its prompt. */
  | { readonly kind: 'retry'; readonly turn: number }
  /** The files are being captured for a turn, and that takes long. */
  | { readonly kind: 'capture'; readonly turn: number; readonly capture: EventData<'capture'> }
  /** What a turn did to the files; the last thing of it before its end. */
  | { readonly kind: 'snapshot'; readonly turn: number; readonly entry: SnapshotEntry }
  | { readonly kind: 'title'; readonly title: string }
  | { readonly kind: 'presence'; readonly attached: number }
  | { readonly kind: 'flags'; readonly archived: boolean; readonly pinned: boolean }
  /** Nothing more will be heard of the session; `deleted` when it no longer exists. */
  | { readonly kind: 'ended'; readonly reason: string; readonly deleted: boolean };

/** The session as it was when this frontend joined it. */
interface Opened {
  readonly kind: 'opened';
  readonly session: Session;
  readonly past: readonly SessionEvent[];
  /** The store was replaced under the stream: what was shown before means nothing any more. */
  readonly again: boolean;
}
