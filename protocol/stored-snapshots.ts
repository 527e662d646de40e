/** What is kept of all workspaces, and clearing it up. */
import * as z from 'zod/mini';
import { OpId, Path, SessionId, Timestamp } from './primitives.ts';
import { SnapshotOwner, SnapshotPoint } from './snapshot.ts';

export const SnapshotPruneParams = z.strictObject({
  /** Without it, all of them, and the limit of what is stored counts too. */
  workspace: z.optional(Path),
  dryRun: z.optional(z.boolean()),
});
const Pruned = {
  /** Snapshots that went, or would go. */
  removed: z.int(),
  /** Those that are protected, however old they are. */
  kept: z.int(),
  freedBytes: z.int(),
  leftBytes: z.int(),
};
export const SnapshotPruneResult = z.object({
  ...Pruned,
  /** By how much what has to stay is more than the limit. */
  overBytes: z.int(),
  workspaces: z.array(
    z.object({
      workspace: Path,
      /** False when the directory is not there. */
      exists: z.boolean(),
      ...Pruned,
      /** Nothing is left of it. */
      empty: z.boolean(),
      /** Why it could not be done, for a person; empty otherwise. */
      problem: z.string(),
    }),
  ),
});

export const SnapshotRelinkParams = z.strictObject({
  opId: OpId,
  /** Where the directory was. */
  from: Path,
  /** Where it is now. */
  to: Path,
});
export const SnapshotRelinkResult = z.object({
  /** How many work at the new path from now on. */
  sessions: z.int(),
});

export const SnapshotUsageParams = z.strictObject({
  /** Tells of each workspace too, which takes longer. */
  all: z.optional(z.boolean()),
});
export const SnapshotUsageResult = z.object({
  /** On disk, of all workspaces. */
  storedBytes: z.int(),
  /** Of snapshots alone, which is what the limit is about. */
  snapshotBytes: z.int(),
  /** 0: no limit. */
  maxStoredBytes: z.int(),
  /** 0: none goes for its age. */
  maxAgeDays: z.int(),
  /** When old snapshots were last removed. */
  prunedAt: z.nullable(Timestamp),
  /** When they will be for the first time; null once it was done, or when there is nothing to remove. */
  announcedFor: z.nullable(Timestamp),
  /** Where removing old ones has failed more than once in a row. Missing from older daemons. */
  failing: z.optional(
    z.array(
      z.object({
        workspace: Path,
        /** Why, for a person. */
        problem: z.string(),
        since: Timestamp,
      }),
    ),
  ),
  /** Empty unless `all` was asked for. */
  workspaces: z.array(
    z.object({
      workspace: Path,
      exists: z.boolean(),
      snapshots: z.int(),
      storedBytes: z.int(),
      oldestAt: z.nullable(Timestamp),
      newestAt: z.nullable(Timestamp),
      /** Why it cannot be looked at, for a person; empty otherwise. */
      problem: z.string(),
    }),
  ),
});

/** Of a session, the workspace that it works in is checked. */
export const SnapshotVerifyParams = z.strictObject({ owner: SnapshotOwner });
export const SnapshotVerifyResult = z.object({
  /** Where it is stored. */
  directory: z.string(),
  encrypted: z.boolean(),
  /** How many were followed to the last file. */
  snapshots: z.int(),
  /** What turns and restores did, and the like. */
  records: z.int(),
  packs: z.int(),
  objects: z.int(),
  /** Of all packs, on disk. */
  bytes: z.int(),
  /** Directories in which a file has a name that the second reader does not take: their bytes were compared, and that is all. */
  halfRead: z.int(),
  durationMs: z.int(),
  /** What is wrong with what is stored, a sentence for a person each; empty when nothing is. */
  problems: z.array(z.string()),
  problemsMore: z.int(),
  /** What cannot be brought back because of it. */
  hurt: z.array(
    z.object({
      /** Null for a snapshot that was taken by hand. */
      sessionId: z.nullable(SessionId),
      /** Null for what a turn or a restore did. */
      point: z.nullable(SnapshotPoint),
      /** What it is, for a person. */
      what: z.string(),
      /** True when only the second reader does not read it. */
      isReadable: z.boolean(),
      /** Why nothing of it can be read; empty when only some files cannot. */
      reason: z.string(),
      /** The first of them; a directory of which nothing is known ends with a slash. */
      files: z.array(z.string()),
      filesInAll: z.int(),
    }),
  ),
  hurtMore: z.int(),
});
