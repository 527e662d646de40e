/**
 * Checks what is stored of a workspace, with two readers: ours, and isomorphic-git, which reads what names lead to.
 *
 * First from the names down, commits and trees; then all packs from the beginning to the end, so that each chunk is
 * decrypted once. Every object is read once from the disk, and both readers get its bytes. Between two slices anything
 * may happen to the store: what was taken for missing is looked for again at the end, and counts when a name that is still
 * there needs it.
 */
import { EMPTY_TREE, type GitObject, type ObjectId, type ObjectKind } from '../objects/object.ts';
import type { PackedObject } from '../objects/object-batch.ts';
import type { ObjectStore } from '../objects/object-store.ts';
import { namedBy } from '../objects/object-walk.ts';
import type { Ref, RefStore } from '../objects/ref-store.ts';
import { checkedCopy, faultOfList } from '../objects/store-check.ts';
import type { Pace } from '../prune/sliced.ts';
import { HurtNames, type HurtName } from './hurt-names.ts';
import type { GitReader } from './git-reader.ts';
import { Suspects } from './suspects.ts';

export interface CheckParts {
  readonly store: ObjectStore;
  readonly refs: RefStore;
  readonly git: GitReader;
  /** @returns what is wrong with the record of a name, whose bytes are as they were written. */
  readonly recordFault: (ref: Ref) => string | undefined;
}

/** A pack of which not everything verifies. */
export interface PackFault {
  readonly pack: string;
  /** Objects that do not, and how many it has; undefined when it cannot be opened. */
  readonly objects: { readonly bad: number; readonly all: number } | undefined;
  /** Of the first. */
  readonly reason: string;
}

export interface CheckReport {
  /** Names that were followed. */
  readonly names: readonly Ref[];
  readonly packs: number;
  readonly objects: number;
  /** Bytes of the packs. */
  readonly bytes: number;
  /** Directories with names that the second reader does not take. */
  readonly halfRead: number;
  readonly faults: readonly PackFault[];
  /** A name that the second reader reads otherwise. */
  readonly strangeName: string | undefined;
  /** What cannot be read, */
  readonly hurt: readonly HurtName[];
  /** and what only the second reader does not read. */
  readonly refused: readonly HurtName[];
  /** The first thing that it said. */
  readonly complaint: string | undefined;
}

/** How far it is; written to in passing. */
export interface CheckTally {
  objects: number;
  total: number;
}

export class StoredCheck {
  readonly #parts: CheckParts;
  readonly #tally: CheckTally;
  readonly #suspects: Suspects;
  readonly #refused: Suspects;
  readonly #faults: PackFault[] = [];
  /** Commits and trees that were read. */
  readonly #walked = new Set<ObjectId>();
  /** Contents of files that were named and not read yet. */
  readonly #unread = new Set<ObjectId>();
  #complaint: string | undefined;

  constructor(parts: CheckParts, tally: CheckTally) {
    this.#parts = parts;
    this.#tally = tally;
    this.#suspects = new Suspects(parts.store);
    this.#refused = new Suspects(parts.store);
  }

