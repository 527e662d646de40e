/** What the services need of the threads that keep the files of workspaces: one thread a workspace, started when needed. */
import type { ParamsOf, ResultOf } from '../../protocol/methods.ts';
import type { Protections } from '../domain/snapshot-retention.ts';
import type { Snapshot, SnapshotEntry, SnapshotPoint } from '../../protocol/snapshot.ts';

/** Of which session a point is; undefined for one taken by hand. */
export interface PointName {
  readonly sessionId: string | undefined;
  readonly point: SnapshotPoint;
}

/** What is about to be changed: the files that a tool names, or whatever a command touches. */
export type Mutation =
  | { readonly kind: 'files'; readonly callId: string; readonly paths: readonly string[] }
  | { readonly kind: 'command'; readonly callId: string };

export interface TurnRef {
  readonly sessionId: string;
  readonly turn: number;
}

export interface SnapshotSettings {
  readonly enabled: boolean;
  readonly encrypt: boolean;
  /** Whether directories are watched between snapshots; with `auto`, those of a large workspace. */
  readonly watch: 'auto' | 'on' | 'off';
  readonly maxFileBytes: number;
  readonly maxFiles: number;
  readonly maxBytes: number;
}

/** How long snapshots are kept, and how much of them. */
export interface RetentionSettings {
  /** 0: none goes for its age. */
  readonly maxAgeDays: number;
  /** Of all workspaces together; 0 for no limit. */
  readonly maxStoredBytes: number;
}

export interface TakenSnapshot {
  readonly snapshot: Snapshot;
  readonly durationMs: number;
}

/** How far a reading of the whole workspace has come. */
export interface ReadingProgress {
  readonly files: number;
  /** Files that are to be read, nearly; null until they are counted. */
  readonly total: number | null;
}

/** How far a check of what is stored has come. */
export interface CheckProgress {
  readonly objects: number;
  readonly total: number;
}

export interface PlanRequest {
  readonly params: ParamsOf<'restore/plan'>;
  /** The newest turn of the session that has begun. */
  readonly newestTurn: number;
}

/** When protections were read: while the count is what it was they hold. It is shared between threads. */
export interface ProtectionsAsOf {
  readonly count: Int32Array<SharedArrayBuffer>;
  readonly was: number;
}

/** Of one workspace. */
export interface PruneOrder {
  readonly protections: Protections;
  /** Missing where nothing is removed that could be protected. */
  readonly asOf?: ProtectionsAsOf;
  /** Milliseconds since the epoch: of now, and when this was last decided. */
  readonly now: number;
  readonly seen: number | undefined;
  /** Infinity: nothing goes for its age. */
  readonly maxAgeMs: number;
  /** Of what is kept of it; Infinity for no limit. */
  readonly maxBytes: number;
  /** Nothing that is not needed stays on the disk: for a deletion. Otherwise up to half of it may. */
  readonly thorough: boolean;
  /** Only says what would be done. */
  readonly dryRun: boolean;
}

export interface PruneOutcome {
  /** Snapshots that went. */
  readonly removed: number;
  /** Those that are protected, however old they are. */
  readonly kept: number;
  /** Names that are left, those of what turns and restores did included. */
  readonly names: number;
  readonly freedBytes: number;
  readonly leftBytes: number;
  /** Parts of what stays that are missing or damaged. */
  readonly damaged: number;
  /** Milliseconds since the epoch; null when there is no snapshot. */
  readonly newestAt: number | null;
}

export interface StoredUse {
  readonly snapshots: number;
  /** Milliseconds since the epoch. */
  readonly oldestAt: number | null;
  readonly newestAt: number | null;
}

/** A workspace of which something is stored. */
export interface StoredWorkspace {
  readonly root: string;
  /** False when the directory is not there: it was removed or moved, or its disk is away. */
  readonly exists: boolean;
  /** On disk. */
  readonly bytes: number;
  /** Those of snapshots among them; the rest is what a scan knows, and names. */
  readonly snapshotBytes: number;
  /** When any were last stored, milliseconds since the epoch. */
  readonly packedAt: number;
}

/**
 * The files of one workspace. Calls are carried out in order; each rejects with a ProtocolError and has a deadline.
 * Nothing here changes a file of the workspace but `apply`.
 */
