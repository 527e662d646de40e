/** What turns changed, as it is stored: one commit for each call while a turn runs, one for the turn when it has ended. */
import type { TurnRef } from '../../services/snapshot-port.ts';
import type { SnapshotPhase } from '../../../protocol/snapshot.ts';
import { sameState } from '../diff/file-state.ts';
import { EMPTY_TREE, type ObjectId, type ObjectSink } from '../objects/object.ts';
import { readCommit } from '../objects/object-walk.ts';
import type { RefChange } from '../objects/ref-store.ts';
import { unlessDamaged } from '../objects/store-errors.ts';
import type { SessionChange } from '../restore/attribution.ts';
import { callsName, numberOf, pointOf, restoresName, SNAPSHOTS, turnName } from './names.ts';
import { readableRecord, readRecord, writeRecord, type ReadRecord, type RestoreRecord } from './records.ts';
import type { SideRepository } from './side-repository.ts';

export interface NamedRestore extends ReadRecord<'restore'> {
  readonly number: number;
}

/** What a session did, as far as that can be read. */
export interface KnownChanges {
  /** Oldest first. */
  readonly changes: readonly SessionChange[];
  /** What came before those, where a restore among them may have brought some of it back. */
  readonly earlier: readonly SessionChange[];
  /** Turns of which a damage keeps what they changed from being read. */
  readonly unreadable: readonly number[];
}

/** Whose changes are asked for. */
interface Meant {
  readonly isTurn: (turn: number) => boolean;
  readonly isRestore: (record: NamedRestore['record']) => boolean;
}

export class TurnLedger {
  readonly #side: SideRepository;

  constructor(side: SideRepository) {
    this.#side = side;
  }

  /** @param tree the files after it, where they are known. @returns the name to give once the objects are durable. */
  addCall(turn: TurnRef, changes: readonly SessionChange[], sink: ObjectSink, tree: ObjectId = EMPTY_TREE): RefChange {
    const calls = callsName(turn);
    const last = Math.max(0, ...this.#side.refs.list(calls).map(({ name }) => numberOf(name)));
    const id = writeRecord(sink, tree, `a call of turn ${turn.turn}`, { kind: 'changes', changes });
    return { name: `${calls}/${last + 1}`, id };
  }

  /** The turn has ended: one commit takes the place of those of its calls. */
  fold(turn: TurnRef, changes: readonly SessionChange[], sink: ObjectSink): RefChange[] {
    const calls = this.#side.refs.list(callsName(turn)).map(({ name }) => ({ name, id: undefined }));
    if (changes.length === 0) return calls;
    const id = writeRecord(sink, EMPTY_TREE, `turn ${turn.turn}`, { kind: 'changes', changes });
    return [{ name: turnName(turn), id }, ...calls];
  }

  /** Oldest first. @throws TamperedObject, MissingObject */
  changesOf(turn: TurnRef): SessionChange[] {
    const { refs, store } = this.#side;
    const calls = refs.list(callsName(turn)).toSorted((left, right) => numberOf(left.name) - numberOf(right.name));
    const whole = refs.get(turnName(turn));
    const ids = [...(whole === undefined ? [] : [whole]), ...calls.map(({ id }) => id)];
    return joined(ids.flatMap((id) => readRecord(store, id, 'changes').record.changes));
  }

  /** As `changesOf`. @returns undefined when a damage keeps it from being read. */
  readableChangesOf(turn: TurnRef): SessionChange[] | undefined {
    return unlessDamaged(() => this.changesOf(turn));
  }

  /**
   * Restores of a session that were carried out, oldest first. Those that a damage keeps from being read are left out: what
   * they changed is then nobody's, and kept.
   */
  restores(sessionId: string): NamedRestore[] {
    return this.#restoreNames(sessionId).flatMap(({ number, id }) => {
      const read = readableRecord(this.#side.store, id, 'restore');
      return read === undefined ? [] : [{ ...read, number }];
    });
  }

  /** The one that an undo takes back. @throws TamperedObject, MissingObject: the one before it must not be taken for it. */
  newestRestore(sessionId: string): NamedRestore | undefined {
    for (const { number, id } of this.#restoreNames(sessionId).reverse()) {
      const read = readRecord(this.#side.store, id, 'restore');
      if (read.record.done) return { ...read, number };
    }
    return undefined;
  }

  #restoreNames(sessionId: string): { number: number; id: ObjectId }[] {
    return this.#side.refs
      .list(restoresName(sessionId))
      .map(({ name, id }) => ({ number: numberOf(name), id }))
      .sort((left, right) => left.number - right.number);
  }

