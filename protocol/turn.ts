/** A turn: an accepted prompt until its stop reason. */
import * as z from 'zod/mini';
import { PromptPart } from './message.ts';
import { ModelId, OpId, Path, SessionId, Timestamp, TurnNumber } from './primitives.ts';
import { ApprovalMode } from './tool.ts';
import { ERROR_KINDS } from './errors.ts';

export const TurnState = z.enum(['queued', 'running', 'waiting', 'completed', 'failed', 'cancelled', 'interrupted']);
export type TurnState = z.infer<typeof TurnState>;

/** What a waiting turn waits for. */
export const WaitReason = z.enum(['approval', 'storage', 'key', 'backend']);
export type WaitReason = z.infer<typeof WaitReason>;

export const Usage = z.object({ inputTokens: z.int(), outputTokens: z.int() });
export type Usage = z.infer<typeof Usage>;

/** Why a turn failed or waits, for a person. */
export const TurnError = z.object({
  kind: z.enum(ERROR_KINDS),
  message: z.string(),
  hint: z.string(),
});
export type TurnError = z.infer<typeof TurnError>;

/** The content of a `turn` event: the state a turn has moved to. */
export const TurnChange = z.object({
  state: TurnState,
  model: z.optional(ModelId),
  /** Set while waiting. */
  waitingFor: z.optional(WaitReason),
  /** When a waiting turn tries again. */
  retryAt: z.optional(Timestamp),
  /** Why it ended as it did: `stop`, `length`, `stopped` (the daemon was stopped), … */
  reason: z.optional(z.string()),
  error: z.optional(TurnError),
  usage: z.optional(Usage),
  /** Who gave the prompt cannot be asked, so that what needs an answer is refused. */
  unattended: z.optional(z.boolean()),
  /** Calls that had begun when the turn was interrupted: whether they took effect is not known. */
  uncertain: z.optional(z.array(z.object({ callId: z.string(), title: z.string() }))),
});
export type TurnChange = z.infer<typeof TurnChange>;

/** Where a prompt goes. */
export const TurnTarget = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('session'), sessionId: SessionId }),
  /** A session that begins with this prompt. */
  z.strictObject({ kind: z.literal('new'), workspace: Path }),
  /** The conversation at a save: its session when that has not moved on, otherwise a fork at the save. */
  z.strictObject({ kind: z.literal('save'), saveId: z.string() }),
]);
export type TurnTarget = z.infer<typeof TurnTarget>;

export const TurnSubmitParams = z.strictObject({
  opId: OpId,
  target: TurnTarget,
  prompt: z.array(PromptPart).check(z.minLength(1), z.maxLength(64)),
  /** Changes the session's model from this turn on. */
  model: z.optional(ModelId),
  /** Changes the session's mode from this turn on. */
  mode: z.optional(ApprovalMode),
  /** Changes the session's agent from this turn on; empty for none. */
  agent: z.optional(z.string().check(z.maxLength(100))),
  /** Nobody who could be asked is behind this prompt. */
  unattended: z.optional(z.boolean()),
});
export const TurnSubmitResult = z.object({
  sessionId: SessionId,
  turn: TurnNumber,
  /** Turns of this session that come before it. */
  ahead: z.int(),
  /** True when a new session was forked to hold it. */
  forked: z.boolean(),
});

export const TurnCancelParams = z.strictObject({
  sessionId: SessionId,
  /** Without it the running turn is cancelled, else the first one that waits. */
  turn: z.optional(TurnNumber),
});
export const TurnCancelResult = z.object({ cancelled: z.nullable(TurnNumber) });

/** Whether nobody who could be asked is behind this; whoever began the turn does not count any more. */
const Unattended = z.optional(z.boolean());

/** What becomes of a turn that was interrupted, has failed or was cancelled; it must be the session's newest. */
export const TurnContinueParams = z.strictObject({ opId: OpId, sessionId: SessionId, unattended: Unattended });
/** The turn begins again with the same prompt; what came of it before is no longer sent to the model. */
export const TurnRetryParams = z.strictObject({ opId: OpId, sessionId: SessionId, unattended: Unattended });
/** An interrupted turn is left as it is; prompts that wait behind it go on. */
export const TurnLeaveParams = z.strictObject({ opId: OpId, sessionId: SessionId });
export const TurnPlace = z.object({ sessionId: SessionId, turn: TurnNumber });
