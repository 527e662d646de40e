/** What becomes of the names of a session when it is forked, and when it is deleted. */
import type { ObjectId } from '../objects/object.ts';
import type { RefChange } from '../objects/ref-store.ts';
import { NEWEST, OF_SESSION, restoresName } from './names.ts';
import { writeRecord, type RestoreRecord } from './records.ts';
import type { SideRepository } from './side-repository.ts';
import type { NamedRestore, TurnLedger } from './turn-ledger.ts';

export interface Copying {
  readonly from: string;
  readonly to: string;
  readonly upToTurn: number;
}

/**
 * The fork has the points of the turns that it shares, what they changed, and the restores that came before its own turns.
 * A later restore is inherited if it is the newest: a session that is taken back to a turn restores, then forks.
 */
export function copyNames(side: SideRepository, ledger: TurnLedger, { from, to, upToTurn }: Copying): void {
  const { refs } = side;
  const changes: RefChange[] = [];
  for (const kind of ['snap', 'call', 'turn'] as const) {
    for (const { name, id } of refs.list(`${kind}/${from}`)) {
      const rest = name.slice(`${kind}/${from}/`.length);
      if (Number.parseInt(rest, 10) <= upToTurn) changes.push({ name: `${kind}/${to}/${rest}`, id });
    }
  }
  const afterChanges = ledger.readableChangesOf({ sessionId: from, turn: upToTurn })?.length ?? 0;
  const restores = ledger.restores(from).filter(({ record }) => record.done);
  for (const restore of restores) {
    const { number, commit, record } = restore;
    const name = `${restoresName(to)}/${number}`;
    if (record.afterTurn <= upToTurn) changes.push({ name, id: commit });
    else if (restore === restores.at(-1))
      changes.push({ name, id: inherit(side, restore, { afterTurn: upToTurn, afterChanges }) });
  }
  refs.change(changes);
}

function inherit(
  { store }: SideRepository,
  { tree, record }: NamedRestore,
  place: Required<Pick<RestoreRecord, 'afterTurn' | 'afterChanges'>>,
): ObjectId {
  const batch = store.begin('compressed');
  try {
    const inherited = { ...record, ...place, isInherited: true } as const;
    const commit = writeRecord(batch, tree, 'before a restore of the session that was forked', inherited);
    batch.commit();
    return commit;
  } finally {
    batch.abandon();
  }
}

/** Nobody can look at its snapshots any more. @returns whether there were any. */
export function dropNames({ refs }: SideRepository, sessionId: string): boolean {
  const gone = OF_SESSION.flatMap((kind) => refs.list(`${kind}/${sessionId}`));
  const ids = new Set<ObjectId | undefined>(gone.map(({ id }) => id));
  const names = gone.map(({ name }) => name);
  if (ids.has(refs.get(NEWEST))) names.push(NEWEST);
  refs.change(names.map((name) => ({ name, id: undefined })));
  return names.length > 0;
}
