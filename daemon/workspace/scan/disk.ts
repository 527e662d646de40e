/** What a scan asks of the file system. Paths are ByteText; an ASCII one is the same string for the system, and faster. */
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  type Dirent,
  type Stats,
} from 'node:fs';
import { toBytes, type ByteText } from '../byte-text.ts';

/** Times are milliseconds since the epoch with their fraction. */
export type Stat = Pick<Stats, 'size' | 'mtimeMs' | 'ctimeMs' | 'ino' | 'mode' | 'nlink'> & Partial<Pick<Stats, 'dev'>>;

export type EntryKind = 'file' | 'directory' | 'link' | 'special';

/** Every call but `lstat` throws the error of the system. */
export interface Disk {
  /** Undefined when nothing has this name. @throws the error of the system for anything else. */
  lstat(path: ByteText): Stat | undefined;
  /** In no order; an entry that vanishes meanwhile may be left out. */
  list(path: ByteText): Map<ByteText, EntryKind>;
  /** For reading only; never waits, and never through a symbolic link at the end of the path. */
  open(path: ByteText): number;
  fstat(file: number): Stat;
  /** @returns how many bytes came; 0 at the end. */
  read(file: number, into: Buffer, offset: number): number;
  close(file: number): void;
  readlink(path: ByteText): Buffer;
}

const NO_THROW = { throwIfNoEntry: false } as const;
const LIST = { withFileTypes: true, encoding: 'latin1' } as const;
const AS_BYTES = { encoding: 'buffer' } as const;
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
/** What else there is has to be told as bytes. */
const PLAIN = /^[ -~]*$/;

export const realDisk: Disk = {
  lstat(path) {
    try {
      return lstatSync(system(path), NO_THROW);
    } catch (error) {
      if (codeOf(error) === 'ENOTDIR') return undefined;
      throw error;
    }
  },
  list(path) {
    try {
      return typedList(path);
    } catch (error) {
      // Where the system does not say what an entry is, Node looks, by a name that is not UTF-8 any more.
      if (codeOf(error) === 'ENOENT') return untypedList(path);
      throw error;
    }
  },
  open: (path) => openSync(system(path), READ),
  fstat: (file) => fstatSync(file),
  read: (file, into, offset) => readSync(file, into, offset, into.length - offset, null),
  close: closeSync,
  readlink: (path) => readlinkSync(system(path), AS_BYTES),
};

/** The name of what went wrong, as the system has it; undefined when it was not the system. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

export function kindOf(mode: number): EntryKind {
  const type = mode & constants.S_IFMT;
  if (type === constants.S_IFREG) return 'file';
  if (type === constants.S_IFDIR) return 'directory';
  return type === constants.S_IFLNK ? 'link' : 'special';
}

function system(path: ByteText): string | Buffer {
  return PLAIN.test(path) ? path : toBytes(path);
}

function typedList(path: ByteText): Map<ByteText, EntryKind> {
  const entries = new Map<ByteText, EntryKind>();
  for (const entry of readdirSync(system(path), LIST)) entries.set(entry.name, kindOfEntry(entry));
  return entries;
}

function untypedList(path: ByteText): Map<ByteText, EntryKind> {
  const entries = new Map<ByteText, EntryKind>();
  for (const name of readdirSync(system(path), { encoding: 'latin1' })) {
    const stat = realDisk.lstat(`${path}/${name}`);
    if (stat !== undefined) entries.set(name, kindOf(stat.mode));
  }
  return entries;
}

function kindOfEntry(entry: Dirent): EntryKind {
  if (entry.isFile()) return 'file';
  if (entry.isDirectory()) return 'directory';
  return entry.isSymbolicLink() ? 'link' : 'special';
}
