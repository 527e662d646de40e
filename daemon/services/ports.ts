/** What the services need from the rest of the daemon, and nothing of how it is done. */
import type { DurableEventType } from '../../protocol/event.ts';
import type { KeyProvider, KeyStatus, KeyWish } from '../../protocol/key.ts';
import type { SessionStatus } from '../../protocol/session.ts';
import type { ApprovalMode } from '../../protocol/tool.ts';
import type { ProcessRecord } from './tool-port.ts';
import type { NewRule, OutputPage, OutputStretch, StoredRule } from './tool-records.ts';
import type { Draft, DraftChunk, EnqueueRequest, EnqueueResult, QueuedPrompt } from './waiting-shapes.ts';
import type { Usage } from '../../protocol/turn.ts';
import type { WorkspaceKeyPort } from './workspace-key-port.ts';

/** One row to be appended to the log of a session. */
export interface NewEntry {
  readonly type: DurableEventType;
  /** 0 when it belongs to no turn. */
  readonly turn: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** JSON text of the event's data. It is encoded once and travels as it is to the disk and to the clients. */
  readonly body: string;
  /** Counts as a user, assistant or tool message. */
  readonly isMessage: boolean;
}

/** One row of the log as it was stored. */
export interface StoredEntry {
  readonly seq: number;
  readonly type: DurableEventType;
  readonly turn: number;
  readonly at: number;
  readonly body: string;
}

/** The head of a session: what lists and checks need, changed in the same transaction as the log. */
export interface SessionHead {
  readonly id: string;
  /** Empty when the stored path does not verify any more. */
  readonly workspace: string;
  readonly title: string;
  readonly model: string;
  readonly mode: ApprovalMode;
  /** Empty when none was chosen. */
  readonly agent: string;
  readonly status: SessionStatus;
  readonly turns: number;
  readonly messages: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly lastSeq: number;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly archived: boolean;
  readonly pinned: boolean;
  readonly parent: { readonly sessionId: string; readonly turn: number } | null;
}

/** Changes to a head that come with an append. */
export interface HeadPatch {
  readonly status?: SessionStatus;
  readonly turns?: number;
  readonly title?: string;
  readonly model?: string;
  readonly mode?: ApprovalMode;
  readonly agent?: string;
  /** Added to the totals. */
  readonly usage?: Usage;
}

export interface AppendRequest {
  /** ULID; the same id again answers with what was stored the first time. */
  readonly opId: string;
  readonly sessionId: string;
  readonly entries: readonly NewEntry[];
  readonly patch: HeadPatch;
  /** Creates the session first. Its `sessionId` must be new. */
  readonly create?: {
    readonly workspace: string;
    readonly model: string;
    /** Default `ask`. */
    readonly mode?: ApprovalMode;
    readonly agent?: string;
    readonly title: string;
  };
  /** Variables for commands of this session from now on, as JSON text; kept until others come. */
  readonly environment?: string;
  /** Removes the drafts of this turn in the same transaction. */
  readonly dropDrafts?: boolean;
  /** What the caller asked for, as text; the same opId with another fingerprint is a CONFLICT. */
  readonly fingerprint?: string;
  /**
   * Turn whose queued prompt these entries are; `opId` is the one that brought the prompt. It leaves the queue in the same
   * transaction.
   */
  readonly fromQueue?: number;
  /** Sent before, and nobody knows whether it took effect. */
  readonly retried?: boolean;
  /** The entries belong to the newest turn that has begun, whatever their own `turn` says. */
  readonly inNewestTurn?: boolean;
}

export interface AppendResult {
  /** Differs from the request when an earlier run of the same operation had created the session. */
  readonly sessionId: string;
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** Turn of the first entry. */
  readonly turn: number;
  readonly head: SessionHead;
  /** True when the operation had been done before and nothing was written now. */
  readonly repeated: boolean;
}

