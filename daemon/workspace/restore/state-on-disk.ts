/** What is at a path right now, in the words of a tree. */
import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, lstatSync, openSync, readlinkSync, readSync, type Stats } from 'node:fs';
import type { MaybeFile } from '../diff/file-state.ts';
import { idOf, type ObjectId } from '../objects/object.ts';
import { EXECUTABLE, REGULAR, SYMLINK } from '../objects/tree-format.ts';
import { systemCode } from './restore-disk.ts';

const READ_AT_ONCE = 256 * 1024;
const OWNER_MAY_EXECUTE = 0o100;

export interface StateOnDisk {
  /** `other`: a directory, a pipe, or a file that was written to while it was read. */
  readonly state: MaybeFile | 'other';
  readonly isDirectory: boolean;
  /** Undefined when nothing is there. */
  readonly stat: Stats | undefined;
}

const NOTHING: StateOnDisk = { state: undefined, isDirectory: false, stat: undefined };

/**
 * Reads the whole file: time stamps can be set back.
 * @throws the system's error when it may not be read.
 */
export function stateOnDisk(path: Buffer): StateOnDisk {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return NOTHING;
  const isDirectory = stat.isDirectory();
  if (stat.isSymbolicLink()) {
    const target = readlinkSync(path, { encoding: 'buffer' });
    return { state: { mode: SYMLINK, id: idOf('blob', target) }, isDirectory, stat };
  }
  if (!stat.isFile()) return { state: 'other', isDirectory, stat };
  try {
    return fileState(path);
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT') return NOTHING;
    // A link has come into its place.
    if (code === 'ELOOP') return { state: 'other', isDirectory, stat };
    throw error;
  }
}

function fileState(path: Buffer): StateOnDisk {
  // Without waiting: a pipe may have come into its place.
  const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(file);
    const id = stat.isFile() ? hashOf(file, stat.size) : undefined;
    if (id === undefined || fstatSync(file).ctimeMs !== stat.ctimeMs)
      return { state: 'other', isDirectory: stat.isDirectory(), stat };
    const mode = (stat.mode & OWNER_MAY_EXECUTE) === 0 ? REGULAR : EXECUTABLE;
    return { state: { mode, id }, isDirectory: false, stat };
  } finally {
    closeSync(file);
  }
}

/** @returns undefined when it is of another size than it was a moment ago. */
function hashOf(file: number, size: number): ObjectId | undefined {
  const hash = createHash('sha1').update(`blob ${size}\0`, 'latin1');
  const piece = Buffer.allocUnsafe(Math.min(READ_AT_ONCE, size + 1));
  let total = 0;
  for (let length = -1; length !== 0 && total <= size;) {
    length = readSync(file, piece, 0, piece.length, null);
    hash.update(piece.subarray(0, length));
    total += length;
  }
  return total === size ? hash.digest('hex') : undefined;
}
