/** Plans and results of restores as clients see them. */
import type { KeptFile, PlannedFile, RestoredFile, RestorePlan as ShownPlan } from '../../../protocol/snapshot.ts';
import type { ResultOf } from '../../../protocol/methods.ts';
import { toWirePath } from '../byte-text.ts';
import type { ChangeKind } from '../diff/file-state.ts';
import type { ObjectSource } from '../objects/object.ts';
import type { Kept, PlannedDelete, PlannedWrite, RestorePlan } from '../restore/restore-plan.ts';
import type { RestoreResult, SkipReason } from '../restore/restore-result.ts';
import { LineCounter } from './differences.ts';

/** Files of one answer; the rest is counted. */
const SHOWN = 2_000;

const ACTIONS: Readonly<Record<ChangeKind, PlannedFile['action']>> = {
  added: 'create',
  changed: 'change',
  deleted: 'delete',
  mode: 'mode',
  type: 'replace',
};

const KEPT: Readonly<Record<Kept['reason'], KeptFile['reason']>> = {
  'changed-by-you': 'yours',
  ambiguous: 'ambiguous',
  ignored: 'ignored',
  skipped: 'skipped',
  blocked: 'yours',
  protected: 'ignored',
};

const LEFT: Readonly<Record<SkipReason, string>> = {
  'already-there': 'somebody else has brought it back already',
  changed: 'it was changed after the plan was made',
  'parent-not-directory': 'a file or a link stands where its directory has to be',
  'directory-in-the-way': 'a directory with files in it stands in its place',
  'no-permission': 'the system does not allow it',
  busy: 'a program is using it',
  'not-possible': 'this file system cannot hold it',
  'content-lost': 'its content is missing from the snapshots, or damaged',
  'disk-full': 'there is no room left on the disk; the restore goes on when there is',
  'disk-failed': 'the disk failed; the restore goes on when it works again',
};

export function shownPlan(
  planId: string,
  plan: RestorePlan,
  source: ObjectSource,
  warnings: readonly string[],
): ShownPlan {
  const counter = new LineCounter(source);
  const items = [...plan.writes, ...plan.deletes].sort((left, right) => (left.path < right.path ? -1 : 1));
  const kept: KeptFile[] = [
    ...plan.conflicts.map(({ path, isOwn }) => ({
      path: toWirePath(path),
      reason: 'conflict' as const,
      ...(isOwn ? { by: 'session' as const } : {}),
    })),
    ...plan.kept.map(({ path, reason }) => ({ path: toWirePath(path), reason: KEPT[reason] })),
  ];
  const create = plan.writes.filter(({ kind }) => kind === 'added').length;
  return {
    planId,
    files: items.slice(0, SHOWN).map((item) => plannedFile(item, counter)),
    filesMore: Math.max(0, items.length - SHOWN),
    kept: kept.slice(0, SHOWN),
    keptMore: Math.max(0, kept.length - SHOWN),
    counts: {
      create,
      change: plan.writes.length - create,
      delete: plan.deletes.length,
      kept: plan.kept.length,
      conflicts: plan.conflicts.length,
    },
    warnings: [...warnings],
  };
}

export function shownResult(result: RestoreResult, { kept, conflicts }: RestorePlan): ResultOf<'restore/apply'> {
  const files: RestoredFile[] = [
    ...result.skipped.map(({ path, reason }) => ({
      path: toWirePath(path),
      outcome: 'left' as const,
      reason: LEFT[reason],
    })),
    ...result.restored.map(({ path }) => ({ path: toWirePath(path), outcome: 'restored' as const, reason: '' })),
    ...result.deleted.map(({ path }) => ({ path: toWirePath(path), outcome: 'deleted' as const, reason: '' })),
  ];
  return {
    files: files.slice(0, SHOWN),
    filesMore: Math.max(0, files.length - SHOWN),
    restored: result.restored.length,
    deleted: result.deleted.length,
    left: result.skipped.length,
    kept: kept.length,
    conflicts: conflicts.length,
  };
}

function plannedFile(item: PlannedWrite | PlannedDelete, counter: LineCounter): PlannedFile {
  const { path, kind, byShell } = item;
  return { path: toWirePath(path), action: ACTIONS[kind], byShell, ...counter.count(item) };
}
