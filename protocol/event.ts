/** What an attached client is told: durable entries by cursor, and ephemeral notices between them. */
import * as z from 'zod/mini';
import { Part, PromptPart, Role } from './message.ts';
import { ModelId, Sequence, SessionId, Timestamp, TurnNumber } from './primitives.ts';
import { Session } from './session.ts';
import { SnapshotEntry } from './snapshot.ts';
import { ApprovalChange, ApprovalMode, ApprovalQuestion, CallStart } from './tool.ts';
import { TurnChange } from './turn.ts';

/** Content of the durable events. Each is one entry of the log and has a sequence number of its own. */
export const DURABLE_EVENT_DATA = {
  /** A user, assistant or tool message. */
  message: z.object({ role: Role, parts: z.array(Part) }),
  /** A turn moved to another state. */
  turn: TurnChange,
  /** A reply that ended before its time. Shown, never sent back to a provider. */
  cutoff: z.object({
    step: z.int(),
    parts: z.array(Part),
    reason: z.enum(['crash', 'cancelled', 'broken-stream', 'stopped']),
  }),
  /** What is given has changed. An empty agent is none. */
  settings: z.object({ model: z.optional(ModelId), mode: z.optional(ApprovalMode), agent: z.optional(z.string()) }),
  /** A tool call is about to take effect. */
  call: CallStart,
  /** A person is asked about a call, or has answered. */
  approval: ApprovalChange,
  /** What a model is sent from now on instead of the messages up to `upTo`. They stay as they are. */
  summary: z.object({ upTo: Sequence, text: z.string(), model: ModelId, automatic: z.boolean() }),
  title: z.object({ title: z.string(), automatic: z.boolean() }),
  /** A turn begins again: messages after `after` and before this are no longer sent to a model. They stay as they are. */
  retry: z.object({ after: Sequence }),
  /** What a turn did to the files, and whether that can be taken back. */
  snapshot: SnapshotEntry,
  /** The first entry of a fork. */
  origin: z.object({ sessionId: SessionId, turn: z.int() }),
} as const;

/** Content of the ephemeral events. They carry the sequence number of the entry before them and are not replayed. */
export const EPHEMERAL_EVENT_DATA = {
  /** Text of the reply that is being written. `offset` counts UTF-16 units of this channel within the step. */
  delta: z.object({
    step: z.int(),
    channel: z.enum(['text', 'reasoning']),
    offset: z.int(),
    text: z.string(),
  }),
  /** Output of a command that runs. `offset` counts UTF-16 units; what a client missed is not sent again. */
  output: z.object({ callId: z.string(), offset: z.int(), text: z.string() }),
  /** A prompt that waits for its turn; it becomes a `message` when the turn starts. */
  queue: z.object({
    state: z.enum(['queued', 'cancelled']),
    /** Turns of this session that come before it. */
    ahead: z.int(),
    parts: z.array(PromptPart),
  }),
  /** The files of the workspace are being captured for a turn, and that takes long: told twice a second until it ends. */
  capture: z.object({
    state: z.enum(['running', 'done', 'given-up']),
    /** Files that were read so far. */
    files: z.int(),
    /** Files that are to be read, nearly; null until they are counted. */
    total: z.nullable(z.int()),
    /** Since it began. */
    ms: z.int(),
    /** A call, or the end of the turn, waits for it. `snapshot/giveUp` has the turn go on without. */
    waits: z.boolean(),
  }),
  /** Whether what the screen shows is durable. */
  storage: z.object({ state: z.enum(['saved', 'unsaved']), reason: z.string() }),
  /** How many connections are attached. */
  presence: z.object({ attached: z.int() }),
  /** Facts about the session that are not part of its log changed. */
  session: z.object({ archived: z.boolean(), pinned: z.boolean() }),
  /** The session no longer exists; nothing follows. */
  deleted: z.object({}),
} as const;

export type DurableEventType = keyof typeof DURABLE_EVENT_DATA;
export type EphemeralEventType = keyof typeof EPHEMERAL_EVENT_DATA;
export type EventType = DurableEventType | EphemeralEventType;

type DataOf<T extends EventType> = T extends DurableEventType
  ? z.infer<(typeof DURABLE_EVENT_DATA)[T]>
  : T extends EphemeralEventType
    ? z.infer<(typeof EPHEMERAL_EVENT_DATA)[T]>
    : never;

/** One `event` notification. */
export type SessionEvent = {
  [T in EventType]: {
    readonly sessionId: string;
    /** Changes when the store is replaced; a cursor of another generation means nothing. */
    readonly generation: string;
    readonly seq: number;
    readonly type: T;
    /** Turn this belongs to; 0 for what belongs to no turn. */
    readonly turn: number;
    readonly at: string;
    readonly data: DataOf<T>;
  };
}[EventType];

export type EventOf<T extends EventType> = Extract<SessionEvent, { type: T }>;
export type EventData<T extends EventType> = DataOf<T>;

/** Name of the notification that carries a SessionEvent. */
export const EVENT_NOTIFICATION = 'event';

/** Name of the notification that carries a ListNotice. */
export const LIST_NOTIFICATION = 'list';

/** What is told to clients that watch the list of sessions. After `reset` the list has to be read again. */
export type ListNotice =
  | { readonly type: 'changed'; readonly session: z.infer<typeof Session> }
  | { readonly type: 'removed'; readonly sessionId: string }
  | { readonly type: 'reset' };

export const Cursor = z.strictObject({ generation: z.string().check(z.maxLength(64)), seq: Sequence });
export type Cursor = z.infer<typeof Cursor>;

export const SessionAttachParams = z.strictObject({
  sessionId: SessionId,
  /** Everything after this is sent. Without it the newest events come with the answer and the rest follows. */
  after: z.optional(Cursor),
  /** How many of the newest durable events to answer with when there is no cursor; default 50. */
  tail: z.optional(z.int().check(z.gte(0), z.lte(500))),
});

const EnvelopeShape = z.object({
  sessionId: SessionId,
  generation: z.string(),
  seq: Sequence,
  type: z.string(),
  turn: z.int(),
  at: Timestamp,
  data: z.unknown(),
});

export const SessionAttachResult = z.object({
  session: Session,
  cursor: z.object({ generation: z.string(), seq: Sequence }),
  /** Durable events up to the cursor, oldest first; empty when a cursor was given. */
  events: z.array(EnvelopeShape),
  /** The reply that is being written, as far as it has come. */
  live: z.nullable(z.object({ turn: TurnNumber, step: z.int(), text: z.string(), reasoning: z.string() })),
  /** Prompts that wait for their turn, in order. */
  queue: z.array(z.object({ turn: TurnNumber, parts: z.array(PromptPart) })),
  /** Calls that a person is asked about now. */
  approvals: z.array(z.object({ turn: TurnNumber, question: ApprovalQuestion })),
  /** Set while something on screen is not durable. */
  unsaved: z.nullable(z.string()),
});
