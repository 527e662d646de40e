/** Snapshots that people ask for: taking one, not waiting for one, and writing them out. */
import * as z from 'zod/mini';
import { OpId, Path, SessionId, TurnNumber } from './primitives.ts';
import { Snapshot, SnapshotPhase } from './snapshot.ts';

export const SnapshotTakeParams = z.strictObject({ opId: OpId, workspace: Path });
export const SnapshotTakeResult = z.object({ snapshot: Snapshot, durationMs: z.int() });

export const SnapshotGiveUpParams = z.strictObject({ sessionId: SessionId });
/** The turn that goes on without; null when none waits. */
export const SnapshotGiveUpResult = z.object({
  turn: z.nullable(TurnNumber),
  /**
   * `pre`: it cannot be taken back. `post`: its files are captured after it has ended. Missing when no turn waits; older
   * daemons know only `pre`, and do not say it.
   */
  phase: z.optional(SnapshotPhase),
});

export const SnapshotExportParams = z.strictObject({
  workspace: Path,
  /** Absolute; must not exist, or be empty. */
  destination: Path,
});
/** `damaged` snapshots were left out: what the store has of them is. Missing for none. */
export const SnapshotExportResult = z.object({
  snapshots: z.int(),
  objects: z.int(),
  bytes: z.int(),
  damaged: z.optional(z.int()),
});

export const SnapshotWriteOutParams = z.strictObject({
  sessionId: SessionId,
  turn: TurnNumber,
  phase: SnapshotPhase,
  /** Absolute; must not exist, or be empty. */
  destination: Path,
});
export const SnapshotWriteOutResult = z.object({ files: z.int(), bytes: z.int() });