export interface WorkspaceFiles {
  /**
   * Takes a snapshot and gives it a name. A name that is taken keeps its snapshot when that is the `pre` of a turn which goes on.
   * @throws ProtocolError REFUSED for a directory that is not captured, LIMIT_REACHED for one that is too large,
   *   STORAGE_FULL, STORAGE_FAILED.
   */
  take(name: PointName, signal: AbortSignal): Promise<TakenSnapshot>;
  /**
   * The snapshot that is being taken under this name comes too late to be from before the turn's first change, or from before
   * that of the next turn: it gets no name. What was read is kept for the next one.
   */
  tooLate(name: PointName): void;
  /** A call is about to change files. */
  beginCall(turn: TurnRef, mutation: Mutation): Promise<void>;
  /** It has ended. What it changed is durable as the session's doing when this resolves. */
  endCall(turn: TurnRef, mutation: Mutation): Promise<void>;
  /** Takes the `post` of a turn, and says what the turn has changed since its `pre`. */
  endTurn(turn: TurnRef, signal: AbortSignal): Promise<Omit<SnapshotEntry, 'restorable' | 'reason'>>;
  /** Of what is being read; undefined when nothing is. Looks at memory only. */
  progress(): ReadingProgress | undefined;
  list(
    owner: { readonly sessionId: string } | undefined,
    limit: number,
    cursor: string | undefined,
  ): Promise<ResultOf<'snapshot/list'>>;
  show(name: PointName): Promise<ResultOf<'snapshot/show'>>;
  diff(
    sessionId: string | undefined,
    params: Omit<ParamsOf<'snapshot/diff'>, 'owner'>,
  ): Promise<ResultOf<'snapshot/diff'>>;
  status(): Promise<Omit<ResultOf<'snapshot/status'>, 'state' | 'reason'> & { readonly lastError: string }>;
  exportTo(destination: string): Promise<ResultOf<'snapshot/export'>>;
  writeOut(name: PointName, destination: string): Promise<ResultOf<'snapshot/writeOut'>>;
  plan(request: PlanRequest): Promise<ResultOf<'restore/plan'>>;
  /** @throws ProtocolError NOT_FOUND for a plan that is over. */
  apply(sessionId: string, planId: string): Promise<ResultOf<'restore/apply'>>;
  /** A fork has the snapshots of the turns that it shares. */
  copySession(from: string, to: string, upToTurn: number): Promise<void>;
  /** Removes the names of a deleted session; nobody can look at its snapshots any more. @returns whether there were any. */
  forgetSession(sessionId: string): Promise<boolean>;
  use(): Promise<StoredUse>;
  /**
   * Removes old snapshots and gives back their room. In slices: other calls come in between, also snapshots.
   * @throws ProtocolError CONFLICT when what is protected has changed before anything was removed: nothing was, then.
   */
  prune(order: PruneOrder): Promise<PruneOutcome>;
  /** Reads all that is stored, twice over, in slices as `prune` does. What is damaged is in the result. */
  verify(signal: AbortSignal): Promise<ResultOf<'snapshot/verify'>>;
}

export interface WorkspacesPort {
  /**
   * @param root realpath of the workspace.
   * @throws ProtocolError REFUSED when this directory is not captured, with the reason.
   */
  of(root: string): Promise<WorkspaceFiles>;
  /** As `of`, for a look at many of them: a thread that nobody else needs ends with it. */
  briefly<T>(root: string, work: (files: WorkspaceFiles) => Promise<T>): Promise<T>;
  /** Whether there is anything stored of this workspace. */
  has(root: string): Promise<boolean>;
  /** @throws ProtocolError INVALID_PARAMS when there is no directory, or a symbolic link is on the way to it. */
  requireDirectory(root: string): Promise<void>;
  storedWorkspaces(): Promise<StoredWorkspace[]>;
  /**
   * Removes what belongs to no workspace any more and was not changed since.
   * @param before milliseconds since the epoch.
   * @returns how many bytes that were.
   */
  clearOrphans(before: number): Promise<number>;
  /** Completes restores that a daemon before this one had begun. @returns what was done, a sentence each. */
  recover(): Promise<string[]>;
  /**
   * Does something while nobody works in either of two workspaces; whoever asks for one of them waits.
   * @throws ProtocolError CONFLICT while somebody does.
   */
  moving<T>(from: string, to: string, work: () => Promise<T>): Promise<T>;
  /**
   * Removes what is stored of a workspace, and its key, when no snapshot is left, no restore that could be undone, and nothing
   * is being done there.
   */
  removeIfEmpty(root: string): Promise<void>;
  /** Ends what runs, with the keys that it has; the next call begins anew. */
  putAway(): Promise<void>;
  close(): Promise<void>;
}
