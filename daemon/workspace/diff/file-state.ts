/** What a tree says of one path. */
import { readTree } from '../objects/object-walk.ts';
import { EMPTY_TREE, type ObjectId, type ObjectSource } from '../objects/object.ts';
import { DIRECTORY, EXECUTABLE, REGULAR, type TreeEntry, type TreeMode } from '../objects/tree-format.ts';
import type { ByteText } from '../byte-text.ts';

/** A file or a symbolic link, never a directory. */
export interface FileState {
  readonly mode: TreeMode;
  readonly id: ObjectId;
}

/** Undefined: nothing is there, or a directory. */
export type MaybeFile = FileState | undefined;

export function sameState(left: MaybeFile, right: MaybeFile): boolean {
  return left?.id === right?.id && left?.mode === right?.mode;
}

/** What happens on the way from one state to another. `type`: a file becomes a link, or a link a file. */
export type ChangeKind = 'added' | 'changed' | 'deleted' | 'mode' | 'type';

/** @param before and `after` are not the same. */
export function kindOfChange(before: MaybeFile, after: MaybeFile): ChangeKind {
  if (before === undefined) return 'added';
  if (after === undefined) return 'deleted';
  if (isFile(before.mode) !== isFile(after.mode)) return 'type';
  return before.id === after.id ? 'mode' : 'changed';
}

export function isFile(mode: TreeMode): boolean {
  return mode === REGULAR || mode === EXECUTABLE;
}

/** @throws MissingObject, TamperedObject */
export function entriesOf(source: ObjectSource, tree: ObjectId): TreeEntry[] {
  // Nobody has to store the tree without entries.
  return tree === EMPTY_TREE ? [] : readTree(source, tree);
}

/** Looks up single paths of one tree and reads each of its directories once. */
export class TreeLookup {
  readonly #source: ObjectSource;
  readonly #root: ObjectId;
  readonly #directories = new Map<ObjectId, ReadonlyMap<string, TreeEntry>>();

  constructor(source: ObjectSource, root: ObjectId) {
    this.#source = source;
    this.#root = root;
  }

  /** @returns the entry at a path; undefined when there is none. */
  at(path: ByteText): TreeEntry | undefined {
    let directory: ObjectId | undefined = this.#root;
    let entry: TreeEntry | undefined;
    for (const name of path.split('/')) {
      if (directory === undefined) return undefined;
      entry = this.#entries(directory).get(name);
      directory = entry?.mode === DIRECTORY ? entry.id : undefined;
    }
    return entry;
  }

  #entries(tree: ObjectId): ReadonlyMap<string, TreeEntry> {
    const known = this.#directories.get(tree);
    if (known !== undefined) return known;
    const entries = new Map(entriesOf(this.#source, tree).map((entry) => [entry.name, entry]));
    this.#directories.set(tree, entries);
    return entries;
  }
}