export interface ReadRequest {
  readonly sessionId: string;
  /** Exactly one of the two is given. */
  readonly after?: number;
  readonly before?: number;
  readonly limit: number;
  readonly maxBytes: number;
  /** Only entries of these types; the others are checked and left out. */
  readonly only?: readonly DurableEventType[];
  /** Not beyond this sequence. */
  readonly upTo?: number;
}

export interface ReadResult {
  /** Oldest first. */
  readonly entries: readonly StoredEntry[];
  /** More in the direction that was asked for. */
  readonly more: boolean;
}

export interface ListRequest {
  readonly workspace?: string;
  readonly filter?: string;
  readonly archived: 'exclude' | 'include' | 'only';
  readonly limit: number;
  readonly cursor?: string;
  /** Leaves out sessions without any turn. */
  readonly nonEmpty?: boolean;
}

export interface ListResult {
  readonly heads: readonly SessionHead[];
  readonly nextCursor: string | null;
  readonly total: number | null;
}

/** A save as it was stored. */
export interface StoredSave {
  readonly id: string;
  readonly sessionId: string;
  readonly turn: number;
  readonly seq: number;
  readonly messages: number;
  readonly model: string;
  readonly mode: ApprovalMode;
  readonly agent: string;
  readonly workspace: string;
  readonly title: string;
  readonly createdAt: number;
}

export interface DeleteResult {
  readonly savesKept: number;
  readonly savesDeleted: number;
  readonly backups: readonly string[];
}

export interface StoreIdentity {
  readonly id: string;
  readonly generation: string;
}

export interface OpenResult {
  readonly key: KeyStatus;
  readonly store: StoreIdentity | null;
}

