/** A session: a conversation that outlives clients and restarts; and saves, its named positions. */
import * as z from 'zod/mini';
import { Message } from './message.ts';
import { ApprovalMode } from './tool.ts';
import { Line, ModelId, OpId, Path, Sequence, SessionId, Timestamp, TurnNumber } from './primitives.ts';

export const SessionStatus = z.enum(['idle', 'queued', 'running', 'waiting', 'interrupted', 'failed']);
export type SessionStatus = z.infer<typeof SessionStatus>;

export const Session = z.object({
  id: SessionId,
  title: z.string(),
  workspace: z.string(),
  status: SessionStatus,
  model: z.string(),
  mode: ApprovalMode,
  /** Empty when none was chosen. */
  agent: z.string(),
  turns: z.int(),
  /** User, assistant and tool messages. */
  messages: z.int(),
  inputTokens: z.int(),
  outputTokens: z.int(),
  createdAt: Timestamp,
  updatedAt: Timestamp,
  archived: z.boolean(),
  pinned: z.boolean(),
  /** Sequence of the newest entry. */
  lastSeq: Sequence,
  parent: z.nullable(z.object({ sessionId: SessionId, turn: z.int() })),
  /** Connections that are attached now. */
  attached: z.int(),
});
export type Session = z.infer<typeof Session>;

export const Save = z.object({
  /** `YYYY-MM-DD_HH-MM[_name]`, made unique by a suffix. */
  id: z.string(),
  sessionId: SessionId,
  turn: z.int(),
  seq: Sequence,
  messages: z.int(),
  model: z.string(),
  workspace: z.string(),
  title: z.string(),
  createdAt: Timestamp,
});
export type Save = z.infer<typeof Save>;

export const SessionListParams = z.strictObject({
  /** Realpath; without it sessions of every workspace are listed. */
  workspace: z.optional(Path),
  /** Words that must all occur in the title, workspace or model, or begin the id; letter case does not matter. */
  filter: z.optional(Line),
  archived: z.optional(z.enum(['exclude', 'include', 'only'])),
  limit: z.optional(z.int().check(z.gte(1), z.lte(500))),
  /** From the previous page. */
  cursor: z.optional(z.string().check(z.maxLength(200))),
});
export const SessionListResult = z.object({
  sessions: z.array(Session),
  nextCursor: z.nullable(z.string()),
  /** Sessions that match in all; null when a filter makes counting cost a scan. */
  total: z.nullable(z.int()),
});

/** One row of `/sessions`. */
export const CatalogRow = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('autosave'), id: z.literal('_autosave'), session: Session }),
  z.object({ kind: z.literal('save'), id: z.string(), save: Save }),
  z.object({ kind: z.literal('session'), id: SessionId, session: Session }),
]);
export type CatalogRow = z.infer<typeof CatalogRow>;

export const SessionCatalogParams = z.strictObject({
  workspace: Path,
  /** The session this frontend left by `/reset`, which is then its `_autosave`. */
  left: z.optional(SessionId),
  limit: z.optional(z.int().check(z.gte(1), z.lte(500))),
});
export const SessionCatalogResult = z.object({
  rows: z.array(CatalogRow),
  /** Rows that exist beyond the limit. */
  more: z.int(),
});

/** `_autosave`, a save id, a session id, or a unique prefix of either. */
export const SessionResolveParams = z.strictObject({
  reference: Line,
  workspace: Path,
  left: z.optional(SessionId),
});

export const SessionRef = z.strictObject({ sessionId: SessionId });
export const SessionResult = z.object({ session: Session });

export const SessionForkParams = z.strictObject({
  opId: OpId,
  sessionId: SessionId,
  /** The last turn the fork keeps; without it everything up to the last finished turn. */
  turn: z.optional(TurnNumber),
  /** Where the fork works; without it where the session does. Snapshots of the turns that it shares stay behind then. */
  workspace: z.optional(Path),
});
export const SessionRenameParams = z.strictObject({ opId: OpId, sessionId: SessionId, title: Line });
/** What is not given stays. An empty agent is none. */
export const SessionConfigureParams = z.strictObject({
  opId: OpId,
  sessionId: SessionId,
  model: z.optional(ModelId),
  mode: z.optional(ApprovalMode),
  agent: z.optional(z.string().check(z.maxLength(100))),
});
export const SessionFlagParams = z.strictObject({ opId: OpId, sessionId: SessionId, value: z.boolean() });

export const SessionDeleteParams = z.strictObject({
  opId: OpId,
  sessionId: SessionId,
  /** What becomes of the saves of this session. `refuse` answers CONFLICT when there are any. */
  saves: z.enum(['refuse', 'keep', 'delete']),
});
export const SessionDeleteResult = z.object({
  deleted: SessionId,
  savesKept: z.int(),
  savesDeleted: z.int(),
  /** Files made before a migration that still hold the erased key, by path. */
  backups: z.array(z.string()),
});

export const SessionMessagesParams = z.strictObject({
  sessionId: SessionId,
  /** Newest messages before this sequence; without it, from the end. */
  before: z.optional(Sequence),
  /** Oldest messages after this sequence; excludes `before`. */
  after: z.optional(Sequence),
  limit: z.optional(z.int().check(z.gte(1), z.lte(500))),
});
export const SessionMessagesResult = z.object({
  /** Oldest first. */
  messages: z.array(Message),
  /** Whether there are more in the direction that was asked for. */
  more: z.boolean(),
});

export const SessionVerifyResult = z.object({
  entries: z.int(),
  /** Sentences about what does not verify; empty when everything does. */
  problems: z.array(z.string()),
});

export const SaveCreateParams = z.strictObject({
  opId: OpId,
  sessionId: SessionId,
  name: z.optional(Line),
});
export const SaveResult = z.object({ save: Save });
export const SaveMessagesParams = z.strictObject({
  saveId: z.string().check(z.maxLength(200)),
  before: z.optional(Sequence),
  limit: z.optional(z.int().check(z.gte(1), z.lte(500))),
});
export const SaveDeleteParams = z.strictObject({ opId: OpId, saveId: z.string().check(z.maxLength(200)) });
export const SaveDeleteResult = z.object({ deleted: z.string() });

export const SessionCompactResult = z.object({
  /** Messages that the summary stands for; 0 when there was nothing to sum up. */
  messages: z.int(),
  text: z.string(),
});

export const SessionUsageResult = z.object({
  /** By model, those used most first. */
  models: z.array(
    z.object({
      model: z.string(),
      turns: z.int(),
      inputTokens: z.int(),
      outputTokens: z.int(),
      /** In the currency of the price table; null when the table has no price for it. */
      cost: z.nullable(z.number()),
    }),
  ),
});
