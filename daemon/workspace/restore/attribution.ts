/** Whether a session may take back what is at a path: only when its own changes explain how it came there. */
import type { ByteText } from '../byte-text.ts';
import { type MaybeFile, sameState } from '../diff/file-state.ts';

/** One change that a session made: by a file tool, by a command, or by a restore. */
export interface SessionChange {
  readonly path: ByteText;
  readonly before: MaybeFile;
  readonly after: MaybeFile;
  readonly by: 'tool' | 'shell' | 'restore';
  /** A command of another session ran at the same time, or the command was cut off: it may have been somebody else. */
  readonly ambiguous?: boolean;
}

/**
 * - `own`: an unbroken chain of the session's changes leads from the target to what is there now.
 * - `changed-by-you`: the session never touched it.
 * - `ambiguous`: the chain holds a change that may have been somebody else's.
 * - `changed-since`: somebody changed it after the session did.
 * - `changed-between`: somebody changed it before, or between, the session's changes: going back would drop that too.
 */
export type Attribution = 'own' | 'changed-by-you' | 'ambiguous' | 'changed-since' | 'changed-between';

/** @param all the session's changes of this path since the target, oldest first. */
export function attribute(all: readonly SessionChange[], current: MaybeFile, target: MaybeFile): Attribution {
  const changes = withoutUndone(all);
  const newest = changes.at(-1);
  if (newest === undefined) return 'changed-by-you';
  if (!sameState(newest.after, current)) return 'changed-since';
  let expected = current;
  let ambiguous = false;
  for (const change of changes.toReversed()) {
    if (!sameState(change.after, expected)) return 'changed-between';
    ambiguous ||= change.ambiguous === true;
    // What is older led to the state that is wanted: nothing of it is lost.
    if (sameState(change.before, target)) return ambiguous ? 'ambiguous' : 'own';
    expected = change.before;
  }
  return 'changed-between';
}

/**
 * A restore that brings back what was there before an earlier one makes nothing of it the session's: whoever made it then
 * has made it still. So both go, and what came between them.
 */
function withoutUndone(changes: readonly SessionChange[]): readonly SessionChange[] {
  const left: SessionChange[] = [];
  for (const change of changes) {
    const undone =
      change.by === 'restore'
        ? left.findLastIndex(({ by, before }) => by === 'restore' && sameState(before, change.after))
        : -1;
    if (undone === -1) left.push(change);
    else left.length = undone;
  }
  return left;
}

/** @returns the changes of each path, in their order. */
export function changesByPath(changes: readonly SessionChange[]): ReadonlyMap<ByteText, readonly SessionChange[]> {
  const byPath = new Map<ByteText, SessionChange[]>();
  for (const change of changes) {
    const others = byPath.get(change.path);
    if (others === undefined) byPath.set(change.path, [change]);
    else others.push(change);
  }
  return byPath;
}
