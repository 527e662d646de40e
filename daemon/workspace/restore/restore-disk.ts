/** The system calls by which a restore changes anything. One place, so that tests can stop it between any two of them. */
import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fsync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
  writeSync,
  type PathLike,
} from 'node:fs';
import { promisify } from 'node:util';

export interface RestoreDisk {
  /** @returns a descriptor of a new empty file that only its owner may read. Fails when the name is taken. */
  create(path: PathLike): number;
  /** Writes all of it. */
  write(file: number, bytes: Uint8Array): void;
  own(file: number, user: number, group: number): void;
  allow(file: number, mode: number): void;
  /** Of what this restore has made. */
  allowPath(path: PathLike, mode: number): void;
  /** Resolves when content and attributes are durable. */
  sync(file: number): Promise<void>;
  close(file: number): void;
  /** Fails when the new name is taken. */
  link(from: PathLike, to: PathLike): void;
  rename(from: PathLike, to: PathLike): void;
  unlink(path: PathLike): void;
  symlink(target: PathLike, path: PathLike): void;
  makeDirectory(path: PathLike, mode: number): void;
  removeDirectory(path: PathLike): void;
}

const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

export const realDisk: RestoreDisk = {
  create: (path) => openSync(path, NEW_FILE, 0o600),
  write: (file, bytes) => {
    for (let from = 0; from < bytes.length;) from += writeSync(file, bytes, from);
  },
  own: fchownSync,
  allow: fchmodSync,
  allowPath: chmodSync,
  sync: promisify(fsync),
  close: closeSync,
  link: linkSync,
  rename: renameSync,
  unlink: unlinkSync,
  symlink: (target, path) => symlinkSync(target, path),
  makeDirectory: (path, mode) => mkdirSync(path, mode),
  removeDirectory: (path) => rmdirSync(path),
};

/** The code of an error that the system gave; undefined for any other error. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || !('syscall' in error)) return undefined;
  return String(error.code);
}
