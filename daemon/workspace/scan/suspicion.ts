/** Where a scan has to look. What a watch says nothing of is what it was. */
import { toByteText, toShownText, type ByteText } from '../byte-text.ts';

/** What may have changed since the newest scan, by path; the workspace itself is the empty text. */
export interface Dirty {
  /** Whose own entries and names may be others. */
  readonly directories: Iterable<ByteText>;
  /** Of which everything may be another, however deep. */
  readonly subtrees: Iterable<ByteText>;
  /**
   * Names that came or went may be missing, and paths be spelled as no directory is. So each directory is looked at for
   * itself, and spellings that a file system may take for the same are taken for the same.
   */
  readonly isLoose?: boolean;
}

/** Everything in a directory may be another. */
export const ALL = 'all';

/** What of a directory may be another. Undefined: nothing. */
export type Suspicion = Suspected | typeof ALL | undefined;

export interface Suspected {
  /** Its own entries and names. */
  readonly isOwn: boolean;
  /** Of directories in it; with `isLoose` by what all spellings of their names have in common. */
  readonly below: ReadonlyMap<ByteText, Suspicion>;
  readonly isLoose: boolean;
}

/** Nothing was told, and not everything is. */
const UNTOLD: Suspected = { isOwn: false, below: new Map(), isLoose: true };

/** @param suspicion of the directory that holds it. */
export function suspicionBelow(suspicion: Suspicion, name: ByteText): Suspicion {
  if (suspicion === undefined || suspicion === ALL) return suspicion;
  return suspicion.isLoose ? (suspicion.below.get(spelled(name)) ?? UNTOLD) : suspicion.below.get(name);
}

/** Whether a directory has to be looked at to know whether its names are what they were. */
export function isLoose(suspicion: Suspicion): suspicion is Suspected {
  return typeof suspicion === 'object' && suspicion.isLoose;
}

/** @returns what may be another in the workspace; everything without `dirty`. */
export function suspicionOf(dirty: Dirty | undefined): Suspicion {
  if (dirty === undefined) return ALL;
  const loose = dirty.isLoose === true;
  const place = loose ? (path: ByteText) => path.split('/').map(spelled).join('/') : (path: ByteText) => path;
  const top = new Growing();
  for (const path of dirty.directories) top.at(place(path)).isOwn = true;
  for (const path of dirty.subtrees) top.at(place(path)).isWhole = true;
  return top.grown(loose);
}

const LOWER = /^[\0-@[-\x7f]*$/;

/** The same for every way to write a name that differs in case or in how its characters are composed, and perhaps for others. */
function spelled(name: ByteText): ByteText {
  if (LOWER.test(name)) return name;
  return toByteText(toShownText(name).normalize('NFD').toUpperCase().toLowerCase().normalize('NFD'));
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

  grown(loose: boolean): Suspicion {
    if (this.isWhole) return ALL;
    const below = new Map(Array.from(this.#below, ([name, growing]) => [name, growing.grown(loose)]));
    return { isOwn: this.isOwn, below, isLoose: loose };
  }
}
