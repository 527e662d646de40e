/** Which part of a tree is meant: everything, or some files and directories with all that is below them. */
import type { ByteText } from '../byte-text.ts';

export interface PathScope {
  holds(path: ByteText): boolean;
  /** Whether anything below this directory may be meant. */
  reaches(directory: ByteText): boolean;
}

const EVERYTHING: PathScope = { holds: () => true, reaches: () => true };

/** @param within paths of files or directories; the empty one is the root. Undefined means everything, an empty list nothing. */
export function pathScope(within: readonly ByteText[] | undefined): PathScope {
  if (within === undefined || within.includes('')) return EVERYTHING;
  const named = new Set(within);
  const onTheWay = ancestorsOf(within);
  const holds = (path: ByteText): boolean => named.has(path) || hasAncestor(path, named);
  return { holds, reaches: (directory) => onTheWay.has(directory) || holds(directory) };
}

/** Every directory that one of the paths is in, without the root. */
export function ancestorsOf(paths: Iterable<ByteText>): Set<ByteText> {
  const ancestors = new Set<ByteText>();
  for (const path of paths) {
    for (const ancestor of upwardsFrom(path)) {
      if (ancestors.has(ancestor)) break;
      ancestors.add(ancestor);
    }
  }
  return ancestors;
}

export function hasAncestor(path: ByteText, among: ReadonlySet<ByteText>): boolean {
  if (among.size === 0) return false;
  for (const ancestor of upwardsFrom(path)) if (among.has(ancestor)) return true;
  return false;
}

/** The directories that a path is in, innermost first, without the root. */
export function* upwardsFrom(path: ByteText): Generator<ByteText> {
  for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
    yield path.slice(0, slash);
  }
}