  /**
   * Everything that a session changed since a point, oldest first, its own restores among it: a restore comes after the
   * turns that had begun, and before the next.
   *
   * @param at when the point was captured, in milliseconds since the epoch: a turn that went on ended later than some restore.
   */
  since(sessionId: string, { turn, phase }: { turn: number; phase: SnapshotPhase }, at: number): KnownChanges {
    const first = phase === 'pre' ? turn : turn + 1;
    return this.#changes(sessionId, {
      isTurn: (number) => number >= first,
      isRestore: (record) => record.afterTurn >= first || (record.afterTurn === turn && record.at >= at),
    });
  }

  /**
   * As `since`, from a moment on. Of a turn that went on at that moment it is everything: what it had done before leads to
   * the state of then, and is not followed further back. A turn of which it cannot be read when it was counts too.
   *
   * @param at milliseconds since the epoch.
   */
  sinceMoment(sessionId: string, at: number): KnownChanges {
    // Commits know whole seconds.
    const from = Math.floor(at / 1000);
    return this.#changes(sessionId, {
      isTurn: (turn) => this.#writtenAt({ sessionId, turn }) >= from,
      isRestore: (record) => record.at >= at,
    });
  }

  /** What its turns after this one changed, oldest first, as far as it can be read. */
  afterTurn(sessionId: string, turn: number): readonly SessionChange[] {
    return this.#changes(sessionId, { isTurn: (number) => number > turn, isRestore: () => false }).changes;
  }

  #changes(sessionId: string, { isTurn, isRestore }: Meant): KnownChanges {
    const { changes, unreadable } = this.#meant(sessionId, { isTurn, isRestore });
    if (!changes.some(({ by }) => by === 'restore')) return { changes, earlier: [], unreadable };
    const others: Meant = { isTurn: (turn) => !isTurn(turn), isRestore: (record) => !isRestore(record) };
    return { changes, earlier: this.#meant(sessionId, others).changes, unreadable };
  }

  #meant(sessionId: string, { isTurn, isRestore }: Meant): Omit<KnownChanges, 'earlier'> {
    const byTurn = new Map<number, readonly SessionChange[]>();
    const unreadable: number[] = [];
    for (const turn of this.#turnsOf(sessionId)) {
      const changes = unlessDamaged(() => (isTurn(turn) ? this.changesOf({ sessionId, turn }) : []));
      if (changes === undefined) unreadable.push(turn);
      else byTurn.set(turn, changes);
    }
    const restores = this.restores(sessionId)
      .map(({ record }) => record)
      .filter((record) => record.done && isRestore(record));
    return { changes: inOrder(byTurn, restores), unreadable: unreadable.sort((left, right) => left - right) };
  }

  /** Of which anything is known; 0 for none. */
  newestTurn(sessionId: string): number {
    const points = this.#side.refs.list(`${SNAPSHOTS}/${sessionId}`).map(({ name }) => pointOf(name)?.point);
    const captured = points.map((point) => (point?.kind === 'turn' ? point.turn : 0));
    return [...captured, ...this.#turnsOf(sessionId)].reduce((newest, turn) => Math.max(newest, turn), 0);
  }

  /** When the newest of what a turn changed was written down, in seconds since the epoch. */
  #writtenAt(turn: TurnRef): number {
    const { refs, store } = this.#side;
    const whole = refs.get(turnName(turn));
    const ids = [...(whole === undefined ? [] : [whole]), ...refs.list(callsName(turn)).map(({ id }) => id)];
    return Math.max(...ids.map((id) => readCommit(store, id).at));
  }

  /** Those that changed anything. */
  #turnsOf(sessionId: string): Set<number> {
    const { refs } = this.#side;
    const calls = refs.list(`call/${sessionId}`).map(({ name }) => Number(name.split('/')[2]));
    return new Set([...refs.list(`turn/${sessionId}`).map(({ name }) => numberOf(name)), ...calls]);
  }
}

/** A restore comes after the turns that had begun, and before what the last of them did when it went on later. */
function inOrder(
  byTurn: ReadonlyMap<number, readonly SessionChange[]>,
  restores: readonly RestoreRecord[],
): SessionChange[] {
  const ordered: (readonly SessionChange[])[] = [];
  const turns = new Set([...byTurn.keys(), ...restores.map(({ afterTurn }) => afterTurn)]);
  for (const turn of [...turns].sort((left, right) => left - right)) {
    const changes = byTurn.get(turn) ?? [];
    let told = 0;
    for (const { afterTurn, afterChanges = changes.length, isInherited, changes: restored } of restores) {
      if (afterTurn !== turn) continue;
      ordered.push(changes.slice(told, afterChanges), isInherited ? inherited(restored) : restored);
      told = Math.max(told, afterChanges);
    }
    ordered.push(changes.slice(told));
  }
  return ordered.flat();
}

function inherited(changes: readonly SessionChange[]): SessionChange[] {
  return changes.map((change) => ({ ...change, isInherited: true }));
}

/** Changes of a path that follow from each other, made in the same way, become one. */
function joined(changes: readonly SessionChange[]): SessionChange[] {
  const result: SessionChange[] = [];
  const newest = new Map<string, number>();
  for (const change of changes) {
    const at = newest.get(change.path);
    const earlier = at === undefined ? undefined : result[at];
    if (at !== undefined && earlier !== undefined && canJoin(earlier, change)) {
      result[at] = { ...earlier, after: change.after };
    } else {
      newest.set(change.path, result.length);
      result.push(change);
    }
  }
  return result;
}

function canJoin(earlier: SessionChange, later: SessionChange): boolean {
  return (
    earlier.by === later.by &&
    earlier.ambiguous === later.ambiguous &&
    sameState(earlier.after, later.before) &&
    !sameState(earlier.before, later.after)
  );
}
