/** Snapshots: the files of a workspace at a point, what differs between two points, and bringing files back. */
import * as z from 'zod/mini';
import { OpId, Path, SessionId, Timestamp, TurnNumber } from './primitives.ts';

/** Before the first change of a turn, and after its last one. */
export const SnapshotPhase = z.enum(['pre', 'post']);
export type SnapshotPhase = z.infer<typeof SnapshotPhase>;

/**
 * A path inside of a workspace, parts joined by `/`. A byte that is not UTF-8 travels as the lone surrogate U+DC00 + byte,
 * so that two names never become one; written out, it shows as U+FFFD.
 */
export const WorkspacePath = z.string().check(z.minLength(1), z.maxLength(8192));

const TakenId = z.string().check(z.regex(/^[0-9A-HJKMNP-TV-Z]{26}$/));

/** The files at the beginning or the end of a turn, or one that a person has taken. */
export const SnapshotPoint = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('turn'), turn: TurnNumber, phase: SnapshotPhase }),
  /** Taken by hand; `id` as `snapshot/list` gives it. */
  z.strictObject({ kind: z.literal('taken'), id: TakenId }),
]);
export type SnapshotPoint = z.infer<typeof SnapshotPoint>;

/** Whose files. */
export const SnapshotOwner = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('session'), sessionId: SessionId }),
  z.strictObject({ kind: z.literal('workspace'), workspace: Path }),
]);
export type SnapshotOwner = z.infer<typeof SnapshotOwner>;

/** Why a file is not in a snapshot. A restore never touches what was left out. */
export const SkipReason = z.enum([
  'too-large',
  'unreadable',
  'unreadable-directory',
  'special',
  'changing',
  'name-too-long',
]);
export type SkipReason = z.infer<typeof SkipReason>;
export const SkippedFile = z.object({ path: WorkspacePath, reason: SkipReason, bytes: z.optional(z.int()) });
export type SkippedFile = z.infer<typeof SkippedFile>;

/** Numbers of a snapshot. */
export const SnapshotCounts = z.object({
  files: z.int(),
  bytes: z.int(),
  /** Files and directories that were left out, ignored ones not counted. */
  skipped: z.int(),
});

export const Snapshot = z.object({
  point: SnapshotPoint,
  /** Null for one taken by hand. */
  sessionId: z.nullable(SessionId),
  at: Timestamp,
  ...SnapshotCounts.shape,
});
export type Snapshot = z.infer<typeof Snapshot>;

/** Lines that were added and removed; both 0 for what has no lines. */
const Lines = { added: z.int(), removed: z.int() };

/** The content of a `snapshot` event: what a turn did to the files. The last entry of a turn before its end. */
export const SnapshotEntry = z.object({
  /** False when the files from before this turn cannot be brought back. */
  restorable: z.boolean(),
  /** Why not, for a person; empty otherwise. */
  reason: z.string(),
  /** Files that this turn changed, as far as is known. */
  files: z.int(),
  ...Lines,
  /** Of these, by commands. */
  byShell: z.int(),
  /** Files that somebody else changed meanwhile. */
  others: z.int(),
  skipped: z.int(),
});
export type SnapshotEntry = z.infer<typeof SnapshotEntry>;

export const SnapshotListParams = z.strictObject({
  owner: SnapshotOwner,
  limit: z.optional(z.int().check(z.gte(1), z.lte(1000))),
  cursor: z.optional(z.string().check(z.maxLength(200))),
});
export const SnapshotListResult = z.object({
  /** Newest first. */
  snapshots: z.array(Snapshot),
  nextCursor: z.nullable(z.string()),
  /** How many of this page are not listed, because the part of the store that they stand in is damaged. Missing for none. */
  unreadable: z.optional(z.int()),
});

export const SnapshotShowParams = z.strictObject({ owner: SnapshotOwner, point: SnapshotPoint });
export const SnapshotShowResult = z.object({
  snapshot: Snapshot,
  /** Id of the git commit and of its tree, as an export has them. */
  commit: z.string(),
  tree: z.string(),
  skippedFiles: z.array(SkippedFile),
  /** How many of them are not in the list. */
  skippedMore: z.int(),
  /** What else is to be known of it, a sentence each. */
  remarks: z.array(z.string()),
  durationMs: z.int(),
});

export const FileChangeKind = z.enum(['added', 'changed', 'deleted', 'mode', 'type']);
export type FileChangeKind = z.infer<typeof FileChangeKind>;

export const DiffLine = z.object({
  kind: z.enum([' ', '+', '-']),
  text: z.string(),
  /** The last line of a file that does not end with a line break. */
  unended: z.optional(z.literal(true)),
});
export const DiffHunk = z.object({
  oldStart: z.int(),
  oldLines: z.int(),
  newStart: z.int(),
  newLines: z.int(),
  lines: z.array(DiffLine),
});
export const DiffFile = z.object({
  path: WorkspacePath,
  change: FileChangeKind,
  /** `large` and `binary` have no hunks. */
  content: z.enum(['text', 'binary', 'large', 'symlink', 'none']),
  ...Lines,
  /** Null where there is no file. */
  bytesBefore: z.nullable(z.int()),
  bytesAfter: z.nullable(z.int()),
  /** Six octal digits; null where there is no file. */
  modeBefore: z.nullable(z.string()),
  modeAfter: z.nullable(z.string()),
  /** Who changed it, within one turn: `tool` and `shell` are the turn's. Null between other points. */
  by: z.nullable(z.enum(['tool', 'shell', 'restore', 'ambiguous', 'others'])),
  hunks: z.array(DiffHunk),
  /** Hunks beyond the limit of one answer were left out. */
  truncated: z.boolean(),
});
export type DiffFile = z.infer<typeof DiffFile>;

