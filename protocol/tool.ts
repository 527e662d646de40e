/** Tool calls: what a call is about to do, what a person is asked about it, and what came of it. */
import * as z from 'zod/mini';
import { OpId, Path, SessionId, TurnNumber } from './primitives.ts';

/** Unique in the store; it is also how a server knows the call. */
const CallId = z.string().check(z.minLength(1), z.maxLength(200));

/**
 * What a call may change. `read`: nothing. `edit`: the files that it names. `command`: anything.
 * A call without effect that was interrupted is simply over; of the others nobody knows.
 */
export const ToolEffect = z.enum(['read', 'edit', 'command']);
export type ToolEffect = z.infer<typeof ToolEffect>;

/** Who decides. `ask`: a person, of everything that changes something. `auto-edit`: edits go on. `full`: all but dangers. */
export const ApprovalMode = z.enum(['ask', 'auto-edit', 'full']);
export type ApprovalMode = z.infer<typeof ApprovalMode>;

/** How long an answer holds: for this call, in this session, or always in this workspace. */
export const ApprovalScope = z.enum(['once', 'session', 'workspace']);
export type ApprovalScope = z.infer<typeof ApprovalScope>;

/** The content of a `call` event: a tool call that is about to take effect. Durable before it does. */
export const CallStart = z.object({
  callId: CallId,
  name: z.string(),
  effect: ToolEffect,
  /** One line for a person: `edit src/a.ts`, `run npm test`. */
  title: z.string(),
  /** Files that it names and may change, absolute, through no symlink. Empty for a command. */
  paths: z.array(z.string()),
});
export type CallStart = z.infer<typeof CallStart>;

/** What a person is asked about one call. */
export const ApprovalQuestion = z.object({
  callId: CallId,
  name: z.string(),
  effect: ToolEffect,
  title: z.string(),
  /** What would be done: a diff or a command. Empty when the title says it all. */
  detail: z.string(),
  /** Why it is asked although the mode would let it pass: outside the workspace, a dangerous command. */
  reasons: z.array(z.string()),
  scopes: z.array(ApprovalScope),
});
export type ApprovalQuestion = z.infer<typeof ApprovalQuestion>;

/** The content of an `approval` event. */
export const ApprovalChange = z.discriminatedUnion('state', [
  z.object({ state: z.literal('asked'), ...ApprovalQuestion.shape }),
  z.object({ state: z.literal('allowed'), callId: CallId, scope: ApprovalScope }),
  z.object({ state: z.literal('rejected'), callId: CallId, reason: z.string() }),
  /** Nobody can answer any more: the turn has ended. */
  z.object({ state: z.literal('withdrawn'), callId: CallId }),
]);
export type ApprovalChange = z.infer<typeof ApprovalChange>;

/** What came of a call besides what the model is told. */
export const ToolDetails = z.object({
  /** Unified diff of what was changed. */
  diff: z.optional(z.string()),
  exitCode: z.optional(z.int()),
  /** Signal that ended a command. */
  signal: z.optional(z.string()),
  durationMs: z.optional(z.int()),
  /** Bytes of the whole output, when the model was given less. */
  outputBytes: z.optional(z.int()),
  /** Bytes of it that are kept and can be read with `call/output`. */
  keptBytes: z.optional(z.int()),
});
export type ToolDetails = z.infer<typeof ToolDetails>;

export const ApprovalAnswerParams = z.strictObject({
  opId: OpId,
  sessionId: SessionId,
  callId: CallId,
  decision: z.enum(['allow', 'reject']),
  /** For `allow`; default `once`. */
  scope: z.optional(ApprovalScope),
  /** For `reject`: told to the model. */
  reason: z.optional(z.string().check(z.maxLength(10_000))),
});
export const ApprovalAnswerResult = z.object({ state: z.enum(['allowed', 'rejected']) });

export const PendingApproval = z.object({ sessionId: SessionId, turn: TurnNumber, question: ApprovalQuestion });
export const ApprovalListParams = z.strictObject({ sessionId: z.optional(SessionId) });
export const ApprovalListResult = z.object({ approvals: z.array(PendingApproval) });

/** A remembered answer. */
export const ApprovalRule = z.object({
  id: z.int(),
  scope: z.enum(['session', 'workspace']),
  workspace: z.string(),
  /** Null for one that holds in the whole workspace. */
  sessionId: z.nullable(SessionId),
  effect: ToolEffect,
  /** The exact command, the exact file or folder outside the workspace; empty for every edit inside it. */
  subject: z.string(),
  createdAt: z.string(),
});
export type ApprovalRule = z.infer<typeof ApprovalRule>;
export const RuleListParams = z.strictObject({ workspace: z.optional(Path) });
export const RuleListResult = z.object({ rules: z.array(ApprovalRule) });
export const RuleRevokeParams = z.strictObject({ id: z.int() });

export const CallOutputParams = z.strictObject({
  sessionId: SessionId,
  callId: CallId,
  /** Bytes to skip; default 0. */
  offset: z.optional(z.int().check(z.gte(0))),
});
export const CallOutputResult = z.object({
  text: z.string(),
  /** Offset of the next page; null at the end. */
  nextOffset: z.nullable(z.int()),
});

export const ToolListResult = z.object({
  tools: z.array(z.object({ name: z.string(), effect: ToolEffect, summary: z.string() })),
});

/** A named way of working: instructions, and optionally a model, tools and a mode of its own. */
export const Agent = z.object({
  name: z.string(),
  description: z.string(),
  model: z.nullable(z.string()),
  mode: z.nullable(ApprovalMode),
  /** Null for all. */
  tools: z.nullable(z.array(z.string())),
  source: z.enum(['personal', 'workspace']),
});
export type Agent = z.infer<typeof Agent>;
export const AgentListParams = z.strictObject({ workspace: Path });
export const AgentListResult = z.object({
  agents: z.array(Agent),
  /** Files that could not be used, and why. */
  problems: z.array(z.string()),
});

/** Variables of the client's environment, for the commands of turns that it begins. */
export const EnvironmentOfferParams = z.strictObject({
  variables: z.record(z.string().check(z.maxLength(1000)), z.string().check(z.maxLength(200_000))),
});
