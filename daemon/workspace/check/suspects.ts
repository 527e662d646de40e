/** Objects that somebody needs and that cannot be read, until they can be: a snapshot that comes meanwhile may bring one. */
import type { ObjectId, ObjectSource } from '../objects/object.ts';
import { namedBy } from '../objects/object-walk.ts';
import { isDamage, MissingObject } from '../objects/store-errors.ts';

interface Suspect {
  readonly reason: string;
  /** Its bytes are those that were written, and are wrong. */
  readonly isLasting: boolean;
}

export class Suspects {
  readonly #source: ObjectSource;
  readonly #found = new Map<ObjectId, Suspect>();

  constructor(source: ObjectSource) {
    this.#source = source;
  }

  get size(): number {
    return this.#found.size;
  }

  /** @throws what is no damage. */
  addDamage(id: ObjectId, error: unknown): void {
    if (!isDamage(error)) throw error;
    const reason = error instanceof MissingObject ? 'it is missing' : 'it is damaged';
    this.#found.set(id, { reason, isLasting: false });
  }

  addWrong(id: ObjectId, reason: string): void {
    this.#found.set(id, { reason, isLasting: true });
  }

  reasonOf(id: ObjectId): string | undefined {
    return this.#found.get(id)?.reason;
  }

  /** Looks again where that can have changed. */
  isHurt(id: ObjectId): boolean {
    const suspect = this.#found.get(id);
    if (suspect === undefined || suspect.isLasting) return suspect !== undefined;
    if (!this.#source.has(id)) return true;
    try {
      namedBy(id, this.#source.read(id));
      this.#found.delete(id);
      return false;
    } catch (error) {
      this.addDamage(id, error);
      return true;
    }
  }
}
