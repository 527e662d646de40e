/** Under which rules a directory was surveyed: what is below it can only be taken as it was under the same. */
import type { DirectoryNode } from './directory-node.ts';
import { rulesKey, type Level } from './rule-level.ts';

/**
 * Of the workspace and of every repository in it: with the paths in the index, which come from outside of what is scanned.
 * Not kept in the cache file, because the first scan of a process looks at everything.
 */
const rulesOf = new WeakMap<DirectoryNode, string>();

export function noteRules(node: DirectoryNode, level: Level, isTop: boolean): void {
  if (isTop || node.isRepository) rulesOf.set(node, rulesKey(level, true));
}

/** @param level that is in force now. @param isTop whether it is the workspace itself. */
export function hasSameRules(node: DirectoryNode | undefined, level: Level, isTop: boolean): boolean {
  // Nothing below was looked at while it could not be listed.
  if (node === undefined || node.refusal !== undefined) return false;
  if (rulesKey(level, node.hides) !== node.rulesKey) return false;
  return (!isTop && !node.isRepository) || rulesOf.get(node) === rulesKey(level, true);
}
