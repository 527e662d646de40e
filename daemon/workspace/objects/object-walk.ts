/** Ways through objects: from snapshots to what they hold. */
import { decodeCommit, type SnapshotCommit } from './commit-format.ts';
import type { GitObject, ObjectId, ObjectKind, ObjectSource } from './object.ts';
import { TamperedObject } from './store-errors.ts';
import { decodeTree, DIRECTORY, type TreeEntry } from './tree-format.ts';

/** @throws MissingObject, or TamperedObject also when it is no tree. */
export function readTree(source: ObjectSource, id: ObjectId): TreeEntry[] {
  return decoded(id, bodyOf(source, id, 'tree'), decodeTree);
}

/** @throws MissingObject, or TamperedObject also when it is no commit of ours. */
export function readCommit(source: ObjectSource, id: ObjectId): SnapshotCommit {
  return decoded(id, bodyOf(source, id, 'commit'), decodeCommit);
}

/**
 * The ids of commits, trees or blobs and of everything below them. Blobs are not read, but those that `ids` name.
 * @throws MissingObject for a tree or commit that is not there, TamperedObject
 */
export function reachable(source: ObjectSource, ids: Iterable<ObjectId>): Set<ObjectId> {
  const found = new Set<ObjectId>();
  const unread: ObjectId[] = [];
  const meet = (id: ObjectId, isBlob: boolean) => {
    if (found.has(id)) return;
    found.add(id);
    if (!isBlob) unread.push(id);
  };
  for (const id of ids) meet(id, false);
  for (let id = unread.pop(); id !== undefined; id = unread.pop()) {
    for (const below of namedBy(id, source.read(id))) meet(below.id, below.isBlob);
  }
  return found;
}

/** What an object names. @throws TamperedObject when it is no tree or commit of ours. */
export function namedBy(id: ObjectId, { kind, body }: GitObject): readonly { id: ObjectId; isBlob: boolean }[] {
  if (kind === 'blob') return [];
  if (kind === 'commit') return [{ id: decoded(id, body, decodeCommit).tree, isBlob: false }];
  return decoded(id, body, decodeTree).map((entry) => ({ id: entry.id, isBlob: entry.mode !== DIRECTORY }));
}

function bodyOf(source: ObjectSource, id: ObjectId, wanted: ObjectKind): Buffer {
  const { kind, body }: GitObject = source.read(id);
  if (kind !== wanted) throw new TamperedObject(id, 'its snapshot', `it is a ${kind} in the place of a ${wanted}`);
  return body;
}

function decoded<T>(id: ObjectId, body: Buffer, decode: (body: Buffer) => T): T {
  try {
    return decode(body);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new TamperedObject(id, 'its snapshot', error.message);
  }
}
