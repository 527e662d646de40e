/**
 * Files that were there when a snapshot was taken, although it does not have them: a rule left them out that is gone now,
 * as when a repository was made, or what was ignored was added to an index. Whoever changed the rule made none of them.
 */
import { lstatSync } from 'node:fs';
import { toByteText, toBytes, type ByteText } from '../byte-text.ts';
import type { SessionChange } from './attribution.ts';
import type { RestorePlan } from './restore-plan.ts';

/** Clocks of file systems are behind by some milliseconds, and some keep whole seconds. */
const SLACK_MS = 2_000;

/**
 * What was moved has its old time and is no such file: its content comes back elsewhere.
 *
 * @param root absolute.
 * @param at when the target was captured, in milliseconds since the epoch.
 * @param changes those of the session since, which know of files that were made anew meanwhile.
 * @returns the plan without the deletions of such files. Where the system does not know when a file was made, it stays as it is.
 */
export function keepOlder(root: string, plan: RestorePlan, at: number, changes: readonly SessionChange[]): RestorePlan {
  const known = new Map(changes.flatMap(({ path, bornAt = at }) => (bornAt < at ? [[path, bornAt] as const] : [])));
  const isOlder = (path: ByteText): boolean => Math.min(known.get(path) ?? at, birthOf(root, path)) < at - SLACK_MS;
  const comesBack = new Set(plan.writes.map(({ after }) => after.id));
  const older = new Set(plan.deletes.filter(({ path, before }) => !comesBack.has(before.id) && isOlder(path)));
  if (older.size === 0) return plan;
  const kept = [...older].map((item) => ({ ...item, reason: 'skipped' as const }));
  return {
    ...plan,
    deletes: plan.deletes.filter((item) => !older.has(item)),
    kept: [...plan.kept, ...kept].sort((left, right) => (left.path < right.path ? -1 : 1)),
  };
}

/**
 * What a command let be seen may have been there before: its birth is noted, since an edit may make the file anew. What the
 * command has moved is another matter.
 *
 * @param changes of one command.
 * @param since when its turn began, in milliseconds since the epoch.
 */
export function withBirths(root: string, changes: readonly SessionChange[], since: number): readonly SessionChange[] {
  const moved = new Set(changes.flatMap(({ before, after }) => (after === undefined && before ? [before.id] : [])));
  return changes.map((change) => {
    const { path, before, after } = change;
    if (before !== undefined || after === undefined || moved.has(after.id)) return change;
    const bornAt = birthOf(root, path);
    return bornAt < since - SLACK_MS ? { ...change, bornAt } : change;
  });
}

/** Infinity when nobody knows. */
function birthOf(root: string, path: ByteText): number {
  try {
    const { birthtimeMs } = lstatSync(toBytes(`${toByteText(root)}/${path}`));
    return birthtimeMs > 0 ? birthtimeMs : Infinity;
  } catch {
    // It is gone, or out of reach: the restore finds that out for itself.
    return Infinity;
  }
}
