/** What a restore is going to do, path by path: shown to people before, and done exactly so after. */
import type { ByteText } from '../byte-text.ts';
import type { ChangeKind, FileState, MaybeFile } from '../diff/file-state.ts';

interface PlanItem {
  readonly path: ByteText;
  /** In the safety snapshot. */
  readonly before: MaybeFile;
  /** In the target. */
  readonly after: MaybeFile;
  /** What the restore does, or would do: `added` is a file that comes back. */
  readonly kind: ChangeKind;
  /** A command of the session had a part in it. */
  readonly byShell: boolean;
}

export interface PlannedWrite extends PlanItem {
  readonly after: FileState;
  /** Rights that the file does not get when it comes back: bits of 0o077. Missing for none. */
  readonly denied?: number;
  /** Why it would have been left without `all`. */
  readonly despite: KeptReason | ConflictReason | undefined;
}

export interface PlannedDelete extends PlanItem {
  readonly before: FileState;
  readonly after: undefined;
  readonly despite: KeptReason | ConflictReason | undefined;
}

/**
 * `blocked`: a file that stays is where a directory is needed, or the other way round. `protected`: it belongs to a `.git`.
 */
export type KeptReason = 'changed-by-you' | 'ambiguous' | 'ignored' | 'skipped' | 'blocked' | 'protected';

export interface Kept extends PlanItem {
  readonly reason: KeptReason;
}

/** The session changed it and somebody else did as well: after the session, or before or between its changes. */
export type ConflictReason = 'changed-since' | 'changed-between';

export interface Conflict extends PlanItem {
  readonly reason: ConflictReason;
  /** Later turns of the session, and nobody else. */
  readonly isOwn: boolean;
}

/** Everything by path, in the order of bytes. */
export interface RestorePlan {
  readonly writes: readonly PlannedWrite[];
  readonly deletes: readonly PlannedDelete[];
  /** Directories that the target does not have: removed if the deletions leave them empty. Deepest first. */
  readonly directories: readonly ByteText[];
  readonly kept: readonly Kept[];
  readonly conflicts: readonly Conflict[];
}
