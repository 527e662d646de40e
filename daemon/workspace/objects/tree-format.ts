/**
 * Trees as git stores them (`<mode> <name>\0<20 bytes>` an entry; git's source, `tree-walk.c` and `base_name_compare`).
 *
 * Names are bytes, of any encoding. They are carried as strings of one character a byte (latin1), so that none is lost.
 */
import type { ObjectId } from './object.ts';

/** A file, an executable file, a symbolic link, a directory. Submodules are not made. */
export type TreeMode = 0o100644 | 0o100755 | 0o120000 | 0o40000;

export interface TreeEntry {
  /** One character a byte; holds neither `/` nor NUL. */
  readonly name: string;
  readonly mode: TreeMode;
  readonly id: ObjectId;
}

export const DIRECTORY: TreeMode = 0o40000;
export const SYMLINK: TreeMode = 0o120000;
export const EXECUTABLE: TreeMode = 0o100755;
export const REGULAR: TreeMode = 0o100644;

const ID_BYTES = 20;
const SPACE = 0x20;

/** Entries in the order that git demands: by bytes, directories as if their names ended with a slash. */
export function byTreeOrder(left: TreeEntry, right: TreeEntry): number {
  const a = left.mode === DIRECTORY ? `${left.name}/` : left.name;
  const b = right.mode === DIRECTORY ? `${right.name}/` : right.name;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** @param entries in any order, no name twice. */
export function encodeTree(entries: readonly TreeEntry[]): Buffer {
  const sorted = entries.toSorted(byTreeOrder);
  let length = 0;
  for (const { mode, name } of sorted) length += (mode === DIRECTORY ? 5 : 6) + 1 + name.length + 1 + ID_BYTES;
  const body = Buffer.allocUnsafe(length);
  let at = 0;
  for (const { mode, name, id } of sorted) {
    at += body.write(`${mode.toString(8)} ${name}\0`, at, 'latin1');
    at += body.write(id, at, 'hex');
  }
  return body;
}

/** @throws RangeError when the body is no tree of ours. */
export function decodeTree(body: Buffer): TreeEntry[] {
  const entries: TreeEntry[] = [];
  for (let at = 0; at < body.length;) {
    const space = body.indexOf(SPACE, at);
    const end = space < 0 ? -1 : body.indexOf(0, space);
    if (end < 0 || end + 1 + ID_BYTES > body.length) throw new RangeError('a tree ends within an entry');
    const mode = modeOf(body.toString('latin1', at, space));
    const name = body.toString('latin1', space + 1, end);
    if (name === '' || name === '.' || name === '..' || name.includes('/'))
      throw new RangeError('a tree has no such name');
    at = end + 1 + ID_BYTES;
    entries.push({ name, mode, id: body.toString('hex', end + 1, at) });
  }
  return entries;
}

function modeOf(text: string): TreeMode {
  const mode = Number.parseInt(text, 8);
  if (mode === DIRECTORY || mode === SYMLINK || mode === EXECUTABLE || mode === REGULAR) return mode;
  throw new RangeError('a tree holds something that is neither file, link nor directory');
}