  async *run(pace: Pace): AsyncGenerator<void, CheckReport> {
    const { store, refs, git } = this.#parts;
    // What is kept in memory of chunks says nothing of the disk.
    store.close();
    store.findPacks();
    const packs = store.packs();
    const names = refs.list();
    this.#tally.total = packs.reduce((sum, { objects }) => sum + objects, 0);
    yield* this.#walk(names, pace);
    for (const { name } of packs) yield* this.#pack(name, pace);
    yield* this.#rest(pace);
    const strangeName = yield* git.strangeName(names);
    const hurt = yield* new HurtNames(store, this.#suspects).find(refs, pace);
    const refused = yield* new HurtNames(store, this.#refused).find(refs, pace);
    return {
      names,
      packs: packs.length,
      objects: this.#tally.objects,
      bytes: packs.reduce((sum, { bytes }) => sum + bytes, 0),
      halfRead: git.halfRead,
      // Of a pack that is gone, what only it held was looked for elsewhere.
      faults: [...this.#unopened(), ...this.#faults.filter(({ pack }) => this.#isThere(pack))],
      strangeName,
      hurt,
      refused,
      complaint: refused.length === 0 ? undefined : this.#complaint,
    };
  }

  /** From names to trees. What files hold is read later, pack by pack. */
  async *#walk(names: readonly Ref[], pace: Pace): AsyncGenerator<void> {
    const unread: { readonly id: ObjectId; readonly wanted: ObjectKind; readonly ref?: Ref }[] = [];
    for (const ref of names) {
      unread.push({ id: ref.id, wanted: 'commit', ref });
      for (let next = unread.pop(); next !== undefined; next = unread.pop()) {
        for (const below of await this.#below(next.id, next.wanted)) {
          if (below.isBlob) this.#unread.add(below.id);
          else unread.push({ id: below.id, wanted: 'tree' });
        }
        if (next.ref !== undefined) this.#record(next.ref);
        if (pace.isOver()) yield;
      }
    }
  }

  async #below(id: ObjectId, wanted: ObjectKind): Promise<ReturnType<typeof namedBy>> {
    if (id === EMPTY_TREE || this.#walked.has(id)) return [];
    this.#walked.add(id);
    const object = this.#read(id);
    if (object !== undefined) this.#tally.objects += 1;
    return object !== undefined && (await this.#both(id, wanted, object)) ? namedBy(id, object) : [];
  }

  /** Two names may stand for one commit, which each takes for a record of its own kind. */
  #record(ref: Ref): void {
    if (this.#suspects.reasonOf(ref.id) !== undefined) return;
    const fault = this.#parts.recordFault(ref);
    if (fault !== undefined) this.#suspects.addWrong(ref.id, fault);
  }

  async *#pack(pack: string, pace: Pace): AsyncGenerator<void> {
    const { store } = this.#parts;
    const unlisted = faultOfList(store, pack);
    let [bad, all] = [0, 0];
    let reason = unlisted;
    for (const object of store.objectsOf(pack)) {
      const fault = await this.#copy(object);
      all += 1;
      if (fault !== undefined) bad += 1;
      reason ??= fault;
      if (pace.isOver()) yield;
    }
    if (reason !== undefined) this.#faults.push({ pack, objects: { bad, all }, reason });
  }

  /** @returns what is wrong with this copy of an object. */
  async #copy(object: PackedObject): Promise<string | undefined> {
    const { store } = this.#parts;
    const { id } = object;
    const wasRead = this.#walked.has(id) && this.#suspects.reasonOf(id) === undefined;
    if (wasRead && store.isCurrent(object)) return undefined;
    this.#tally.objects += 1;
    const read = checkedCopy(store, object);
    // Another pack may have it whole, which is seen at the end.
    if ('fault' in read) return read.fault;
    if (this.#unread.delete(id)) await this.#both(id, 'blob', read);
    return undefined;
  }

  /** What no pack had where it was: it was moved meanwhile, or it is missing. */
  async *#rest(pace: Pace): AsyncGenerator<void> {
    for (const id of this.#unread) {
      const object = this.#read(id);
      if (object !== undefined) await this.#both(id, 'blob', object);
      if (pace.isOver()) yield;
    }
  }

  #read(id: ObjectId): GitObject | undefined {
    try {
      const object = this.#parts.store.read(id);
      namedBy(id, object);
      return object;
    } catch (error) {
      this.#suspects.addDamage(id, error);
      return undefined;
    }
  }

  /** @returns whether it is what it has to be. */
  async #both(id: ObjectId, wanted: ObjectKind, object: GitObject): Promise<boolean> {
    if (object.kind !== wanted) {
      this.#suspects.addWrong(id, `it is a ${object.kind} in the place of a ${wanted}`);
      return false;
    }
    const complaint = await this.#parts.git.complaint(id, wanted, object);
    if (complaint !== undefined) this.#refused.addWrong(id, complaint);
    this.#complaint ??= complaint;
    return true;
  }

  #unopened(): readonly PackFault[] {
    const { store } = this.#parts;
    const unreadable = new Set(store.unreadablePacks());
    const faults = store.damage().filter(({ pack }) => unreadable.has(pack));
    return faults.map(({ pack, reason }) => ({ pack, objects: undefined, reason }));
  }

  #isThere(pack: string): boolean {
    return this.#parts.store.packs().some(({ name }) => name === pack);
  }
}
