/** The client as frontends see it: typed calls that survive a daemon's death, and sessions as streams that miss nothing. */
import type { InitializeParams, InitializeResult } from '../../protocol/admin.ts';
import type { Cursor, ListNotice, SessionEvent } from '../../protocol/event.ts';
import type { PromptPart } from '../../protocol/message.ts';
import type { MethodName, ParamsOf, ResultOf } from '../../protocol/methods.ts';
import type { Session } from '../../protocol/session.ts';
import type { ApprovalQuestion } from '../../protocol/tool.ts';

export interface ConnectOptions {
  readonly kind: InitializeParams['client']['kind'];
  /** Start a daemon when none answers; default true. */
  readonly startDaemon?: boolean;
  /** A key file may be made when the store is created and no keychain can be reached. */
  readonly allowKeyfile?: boolean;
  /** Only looks: a store that does not exist is not created. */
  readonly onlyLooks?: boolean;
  /** The environment that names directories, key provider and provider keys; default process.env. */
  readonly environment?: NodeJS.ProcessEnv;
  /** Told what takes long, for a person: a daemon that starts, one that finishes its work before it is replaced. */
  readonly onProgress?: (sentence: string) => void;
  /** Replace a busy daemon of another build without waiting for it. */
  readonly now?: boolean;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** For the whole call, reconnects included; default: the method's own deadline plus 30 s. */
  readonly deadlineMs?: number;
  /** False: fails with DAEMON_UNAVAILABLE rather than start a daemon that a person has stopped. Default true. */
  readonly startDaemon?: boolean;
}

export type ConnectionStatus =
  | { readonly state: 'connected' }
  /** Lost; being dialled again, with the daemon started when it is gone. */
  | { readonly state: 'reconnecting'; readonly reason: string }
  /** A person has stopped the daemon: it is started by the next call that needs it, and joined when somebody else does. */
  | { readonly state: 'stopped'; readonly reason: string }
  /** Given up or closed by us; every call rejects. */
  | { readonly state: 'closed'; readonly reason: string };

/** The reply that is being written, as far as it has come. */
export interface LiveReply {
  readonly turn: number;
  readonly step: number;
  readonly text: string;
  readonly reasoning: string;
}

/** A call that waits for an answer. */
export interface PendingApproval {
  readonly turn: number;
  readonly question: ApprovalQuestion;
}

export interface AttachHandlers {
  /** The session as it is now. Comes once, and again when the cursor means nothing any more (a store that was replaced). */
  opened(snapshot: {
    readonly session: Session;
    /** Durable, oldest first, at most the tail that was asked for. */
    readonly events: readonly SessionEvent[];
    readonly live: LiveReply | null;
    /** Prompts that wait for their turn, in order. */
    readonly queue: readonly { readonly turn: number; readonly parts: readonly PromptPart[] }[];
    /** Calls that a person is asked about now. */
    readonly approvals: readonly PendingApproval[];
    readonly unsaved: string | null;
  }): void;
  /** After a reconnect: missed durable events follow as events; live text and queue are replaced by these. */
  resumed(state: {
    /** Position that live text and queue belong to; the missed events lead up to it. */
    readonly cursor: Cursor;
    readonly live: LiveReply | null;
    readonly queue: readonly { readonly turn: number; readonly parts: readonly PromptPart[] }[];
    /** Calls that a person is asked about now. */
    readonly approvals: readonly PendingApproval[];
    readonly unsaved: string | null;
  }): void;
  /** One event, durable ones in order, each once. */
  event(event: SessionEvent): void;
  /** The stream has ended for good: the session was deleted, or the client closed. */
  ended(reason: string): void;
}

export interface Attachment {
  readonly sessionId: string;
  /** Position of the last durable event that was delivered. */
  readonly cursor: Cursor;
  detach(): Promise<void>;
}

/**
 * A client. Calls that lose their connection are sent again after a reconnect: what changes something carries an `opId`
 * or has the same effect when repeated. The few methods that have not are rejected when their answer is lost. Rejections
 * are ProtocolErrors.
 */
export interface Client {
  /** What the daemon said of itself at the latest handshake. */
  readonly daemon: InitializeResult;
  call<M extends MethodName>(method: M, params: ParamsOf<M>, options?: CallOptions): Promise<ResultOf<M>>;
  /** A fresh `opId` for one mutation. */
  newOpId(): string;
  /** Resolves when `opened` has been called. */
  attach(
    sessionId: string,
    handlers: AttachHandlers,
    options?: { readonly tail?: number; readonly after?: Cursor },
  ): Promise<Attachment>;
  /**
   * Changes of the list of sessions, once `session/watch` was answered. A connection knows nothing of what was asked on the
   * one before it, nor tells what happened in between: after a reconnect, watch again and then read the list again.
   * @returns a function that ends the subscription.
   */
  onList(listener: (notice: ListNotice) => void): () => void;
  /** @returns a function that ends the subscription. */
  onStatus(listener: (status: ConnectionStatus) => void): () => void;
  close(): Promise<void>;
}
