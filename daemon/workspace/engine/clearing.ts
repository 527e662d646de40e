/** Clears up a side repository: which of its names are too old, and giving back what only they needed, in slices. */
import { ProtocolError } from '../../../protocol/errors.ts';
import { chooseSnapshots, type RetainedName } from '../../domain/snapshot-retention.ts';
import type { PruneOrder, PruneOutcome, StoredUse } from '../../services/snapshot-port.ts';
import type { ObjectId } from '../objects/object.ts';
import { readCommit } from '../objects/object-walk.ts';
import { MissingObject, TamperedObject } from '../objects/store-errors.ts';
import { prune, type PruneReport } from '../prune/prune.ts';
import type { Sliced } from '../prune/sliced.ts';
import { NEWEST, numberOf, pointOf } from './names.ts';
import type { SideRepository } from './side-repository.ts';

const KINDS: Readonly<Record<string, RetainedName['kind']>> = {
  snap: 'snap',
  taken: 'taken',
  call: 'call',
  turn: 'call',
  restore: 'restore',
};

interface Dated extends RetainedName {
  readonly id: ObjectId;
}

interface Run {
  readonly work: Sliced<PruneReport>;
  /** Snapshots that are protected. */
  readonly kept: number;
}

/** How long the names are looked at in one go, in milliseconds. */
const SLICE_MS = 10;

export class Clearing {
  readonly #side: SideRepository;
  readonly #held: (strictly: boolean) => Iterable<ObjectId>;
  /** By commit, which never changes. */
  #times = new Map<ObjectId, number>();
  #order: PruneOrder | undefined;
  /** Undefined until it is known how old everything is. */
  #run: Run | undefined;

  /** @param held what is needed besides what has a name; strictly: nothing that could be read again. */
  constructor(side: SideRepository, held: (strictly: boolean) => Iterable<ObjectId>) {
    this.#side = side;
    this.#held = held;
  }

  /** One at a time: what was not ended is given up. */
  begin(order: PruneOrder): void {
    this.stop();
    this.#order = order;
  }

  /**
   * One slice. @returns undefined until all is done.
   * @throws ProtocolError CANCELLED when nothing has begun, CONFLICT when the protections are not those of now, TAMPERED when the list of names is lost; StoreFull
   */
  step(): PruneOutcome | undefined {
    const order = this.#order;
    if (order === undefined) {
      throw new ProtocolError('CANCELLED', 'clearing up was cut off; what was done until then stays done');
    }
    try {
      if (this.#run === undefined && !this.#readTimes()) return undefined;
      this.#run ??= this.#start(order);
      const { work, kept } = this.#run;
      const done = work.step();
      if (done === undefined) return undefined;
      this.stop();
      return this.#outcome(done.value, order, kept);
    } catch (error) {
      this.stop();
      throw error;
    }
  }

  stop(): void {
    this.#run?.work.stop();
    this.#run = undefined;
    this.#order = undefined;
  }

  /** How many snapshots there are, and from when. */
  use(): StoredUse {
    const times = this.#dated()
      .filter(({ name, at }) => pointOf(name) !== undefined && at !== Infinity)
      .map(({ at }) => at)
      .sort((left, right) => left - right);
    return { snapshots: times.length, oldestAt: times.at(0) ?? null, newestAt: times.at(-1) ?? null };
  }

  #start(order: PruneOrder): Run {
    const { store, refs, isListLost } = this.#side;
    // Otherwise this looks like a workspace of which nothing is kept any more, which goes with its key.
    if (isListLost) {
      const what = 'the list of its snapshots (the file refs in the data directory) is gone, so what is stored stays';
      throw new ProtocolError('TAMPERED', `${what}: put it back from a backup`);
    }
    const names = this.#dated();
    const { now, seen, maxAgeMs: maxAge, maxBytes, thorough, dryRun } = order;
    const { expired, spare } = chooseSnapshots(names, order.protections, { now, seen, maxAge });
    const namesOf = (chosen: readonly RetainedName[]): string[] => chosen.map(({ name }) => name);
    const mayGo = new Set([...namesOf(expired), ...namesOf(spare.flat())]);
    const kept = names.filter(({ name }) => !mayGo.has(name) && pointOf(name) !== undefined).length;
    const lists = withNewest(refs.get(NEWEST), names, { expired: namesOf(expired), spare: spare.map(namesOf) });
    const confirm = (): void => requireCurrent(order);
    // Where there is no room, snapshots come first.
    const held = (): Iterable<ObjectId> => this.#held(thorough || maxBytes !== Infinity);
    return { work: prune({ store, refs, held, confirm, ...lists, maxBytes, thorough, dryRun }), kept };
  }

