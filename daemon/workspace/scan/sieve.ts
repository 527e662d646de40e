/** Which names of a directory belong to the workspace. */
import type { ByteText } from '../byte-text.ts';
import type { EntryKind } from './disk.ts';
import { judge, type Level } from './rule-level.ts';

/** Both lists are in order of their bytes. */
export interface Names {
  readonly files: readonly ByteText[];
  readonly directories: readonly ByteText[];
  /** Directories that are looked into only for what is in the user's index. */
  readonly closed: ReadonlySet<ByteText>;
  /** A rule speaks against something, so that the user's index decides about it. */
  readonly hides: boolean;
}

/** The repository itself is never part of what it holds; some file systems do not tell its name from others. */
export function isGitName(name: ByteText): boolean {
  return name.length === 4 && name.toLowerCase() === '.git';
}

/** @param directory names from the workspace down to it. */
export function sift(listing: ReadonlyMap<ByteText, EntryKind>, directory: readonly ByteText[], level: Level): Names {
  const files: ByteText[] = [];
  const directories: ByteText[] = [];
  const closed = new Set<ByteText>();
  let hides = false;
  const hasSibling = (name: ByteText) => listing.has(name);
  for (const [name, kind] of listing) {
    if (isGitName(name)) continue;
    const isDirectory = kind === 'directory';
    const verdict = judge(level, [...directory, name], isDirectory, hasSibling);
    if (verdict !== 'in') hides = true;
    if (verdict === 'out') continue;
    if (verdict === 'only-tracked') closed.add(name);
    (isDirectory ? directories : files).push(name);
  }
  return { files: files.sort(), directories: directories.sort(), closed, hides };
}
