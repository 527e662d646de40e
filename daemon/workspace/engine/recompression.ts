/** Makes what was stored in a hurry smaller while nobody asks for anything, and is given up when somebody does. */
import type { ObjectStore } from '../objects/object-store.ts';
import { StoreFull } from '../objects/store-errors.ts';
import { recompress, type RecompressReport } from '../prune/recompress.ts';
import type { Sliced } from '../prune/sliced.ts';

/** How long somebody who asks may have to wait for a slice, in milliseconds. */
const SLICE_MS = 25;

export class Recompression {
  readonly #store: ObjectStore;
  #work: Sliced<RecompressReport> | undefined;
  /** The packs of which nothing can be made smaller. */
  #settled = '';

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  /** Does one slice. @returns whether there is more to do. */
  step(): boolean {
    if (this.#work === undefined && this.#packs() === this.#settled) return false;
    this.#work ??= recompress(this.#store, SLICE_MS);
    try {
      if (this.#work.step() === undefined) return true;
    } catch (error) {
      // It needs room for a while; what could be done is done.
      if (!(error instanceof StoreFull)) throw error;
    }
    this.#work = undefined;
    this.#settled = this.#packs();
    return false;
  }

  /** What is whole stays done. */
  stop(): void {
    this.#work?.stop();
    this.#work = undefined;
  }

  #packs(): string {
    return this.#store
      .packs()
      .map(({ name }) => name)
      .join();
  }
}