  /** @returns whether all are known. */
  #readTimes(): boolean {
    const until = performance.now() + SLICE_MS;
    for (const { id } of this.#side.refs.list()) {
      if (this.#times.has(id)) continue;
      if (performance.now() > until) return false;
      this.#times.set(id, this.#timeOf(id));
    }
    return true;
  }

  #outcome(report: PruneReport, { dryRun }: PruneOrder, kept: number): PruneOutcome {
    const gone = new Set([...report.expired, ...report.evicted]);
    const left = this.#side.refs.list().filter(({ name }) => name !== NEWEST && !(dryRun && gone.has(name)));
    return {
      removed: [...gone].filter((name) => pointOf(name) !== undefined).length,
      kept,
      names: left.length,
      freedBytes: report.freedBytes,
      leftBytes: report.leftBytes,
      damaged: report.damagedObjects + report.damagedPacks,
      newestAt: this.use().newestAt,
    };
  }

  #dated(): readonly Dated[] {
    const known = this.#times;
    // Of commits that are gone nothing stays in memory.
    this.#times = new Map();
    return this.#side.refs.list().flatMap(({ name, id }): Dated[] => {
      const [first = '', session] = name.split('/');
      const kind = KINDS[first];
      if (kind === undefined) return [];
      const at = known.get(id) ?? this.#timeOf(id);
      this.#times.set(id, at);
      if (kind === 'taken') return [{ name, id, kind, session: undefined, number: 0, at }];
      // Of a call, the turn is what counts.
      const number = first === 'call' ? Number(name.split('/')[2]) : numberOf(name);
      return [{ name, id, kind, session, number, at }];
    });
  }

  /** What cannot be read has no time, and never grows old by it. */
  #timeOf(id: ObjectId): number {
    try {
      return readCommit(this.#side.store, id).at * 1000;
    } catch (error) {
      if (error instanceof MissingObject || error instanceof TamperedObject) return Infinity;
      throw error;
    }
  }
}

/** @throws ProtocolError CONFLICT */
function requireCurrent({ asOf }: PruneOrder): void {
  if (asOf === undefined || Atomics.load(asOf.count, 0) === asOf.was) return;
  throw new ProtocolError('CONFLICT', 'what is protected has changed meanwhile, so nothing was removed', {
    hint: 'Try again.',
    retryable: true,
  });
}

interface Lists {
  readonly expired: readonly string[];
  readonly spare: readonly (readonly string[])[];
}

/** The name of the newest snapshot goes with the last one that it stands for. */
function withNewest(newest: ObjectId | undefined, names: readonly Dated[], { expired, spare }: Lists): Lists {
  const same = new Set(names.filter(({ id }) => id === newest).map(({ name }) => name));
  const mayGo = new Set([...expired, ...spare.flat()]);
  const stays = [...same].some((name) => !mayGo.has(name));
  if (newest === undefined || stays) return { expired, spare };
  const last = spare.findIndex((list) => list.some((name) => same.has(name)));
  if (last < 0) return { expired: [...expired, NEWEST], spare };
  return { expired, spare: spare.map((list, index) => (index === last ? [...list, NEWEST] : list)) };
}
