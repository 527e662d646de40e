/** Which files differ between two trees. A directory that is the same in both is not read. */
import type { ByteText } from '../byte-text.ts';
import { EMPTY_TREE, type ObjectId, type ObjectSource } from '../objects/object.ts';
import { DIRECTORY, type TreeEntry } from '../objects/tree-format.ts';
import { entriesOf, type MaybeFile, sameState } from './file-state.ts';
import { pathScope, type PathScope } from './path-scope.ts';

export interface FileDifference {
  readonly path: ByteText;
  readonly before: MaybeFile;
  readonly after: MaybeFile;
}

/**
 * A file whose place a directory takes is a deletion beside the additions below it, and the other way round.
 *
 * @param within paths of files or directories; everything when left out.
 * @returns by path, in the order of bytes.
 * @throws MissingObject, TamperedObject
 */
export function diffTrees(
  source: ObjectSource,
  before: ObjectId,
  after: ObjectId,
  within?: readonly ByteText[],
): FileDifference[] {
  const differences: FileDifference[] = [];
  if (before !== after) new Walk(source, pathScope(within), differences).directory('', before, after);
  return differences.sort((left, right) => (left.path < right.path ? -1 : 1));
}

class Walk {
  readonly #source: ObjectSource;
  readonly #scope: PathScope;
  readonly #found: FileDifference[];

  constructor(source: ObjectSource, scope: PathScope, found: FileDifference[]) {
    this.#source = source;
    this.#scope = scope;
    this.#found = found;
  }

  /** @param prefix ends with a slash, or is empty. */
  directory(prefix: ByteText, before: ObjectId, after: ObjectId): void {
    const old = new Map(entriesOf(this.#source, before).map((entry) => [entry.name, entry]));
    for (const entry of entriesOf(this.#source, after)) {
      this.#entry(prefix + entry.name, old.get(entry.name), entry);
      old.delete(entry.name);
    }
    for (const entry of old.values()) this.#entry(prefix + entry.name, entry, undefined);
  }

  #entry(path: ByteText, before: TreeEntry | undefined, after: TreeEntry | undefined): void {
    const oldFile = fileOf(before);
    const newFile = fileOf(after);
    if (!sameState(oldFile, newFile) && this.#scope.holds(path)) {
      this.#found.push({ path, before: oldFile, after: newFile });
    }
    const oldTree = directoryOf(before);
    const newTree = directoryOf(after);
    if (oldTree !== newTree && this.#scope.reaches(path)) this.directory(`${path}/`, oldTree, newTree);
  }
}

function fileOf(entry: TreeEntry | undefined): MaybeFile {
  return entry === undefined || entry.mode === DIRECTORY ? undefined : { mode: entry.mode, id: entry.id };
}

function directoryOf(entry: TreeEntry | undefined): ObjectId {
  return entry?.mode === DIRECTORY ? entry.id : EMPTY_TREE;
}
