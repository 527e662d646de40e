/** Where a restore goes back to: a point of a turn, a snapshot taken by hand, or the files before the last restore. */
import { ProtocolError } from '../../../protocol/errors.ts';
import type { PlanRequest } from '../../services/snapshot-port.ts';
import type { ByteText } from '../byte-text.ts';
import { pathScope } from '../diff/path-scope.ts';
import type { ObjectId } from '../objects/object.ts';
import { isDamage } from '../objects/store-errors.ts';
import type { SessionChange } from '../restore/attribution.ts';
import type { Closed } from '../scan/scan-result.ts';
import type { ProjectHead } from './project-head.ts';
import type { SkippedPath } from './records.ts';
import type { SideRepository } from './side-repository.ts';
import type { NamedRestore, TurnLedger } from './turn-ledger.ts';
import { pathsFromWire } from './wire-paths.ts';

interface Kept {
  readonly side: SideRepository;
  readonly ledger: TurnLedger;
}

export interface Target {
  readonly turn: number;
  readonly phase: 'pre' | 'post';
  /** When it was captured, in milliseconds since the epoch. */
  readonly at: number;
  readonly tree: ObjectId;
  readonly skipped: readonly SkippedPath[];
  readonly skippedMore: number;
  readonly head: ProjectHead | undefined;
  readonly changes: readonly SessionChange[];
  readonly earlier: readonly SessionChange[];
  /** What it did after those, of which nothing is taken back. */
  readonly later?: readonly SessionChange[];
  /** Turns of which nobody can tell any more what they changed. */
  readonly unreadable: readonly number[];
  readonly closed: readonly Closed[];
  readonly within: readonly ByteText[] | undefined;
}

/** @throws ProtocolError NOT_FOUND, TAMPERED; TamperedObject, MissingObject */
export function findTarget(
  { side, ledger }: Kept,
  { params: { sessionId, target, paths }, newestTurn }: PlanRequest,
): Target {
  const named = paths === undefined ? undefined : pathsFromWire(paths);
  if (target.kind === 'turn') {
    const { turn, phase } = target;
    const { tree, record } = side.snapshot({ sessionId, point: target });
    const { at, skipped, skippedMore, head, closed = [] } = record;
    const known = ledger.since(sessionId, target, at);
    return { turn, phase, at, tree, skipped, skippedMore, head, ...known, closed, within: named };
  }
  if (target.kind === 'taken') {
    const { tree, record } = side.snapshot({ sessionId: undefined, point: target });
    const { skipped, skippedMore, head, at, closed = [] } = record;
    const known = ledger.sinceMoment(sessionId, at);
    return { turn: newestTurn, phase: 'post', at, tree, skipped, skippedMore, head, ...known, closed, within: named };
  }
  const newest = newestRestore(ledger, sessionId);
  if (newest === undefined) {
    throw new ProtocolError('NOT_FOUND', 'this session has restored nothing that could be undone');
  }
  const { tree, record } = newest;
  const { at, skipped, skippedMore, head, changes, afterTurn, closed = [] } = record;
  const scope = pathScope(named);
  const within = changes.map(({ path }) => path).filter((path) => scope.holds(path));
  const known = { changes, earlier: [], later: ledger.afterTurn(sessionId, afterTurn), unreadable: [] };
  return { turn: afterTurn, phase: 'post', at, tree, skipped, skippedMore, head, ...known, closed, within };
}

/** @throws ProtocolError TAMPERED: the one before it must not be taken for it. */
function newestRestore(ledger: TurnLedger, sessionId: string): NamedRestore | undefined {
  try {
    return ledger.newestRestore(sessionId);
  } catch (error) {
    if (!isDamage(error)) throw error;
    throw new ProtocolError('TAMPERED', 'what the last restore did is damaged in the store, so it cannot be undone', {
      hint: 'Go back to a turn instead, before or after it: /restore, or mctl snapshots restore.',
      cause: error,
    });
  }
}
