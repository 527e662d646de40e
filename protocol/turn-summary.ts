/** The turns of a session, each with what it did to the files. */
import * as z from 'zod/mini';
import { SessionId, Timestamp, TurnNumber } from './primitives.ts';
import { SnapshotEntry } from './snapshot.ts';

/** One turn and what it did to the files. */
export const TurnSummary = z.object({
  turn: TurnNumber,
  at: Timestamp,
  /** The beginning of its prompt, one line. */
  prompt: z.string(),
  state: z.string(),
  /** Null when nothing is known: it has not ended, or snapshots were off. */
  snapshot: z.nullable(SnapshotEntry),
});
export type TurnSummary = z.infer<typeof TurnSummary>;
export const TurnListParams = z.strictObject({
  sessionId: SessionId,
  limit: z.optional(z.int().check(z.gte(1), z.lte(500))),
  /** Only turns before this one. */
  before: z.optional(TurnNumber),
});
export const TurnListResult = z.object({
  /** Newest first. */
  turns: z.array(TurnSummary),
  more: z.boolean(),
});
