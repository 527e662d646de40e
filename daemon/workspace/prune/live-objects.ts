/** What is needed: snapshots and everything below them. */
import type { ObjectStore } from '../objects/object-store.ts';
import { EMPTY_TREE, type ObjectId } from '../objects/object.ts';
import { namedBy } from '../objects/object-walk.ts';
import { MissingObject, TamperedObject } from '../objects/store-errors.ts';
import type { Pace } from './sliced.ts';

export class LiveObjects {
  readonly #store: ObjectStore;
  readonly #ids = new Set<ObjectId>();
  readonly #missing = new Set<ObjectId>();
  #bytes = 0;

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  /** Bytes that they take in packs. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How many are not there or damaged. What only those lead to is not known. */
  get missing(): number {
    return this.#missing.size;
  }

  has(id: ObjectId): boolean {
    return this.#ids.has(id);
  }

  /** Blobs are not read, but those that `ids` name. @returns what was not known before. */
  *mark(ids: Iterable<ObjectId>, pace: Pace): Generator<void, readonly ObjectId[]> {
    const found: ObjectId[] = [];
    const unread: ObjectId[] = [];
    const meet = (id: ObjectId, isBlob: boolean) => {
      if (this.#ids.has(id)) return;
      this.#ids.add(id);
      found.push(id);
      if (this.#count(id) && !isBlob) unread.push(id);
    };
    for (const id of ids) meet(id, false);
    for (let id = unread.pop(); id !== undefined; id = unread.pop()) {
      for (const below of this.#below(id)) meet(below.id, below.isBlob);
      if (pace.isOver()) yield;
    }
    return found;
  }

  /** They are not needed after all. @param ids what `mark` returned. */
  unmark(ids: readonly ObjectId[]): void {
    for (const id of ids) {
      this.#ids.delete(id);
      this.#missing.delete(id);
      this.#bytes -= this.#store.costOf(id) ?? 0;
    }
  }

  /**
   * What was missing and has been stored again is looked at once more: what it leads to is needed too.
   * @returns what is to be marked.
   */
  returned(): readonly ObjectId[] {
    const there = [...this.#missing].filter((id) => this.#store.has(id));
    this.unmark(there);
    return there;
  }

  /** @returns whether it is there. */
  #count(id: ObjectId): boolean {
    const bytes = this.#store.costOf(id);
    this.#bytes += bytes ?? 0;
    if (bytes === undefined && id !== EMPTY_TREE) this.#missing.add(id);
    return bytes !== undefined;
  }

  #below(id: ObjectId): ReturnType<typeof namedBy> {
    try {
      return namedBy(id, this.#store.read(id));
    } catch (error) {
      if (!(error instanceof MissingObject || error instanceof TamperedObject)) throw error;
      this.#missing.add(id);
      return [];
    }
  }
}
