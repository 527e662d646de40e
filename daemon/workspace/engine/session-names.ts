/** What becomes of the names of a session when it is forked, and when it is deleted. */
import type { ObjectId } from '../objects/object.ts';
import type { RefChange } from '../objects/ref-store.ts';
import { NEWEST, OF_SESSION, restoresName } from './names.ts';
import type { SideRepository } from './side-repository.ts';
import type { TurnLedger } from './turn-ledger.ts';

export interface Copying {
  readonly from: string;
  readonly to: string;
  readonly upToTurn: number;
}

/** The fork has the points of the turns that it shares, what they changed, and the restores that came before its own turns. */
export function copyNames({ refs }: SideRepository, ledger: TurnLedger, { from, to, upToTurn }: Copying): void {
  const changes: RefChange[] = [];
  for (const kind of ['snap', 'call', 'turn'] as const) {
    for (const { name, id } of refs.list(`${kind}/${from}`)) {
      const rest = name.slice(`${kind}/${from}/`.length);
      if (Number.parseInt(rest, 10) <= upToTurn) changes.push({ name: `${kind}/${to}/${rest}`, id });
    }
  }
  for (const { number, commit, record } of ledger.restores(from)) {
    if (record.done && record.afterTurn <= upToTurn)
      changes.push({ name: `${restoresName(to)}/${number}`, id: commit });
  }
  refs.change(changes);
}

/** Nobody can look at its snapshots any more. */
export function dropNames({ refs }: SideRepository, sessionId: string): void {
  const gone = OF_SESSION.flatMap((kind) => refs.list(`${kind}/${sessionId}`));
  const ids = new Set<ObjectId | undefined>(gone.map(({ id }) => id));
  const names = gone.map(({ name }) => name);
  if (ids.has(refs.get(NEWEST))) names.push(NEWEST);
  refs.change(names.map((name) => ({ name, id: undefined })));
}
