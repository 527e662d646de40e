/**
 * Files that were there when a snapshot was taken, although it does not have them: a rule left them out that is gone now,
 * as when a repository was made, or what was ignored was added to an index. Whoever changed the rule made none of them.
 */
import { lstatSync } from 'node:fs';
import { toByteText, toBytes, type ByteText } from '../byte-text.ts';
import type { RestorePlan } from './restore-plan.ts';

/** Clocks of file systems are behind by some milliseconds, and some keep whole seconds. */
const SLACK_MS = 2_000;

/**
 * What was moved has its old time and is no such file: its content comes back elsewhere.
 *
 * @param root absolute.
 * @param at when the target was captured, in milliseconds since the epoch.
 * @returns the plan without the deletions of such files. Where the system does not know when a file was made, it stays as it is.
 */
export function keepOlder(root: string, plan: RestorePlan, at: number): RestorePlan {
  const comesBack = new Set(plan.writes.map(({ after }) => after.id));
  const older = new Set(
    plan.deletes.filter(({ path, before }) => !comesBack.has(before.id) && bornAt(root, path) < at - SLACK_MS),
  );
  if (older.size === 0) return plan;
  const kept = [...older].map((item) => ({ ...item, reason: 'skipped' as const }));
  return {
    ...plan,
    deletes: plan.deletes.filter((item) => !older.has(item)),
    kept: [...plan.kept, ...kept].sort((left, right) => (left.path < right.path ? -1 : 1)),
  };
}

/** Infinity when nobody knows. */
function bornAt(root: string, path: ByteText): number {
  try {
    const { birthtimeMs } = lstatSync(toBytes(`${toByteText(root)}/${path}`));
    return birthtimeMs > 0 ? birthtimeMs : Infinity;
  } catch {
    // It is gone, or out of reach: the restore finds that out for itself.
    return Infinity;
  }
}