/** The vault: a reply means durable. Every call has a deadline and rejects with a ProtocolError. */
export interface VaultPort extends WorkspaceKeyPort {
  /** Opens the store, creating it when it is provably new. Repeating it after success costs nothing. */
  open(wish: KeyWish): Promise<OpenResult>;
  /** Opens what a passphrase or a person's word opens. The bytes are overwritten. */
  unlock(wish: KeyWish, passphrase: Uint8Array | undefined): Promise<OpenResult>;
  /** Puts the key away until `unlock`. */
  lock(): Promise<OpenResult>;
  /** Keeps the key elsewhere from now on. @throws ProtocolError KEY_UNAVAILABLE, CONFLICT; nothing has changed then. */
  moveKey(to: KeyProvider, wish: KeyWish, passphrase: Uint8Array | undefined): Promise<OpenResult>;
  append(request: AppendRequest): Promise<AppendResult>;
  /** Accepts a prompt behind the turns that are there; the turn gets the next number. */
  enqueue(request: EnqueueRequest): Promise<EnqueueResult>;
  /** In order. */
  readQueue(sessionId: string): Promise<QueuedPrompt[]>;
  /** @returns false when that turn does not wait in the queue. */
  cancelQueued(sessionId: string, turn: number): Promise<boolean>;
  /** The last sequence that belongs to this turn or one before it. To count the messages too costs as much as they are. */
  lastOfTurn(sessionId: string, turn: number): Promise<number>;
  endOfTurn(sessionId: string, turn: number): Promise<{ seq: number; messages: number }>;
  appendDraft(sessionId: string, draft: DraftChunk): Promise<void>;
  readDrafts(sessionId: string): Promise<Draft[]>;
  read(request: ReadRequest): Promise<ReadResult>;
  /** Messages up to a save, newest page first. */
  readSave(saveId: string, before: number | undefined, limit: number, maxBytes: number): Promise<ReadResult>;
  head(sessionId: string): Promise<SessionHead>;
  /** The head as lists show it: of a session that does not verify, what stands in its place. */
  listed(sessionId: string): Promise<SessionHead>;
  list(request: ListRequest): Promise<ListResult>;
  /** Sessions with a turn that is queued, running or waiting. */
  unfinished(): Promise<SessionHead[]>;
  countSessions(): Promise<number>;
  /** Ids of sessions and saves that begin with a prefix, at most `limit` of each. */
  findByPrefix(prefix: string, limit: number): Promise<{ sessions: string[]; saves: string[] }>;
  setFlag(opId: string, sessionId: string, flag: 'archived' | 'pinned', value: boolean): Promise<SessionHead>;
  /**
   * A new session that shares the log of another one, or of a save, up to `seq`.
   * The entries are its first own ones.
   */
  fork(request: ForkRequest): Promise<AppendResult>;
  createSave(request: SaveRequest): Promise<StoredSave>;
  listSaves(limit: number, offset: number): Promise<{ saves: StoredSave[]; total: number }>;
  save(saveId: string): Promise<StoredSave>;
  countSaves(sessionId: string): Promise<number>;
  deleteSave(opId: string, saveId: string): Promise<void>;
  deleteSession(opId: string, sessionId: string, saves: 'keep' | 'delete'): Promise<DeleteResult>;
  verify(sessionId: string): Promise<{ entries: number; problems: string[] }>;
  /** Everything that belongs to no session that is there. */
  verifyRest(): Promise<{ entries: number; problems: string[] }>;
  setSecret(name: string, value: string | null): Promise<void>;
  secret(name: string): Promise<string | null>;
  /** Variables for the commands of a session, as they came; null when none have. */
  environment(sessionId: string): Promise<string | null>;
  /** The next stretch of the whole output of a call. Stretches count from 0; one that is written twice is there once. */
  appendOutput(sessionId: string, stretch: OutputStretch): Promise<void>;
  /** Bytes from an offset, at least one whole stretch while there are any. @throws ProtocolError NOT_FOUND, TAMPERED */
  readOutput(sessionId: string, callId: string, offset: number, maxBytes: number): Promise<OutputPage>;
  /** A process group that must not outlive its daemon. */
  recordProcess(record: ProcessRecord): Promise<void>;
  forgetProcess(callId: string): Promise<void>;
  /** Every group that was recorded and not forgotten. */
  processes(): Promise<ProcessRecord[]>;
  /** @returns its id; the same rule twice is there once. */
  addRule(rule: NewRule): Promise<number>;
  /** Of one workspace, or all. A rule that does not verify allows nothing and is left out. */
  rules(workspace?: string): Promise<StoredRule[]>;
  /** @throws ProtocolError NOT_FOUND */
  removeRule(id: number): Promise<void>;
  /** @param sessionId the session that the line was typed in, with which it is forgotten. */
  addHistory(line: string, sessionId: string | null): Promise<void>;
  history(limit: number): Promise<string[]>;
  close(): Promise<void>;
}

export interface ForkRequest {
  readonly opId: string;
  readonly source: { readonly sessionId: string } | { readonly saveId: string };
  /** The last sequence that is shared. */
  readonly seq: number;
  /** Messages up to there. */
  readonly messages: number;
  readonly newId: string;
  /** Default that of the source. */
  readonly workspace?: string;
  readonly parent: { readonly sessionId: string; readonly turn: number };
  readonly turns: number;
  readonly title: string;
  readonly model: string;
  /** Default `ask`. */
  readonly mode?: ApprovalMode;
  readonly agent?: string;
  readonly environment?: string;
  readonly entries: readonly NewEntry[];
  readonly patch: HeadPatch;
  readonly fingerprint: string;
}

export interface SaveRequest {
  readonly opId: string;
  readonly sessionId: string;
  /** Wanted id; a suffix is added while it is taken. */
  readonly wantedId: string;
  /** Position and settings that are marked. */
  readonly seq: number;
  readonly turn: number;
  readonly messages: number;
  readonly model: string;
  /** Default `ask`. */
  readonly mode?: ApprovalMode;
  readonly agent?: string;
  readonly fingerprint: string;
  readonly at: number;
}

/** The time and fresh identifiers, so that rules can be tested without waiting. */
export interface ClockPort {
  /** Milliseconds since the epoch. */
  now(): number;
  /** A new ULID, greater than every one before. */
  id(): string;
}
