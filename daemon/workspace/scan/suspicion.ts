/** Where a scan has to look. What a watch says nothing of is what it was. */
import type { ByteText } from '../byte-text.ts';

/** What may have changed since the newest scan, by path; the workspace itself is the empty text. */
export interface Dirty {
  /** Whose own entries and names may be others. */
  readonly directories: Iterable<ByteText>;
  /** Of which everything may be another, however deep. */
  readonly subtrees: Iterable<ByteText>;
}

/** Everything in a directory may be another. */
export const ALL = 'all';

/** What of a directory may be another. Undefined: nothing. */
export type Suspicion = Suspected | typeof ALL | undefined;

interface Suspected {
  /** Its own entries and names. */
  readonly isOwn: boolean;
  /** Of directories in it. */
  readonly below: ReadonlyMap<ByteText, Suspicion>;
}

/** @param suspicion of the directory that holds it. */
export function suspicionBelow(suspicion: Suspicion, name: ByteText): Suspicion {
  return suspicion === undefined || suspicion === ALL ? suspicion : suspicion.below.get(name);
}

/** @returns what may be another in the workspace; everything without `dirty`. */
export function suspicionOf(dirty: Dirty | undefined): Suspicion {
  if (dirty === undefined) return ALL;
  const top = new Growing();
  for (const path of dirty.directories) top.at(path).isOwn = true;
  for (const path of dirty.subtrees) top.at(path).isWhole = true;
  return top.grown();
}

class Growing {
  isOwn = false;
  isWhole = false;
  readonly #below = new Map<ByteText, Growing>();

  at(path: ByteText): Growing {
    if (path === '') return this;
    const [name = '', ...rest] = path.split('/');
    const known = this.#below.get(name);
    const next = known ?? new Growing();
    if (known === undefined) this.#below.set(name, next);
    return next.at(rest.join('/'));
  }

  grown(): Suspicion {
    if (this.isWhole) return ALL;
    return { isOwn: this.isOwn, below: new Map(Array.from(this.#below, ([name, growing]) => [name, growing.grown()])) };
  }
}
