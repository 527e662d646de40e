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
  /** When the file was made, in milliseconds since the epoch: only where a command let be seen what was there before. */
  readonly bornAt?: number;
  /** A restore of the session that this one was forked from: it tells what was there before it, and nothing else. */
  readonly isInherited?: true;
}

/**
 * - `own`: an unbroken chain of the session's changes leads from the target to what is there now.
 * - `changed-by-you`: the session never touched it.
 * - `ambiguous`: the chain holds a change that may have been somebody else's.
 * - `changed-since`: somebody changed it after the session did.
 * - `changed-between`: somebody changed it before, or between, the session's changes: going back would drop that too.
 */
export type Attribution = 'own' | 'changed-by-you' | 'ambiguous' | 'changed-since' | 'changed-between';

/**
 * @param all the session's changes of this path since the target, oldest first.
 * @param earlier those before it, needed where a restore may have brought back what was there then.
 */
export function attribute(
  all: readonly SessionChange[],
  current: MaybeFile,
  target: MaybeFile,
  earlier: readonly SessionChange[] = [],
): Attribution {
  const newest = chainOf(all, earlier);
  if (newest === undefined) return 'changed-by-you';
  if (!sameState(newest.change.after, current)) return 'changed-since';
  let expected = current;
  let ambiguous = false;
  for (let link: Link | undefined = newest; link !== undefined; link = link.older) {
    const { before, after, ambiguous: isUncertain } = link.change;
    if (!sameState(after, expected)) return 'changed-between';
    ambiguous ||= isUncertain === true;
    // What is older led to the state that is wanted: nothing of it is lost.
    if (sameState(before, target)) return ambiguous ? 'ambiguous' : 'own';
    expected = before;
  }
  return 'changed-between';
}

/** A change, and what the session had done before it. */
interface Link {
  readonly change: SessionChange;
  readonly older: Link | undefined;
}

/** What had led to a state when it was replaced; undefined when the session had no part in it. */
type Replaced = Map<string, Link | undefined>;

/**
 * What the session did to a path, without what was taken back. A restore that brings back what was there before a change
 * makes nothing of it the session's: whoever made it then has made it still, and only what had led there counts again.
 *
 * @param changes since the target, oldest first.
 * @param earlier what came before those: a restore may bring back what an earlier one had overwritten of somebody else then.
 * @returns the newest change; undefined when there is none.
 */
function chainOf(changes: readonly SessionChange[], earlier: readonly SessionChange[]): Link | undefined {
  const overwritten: Replaced = new Map();
  follow(earlier, new Map(), ({ by, before }, older, previous) => {
    const isOthers = previous === undefined || !sameState(previous.after, before);
    if (by === 'restore' && isOthers) overwritten.set(keyOf(before), older);
  });
  return follow(changes, overwritten);
}

/** @param tell called before each change, with what led to it and with the one before it, which may have been taken back. */
function follow(
  changes: readonly SessionChange[],
  replaced: Replaced,
  tell?: (change: SessionChange, older: Link | undefined, previous: SessionChange | undefined) => void,
): Link | undefined {
  let newest: Link | undefined;
  for (const [index, change] of changes.entries()) {
    replaced.set(keyOf(change.before), newest);
    tell?.(change, newest, changes[index - 1]);
    const after = keyOf(change.after);
    if (change.by === 'restore' && replaced.has(after)) newest = replaced.get(after);
    else if (change.isInherited !== true) newest = { change, older: newest };
  }
  return newest;
}

function keyOf(state: MaybeFile): string {
  return state === undefined ? '' : `${state.mode} ${state.id}`;
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
