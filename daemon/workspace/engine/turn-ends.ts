/** The end of a turn: the files after it, and what the turn has changed. */
import type { ParamsOf } from '../../../protocol/methods.ts';
import type { DiffFile, SnapshotEntry } from '../../../protocol/snapshot.ts';
import type { ByteText } from '../byte-text.ts';
import { type MaybeFile, sameState } from '../diff/file-state.ts';
import { diffTrees, type FileDifference } from '../diff/tree-diff.ts';
import type { SessionChange } from '../restore/attribution.ts';
import type { ReadRecord } from './records.ts';
import { LineCounter, sumOf } from './differences.ts';
import type { SideRepository } from './side-repository.ts';
import type { TurnLedger } from './turn-ledger.ts';

export type TurnCounts = Omit<SnapshotEntry, 'restorable' | 'reason'>;
type By = NonNullable<DiffFile['by']>;

/** @param pre undefined when the files before the turn are not known: only the turn's own changes are counted then. */
export function countsOf(
  { store }: SideRepository,
  pre: ReadRecord<'snapshot'> | undefined,
  post: ReadRecord<'snapshot'>,
  changes: readonly SessionChange[],
): TurnCounts {
  const by = whoChanged(changes);
  const differences = pre === undefined ? netChanges(changes) : diffTrees(store, pre.tree, post.tree);
  const own = differences.filter(({ path }) => by.has(path));
  const counter = new LineCounter(store);
  return {
    files: own.length,
    ...sumOf(own.map((difference) => counter.count(difference))),
    byShell: own.filter(({ path }) => by.get(path) !== 'tool').length,
    others: differences.length - own.length,
    skipped: post.record.skipped.length + post.record.skippedMore,
  };
}

/** Who made each of the differences between two snapshots; known only within one turn. */
export function whoBetween(
  ledger: Pick<TurnLedger, 'readableChangesOf'>,
  sessionId: string | undefined,
  from: ParamsOf<'snapshot/diff'>['from'],
  to: ParamsOf<'snapshot/diff'>['to'],
): (difference: { readonly path: string }) => DiffFile['by'] {
  const isTurn = from.kind === 'turn' && to?.kind === 'turn' && from.turn === to.turn && from.phase !== to.phase;
  if (!isTurn || sessionId === undefined) return () => null;
  const changes = ledger.readableChangesOf({ sessionId, turn: from.turn });
  if (changes === undefined) return () => null;
  const by = whoChanged(changes);
  return ({ path }) => by.get(path) ?? 'others';
}

/** Who changed each path in a turn, as far as the session did: a tool only when nothing else had a part in it. */
function whoChanged(changes: readonly SessionChange[]): ReadonlyMap<ByteText, By> {
  const by = new Map<ByteText, By>();
  for (const { path, by: who, ambiguous } of changes) {
    const known = by.get(path);
    if (ambiguous === true || known === 'ambiguous') by.set(path, 'ambiguous');
    else if (known === undefined || known === 'tool') by.set(path, who);
  }
  return by;
}

function netChanges(changes: readonly SessionChange[]): FileDifference[] {
  const net = new Map<ByteText, { readonly before: MaybeFile; after: MaybeFile }>();
  for (const { path, before, after } of changes) {
    const known = net.get(path);
    if (known === undefined) net.set(path, { before, after });
    else known.after = after;
  }
  return [...net]
    .filter(([, { before, after }]) => !sameState(before, after))
    .map(([path, states]) => ({ path, ...states }));
}
