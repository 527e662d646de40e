/** A map that lets go of what was used longest ago. */

export class RecentlyUsed<K, V> {
  readonly #entries = new Map<K, V>();
  readonly #limit: number;
  readonly #letGo: (value: V) => void;

  /** @param limit how many are kept, at least one. @param letGo called for each that is not kept any more. */
  constructor(limit: number, letGo: (value: V) => void = () => {}) {
    this.#limit = Math.max(1, limit);
    this.#letGo = letGo;
  }

  /** @returns what is kept, or what `make` makes. */
  get(key: K, make: () => V): V {
    const kept = this.#entries.get(key);
    if (kept !== undefined) {
      this.#entries.delete(key);
      this.#entries.set(key, kept);
      return kept;
    }
    const made = make();
    this.#entries.set(key, made);
    if (this.#entries.size > this.#limit) {
      const oldest = this.#entries.keys().next();
      if (oldest.done !== true) this.delete(oldest.value);
    }
    return made;
  }

  delete(key: K): void {
    const value = this.#entries.get(key);
    if (value === undefined) return;
    this.#entries.delete(key);
    this.#letGo(value);
  }

  clear(): void {
    for (const key of this.#entries.keys()) this.delete(key);
  }
}