export const SnapshotDiffParams = z.strictObject({
  owner: SnapshotOwner,
  from: SnapshotPoint,
  /** Without it, the files as they are now. */
  to: z.optional(SnapshotPoint),
  /** Files and directories; without it, everything. */
  paths: z.optional(z.array(WorkspacePath).check(z.maxLength(1000))),
  /** Files to skip, for the next page. */
  offset: z.optional(z.int().check(z.gte(0))),
});
export const SnapshotDiffResult = z.object({
  /** By path. A page holds at most about a megabyte. */
  files: z.array(DiffFile),
  nextOffset: z.nullable(z.int()),
  /** Of the whole difference. */
  total: z.int(),
  ...Lines,
});

export const SnapshotStatusParams = z.strictObject({ workspace: Path });
export const SnapshotStatus = z.object({
  /** `refused`: this workspace is not captured, as `reason` says. `failing`: the newest attempt did not succeed. */
  state: z.enum(['on', 'off', 'refused', 'failing', 'none']),
  reason: z.string(),
  encrypted: z.boolean(),
  /** Of the newest snapshot. */
  ...SnapshotCounts.shape,
  skippedFiles: z.array(SkippedFile),
  lastAt: z.nullable(Timestamp),
  lastDurationMs: z.int(),
  /** Snapshots that can be named. */
  snapshots: z.int(),
  /** Bytes on disk. */
  storedBytes: z.int(),
  /** Packs of the store that are damaged: snapshots that need them cannot be restored. Missing for none. */
  damagedPacks: z.optional(z.int()),
  /** Removing old ones has failed more than once in a row: why, for a person, and since when. Missing when it has not. */
  pruneFailing: z.optional(z.object({ problem: z.string(), since: Timestamp })),
  /** Set while a snapshot is being taken. `total` is null until the files are counted; older daemons do not tell it. */
  busy: z.nullable(z.object({ files: z.int(), total: z.optional(z.nullable(z.int())), sinceMs: z.int() })),
  /** Set while what is stored is being checked: how many objects are, of how many. */
  verifying: z.optional(z.object({ objects: z.int(), total: z.int() })),
  /** How changes are found: every file is looked at, or directories are watched. Missing from daemons that only scan. */
  engine: z.optional(z.enum(['scan', 'watch'])),
  /** Why; empty when nothing was captured yet. */
  engineReason: z.optional(z.string()),
});
export type SnapshotStatus = z.infer<typeof SnapshotStatus>;

/** What to bring back. */
export const RestoreTarget = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('turn'), turn: TurnNumber, phase: SnapshotPhase }),
  /** What the session has changed since this snapshot was taken by hand, as it was then. */
  z.strictObject({ kind: z.literal('taken'), id: TakenId }),
  /** What the session's last restore changed, as it was before. */
  z.strictObject({ kind: z.literal('undo') }),
]);
export type RestoreTarget = z.infer<typeof RestoreTarget>;

export const RestorePlanParams = z.strictObject({
  sessionId: SessionId,
  target: RestoreTarget,
  /** Files and directories; without it, everything. */
  paths: z.optional(z.array(WorkspacePath).check(z.maxLength(1000))),
  /** Also what others changed. */
  all: z.optional(z.boolean()),
  /** Files to bring back although somebody else changed them. */
  overwrite: z.optional(z.array(WorkspacePath).check(z.maxLength(10_000))),
});

export const PlannedFile = z.object({
  path: WorkspacePath,
  /** What happens to it: it comes back, gets its old content, goes, gets another mode, becomes something else. */
  action: z.enum(['create', 'change', 'delete', 'mode', 'replace']),
  byShell: z.boolean(),
  ...Lines,
});
export type PlannedFile = z.infer<typeof PlannedFile>;

export const KeptReason = z.enum(['yours', 'ambiguous', 'ignored', 'skipped', 'conflict']);
export type KeptReason = z.infer<typeof KeptReason>;
/** `conflict`: what is restored was changed by this session, and by somebody else too, or since then. */
export const KeptFile = z.object({
  path: WorkspacePath,
  reason: KeptReason,
  /** Of a conflict: it was this session that has changed it since, and nobody else. Missing where that is not so. */
  by: z.optional(z.literal('session')),
});
export type KeptFile = z.infer<typeof KeptFile>;

export const RestorePlan = z.object({
  /** For `restore/apply`; good for ten minutes, and while the daemon runs. */
  planId: z.string(),
  files: z.array(PlannedFile),
  filesMore: z.int(),
  kept: z.array(KeptFile),
  keptMore: z.int(),
  counts: z.object({ create: z.int(), change: z.int(), delete: z.int(), kept: z.int(), conflicts: z.int() }),
  /** What a person should know before, a sentence each: the project's HEAD moved, files that were left out. */
  warnings: z.array(z.string()),
});
export type RestorePlan = z.infer<typeof RestorePlan>;

export const RestoreApplyParams = z.strictObject({ opId: OpId, sessionId: SessionId, planId: z.string() });
export const RestoredFile = z.object({
  path: WorkspacePath,
  outcome: z.enum(['restored', 'deleted', 'left']),
  /** Why it was left as it is, for a person; empty otherwise. */
  reason: z.string(),
});
export type RestoredFile = z.infer<typeof RestoredFile>;
export const RestoreResult = z.object({
  /** Those that were left come first. */
  files: z.array(RestoredFile),
  filesMore: z.int(),
  restored: z.int(),
  deleted: z.int(),
  left: z.int(),
  /** Of the plan. */
  kept: z.int(),
  conflicts: z.int(),
});
export type RestoreResult = z.infer<typeof RestoreResult>;
