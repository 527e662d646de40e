/** Decides what a restore does. It reads trees and nothing else: the same input gives the same plan. */
import type { ByteText } from '../byte-text.ts';
import { kindOfChange, TreeLookup } from '../diff/file-state.ts';
import { ancestorsOf, hasAncestor, upwardsFrom } from '../diff/path-scope.ts';
import { diffTrees, type FileDifference } from '../diff/tree-diff.ts';
import type { ObjectId, ObjectSource } from '../objects/object.ts';
import { DIRECTORY } from '../objects/tree-format.ts';
import { attribute, changesByPath, type SessionChange } from './attribution.ts';
import { isOfGit } from './restorable-path.ts';
import type {
  Conflict,
  ConflictReason,
  Kept,
  KeptReason,
  PlannedDelete,
  PlannedWrite,
  RestorePlan,
} from './restore-plan.ts';

export interface IgnoreRules {
  isIgnored(path: ByteText, isDirectory: boolean): boolean;
}

export interface RestoreInput {
  readonly source: ObjectSource;
  /** The safety snapshot: a full scan of just now. */
  readonly current: ObjectId;
  readonly target: ObjectId;
  /** Everything that this session changed from the target until now, oldest first. */
  readonly changes: readonly SessionChange[];
  /** What it changed before those: a restore may have brought back what was there then. Default: nothing. */
  readonly earlier?: readonly SessionChange[];
  /** What the session changed after those, where they do not reach until now. Nothing of it is taken back. Default: nothing. */
  readonly later?: readonly SessionChange[];
  readonly currentRules: IgnoreRules;
  readonly targetRules: IgnoreRules;
  /** What the scan of either tree left out; a directory stands for everything below it. */
  readonly skipped: ReadonlySet<ByteText>;
  /** Who could not read a file in the target: bits of 0o077. Default: everybody could. */
  readonly denied?: (path: ByteText) => number;
  /** Files or directories to which the restore is limited. */
  readonly within?: readonly ByteText[];
  /** Also what the session did not change, and what others changed too. Never what is ignored or skipped. */
  readonly all: boolean;
  /** Single paths that are treated as if `all` were set. */
  readonly overwrite?: ReadonlySet<ByteText>;
}

/** @throws what the source throws for a tree that is missing or damaged. */
export function planRestore(input: RestoreInput): RestorePlan {
  const { source, current, target, within } = input;
  const writes: PlannedWrite[] = [];
  const deletes: PlannedDelete[] = [];
  const kept: Kept[] = [];
  const conflicts: Conflict[] = [];
  const decide = decider(input);
  for (const difference of diffTrees(source, current, target, within)) {
    const { path, before, after } = difference;
    const { verdict, despite, byShell, isOwn } = decide(difference);
    const item = { path, before, after, kind: kindOfChange(before, after), byShell };
    if (isConflict(verdict)) conflicts.push({ ...item, reason: verdict, isOwn });
    else if (verdict !== undefined) kept.push({ ...item, reason: verdict });
    else if (after !== undefined) {
      const denied = input.denied?.(path) ?? 0;
      writes.push({ ...item, after, despite, ...(denied === 0 ? {} : { denied }) });
    } else if (before !== undefined) deletes.push({ ...item, before, after, despite });
  }
  const { open, blocked } = unblocked(input, writes, deletes, [...kept, ...conflicts]);
  return {
    writes: open,
    deletes,
    directories: emptied(new TreeLookup(source, target), deletes),
    kept: [...kept, ...blocked].sort((left, right) => (left.path < right.path ? -1 : 1)),
    conflicts,
  };
}

interface Decision {
  /** Why the path is left; undefined when it is restored. */
  readonly verdict: KeptReason | ConflictReason | undefined;
  readonly despite: KeptReason | ConflictReason | undefined;
  readonly byShell: boolean;
  /** What came after the session's change was the session as well. */
  readonly isOwn: boolean;
}

function decider(input: RestoreInput): (difference: FileDifference) => Decision {
  const changes = changesByPath(input.changes);
  const earlier = changesByPath(input.earlier ?? []);
  const later = changesByPath(input.later ?? []);
  return ({ path, before, after }) => {
    const own = changes.get(path) ?? [];
    const byShell = own.some(({ by }) => by === 'shell');
    const attribution = attribute(own, before, after, earlier.get(path) ?? []);
    const isOwn =
      attribution === 'changed-since' && attribute(later.get(path) ?? [], before, own.at(-1)?.after) === 'own';
    const known = { byShell, isOwn };
    const fixed = untouchable(input, { path, before, after }, attribution === 'own');
    if (fixed !== undefined) return { ...known, verdict: fixed, despite: undefined };
    if (attribution === 'own') return { ...known, verdict: undefined, despite: undefined };
    if (input.all || input.overwrite?.has(path) === true) return { ...known, verdict: undefined, despite: attribution };
    return { ...known, verdict: attribution, despite: undefined };
  };
}

/** What no option restores. */
function untouchable(
  { skipped, currentRules, targetRules }: RestoreInput,
  { path, before, after }: FileDifference,
  isOwn: boolean,
): KeptReason | undefined {
  if (isOfGit(path)) return 'protected';
  if (skipped.has(path) || hasAncestor(path, skipped)) return 'skipped';
  if (after === undefined) {
    return currentRules.isIgnored(path, false) || targetRules.isIgnored(path, false) ? 'ignored' : undefined;
  }
  // No snapshot of now says what is there: only the session's own deletion tells that nothing is.
  if (before === undefined && !isOwn && currentRules.isIgnored(path, false)) return 'ignored';
  return undefined;
}

function isConflict(verdict: KeptReason | ConflictReason | undefined): verdict is ConflictReason {
  return verdict === 'changed-since' || verdict === 'changed-between';
}

/** Takes out the writes for which there is no room, since something stays that is in their way. */
function unblocked(
  { source, current, skipped }: RestoreInput,
  writes: readonly PlannedWrite[],
  deletes: readonly PlannedDelete[],
  left: readonly (Kept | Conflict)[],
): { open: PlannedWrite[]; blocked: Kept[] } {
  const staying = left.filter(({ before }) => before !== undefined).map(({ path }) => path);
  const neededDirectories = ancestorsOf([...staying, ...skipped]);
  const gone = new Set(deletes.map(({ path }) => path));
  const now = new TreeLookup(source, current);
  const isFree = new Map<ByteText, boolean>();
  const canHold = (directory: ByteText): boolean => {
    const known = isFree.get(directory);
    if (known !== undefined) return known;
    const entry = now.at(directory);
    const free = entry === undefined || entry.mode === DIRECTORY || gone.has(directory);
    isFree.set(directory, free);
    return free;
  };
  const open: PlannedWrite[] = [];
  const blocked: Kept[] = [];
  for (const write of writes) {
    const fits = !neededDirectories.has(write.path) && [...upwardsFrom(write.path)].every(canHold);
    if (fits) open.push(write);
    else blocked.push(asBlocked(write));
  }
  return { open, blocked };
}

function asBlocked({ path, before, after, kind, byShell }: PlannedWrite): Kept {
  return { path, before, after, kind, byShell, reason: 'blocked' };
}

/** Directories above what is deleted that the target does not have, deepest first. */
function emptied(target: TreeLookup, deletes: readonly PlannedDelete[]): ByteText[] {
  const above = ancestorsOf(deletes.map(({ path }) => path));
  const gone = [...above].filter((directory) => target.at(directory)?.mode !== DIRECTORY);
  // A directory stands before what is in it, so the other way round the deepest come first.
  return gone.sort((left, right) => (left < right ? 1 : -1));
}
