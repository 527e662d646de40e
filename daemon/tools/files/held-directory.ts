/**
 * A directory that is held open, so that what is done in it is done in it, wherever its path leads a moment later.
 *
 * On Linux everything goes through the open descriptor, by way of /proc/self/fd. Elsewhere there is no such way from a
 * script: the directory is looked at again afterwards, and what somebody moved meanwhile is found out and reported.
 */
import { constants, existsSync } from 'node:fs';
import { lstat, mkdir, open, readlink, realpath, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ToolRefusal } from '../../services/tool-port.ts';
import { systemCode } from '../failure-text.ts';

/** Linux only, and missing from the constants of Node. */
const O_PATH = 0o10000000;
const CAN_HOLD = process.platform === 'linux' && existsSync('/proc/self/fd');

export interface HeldDirectory {
  /** Where it was when it was opened: absolute, through no symbolic link. */
  readonly path: string;
  /** A path for system calls that leads to an entry of this very directory. */
  at(name: string): string;
  /** @throws ToolRefusal when what was done may have been done elsewhere. */
  check(): Promise<void>;
  /** Makes the names in it durable. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/**
 * @param path absolute, through no symbolic link.
 * @param through path that leads there now; given when the parent is held.
 * @param canHold whether the system can hold a directory; for tests of the other way.
 * @throws ToolRefusal when a symbolic link has come into the path.
 */
export async function holdDirectory(path: string, through = path, canHold = CAN_HOLD): Promise<HeldDirectory> {
  const directory = constants.O_DIRECTORY | constants.O_NOFOLLOW;
  const handle = await opened(path, through, canHold ? O_PATH | directory : constants.O_RDONLY | directory);
  try {
    const held = canHold ? heldByDescriptor(path, handle) : await heldByPath(path, handle);
    await held.check();
    return held;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Holds a directory and makes it, and those above it, where they are missing; new ones get the rights of their parent. */
export async function makeDirectory(path: string): Promise<HeldDirectory> {
  try {
    return await holdDirectory(path);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
  const parent = await makeDirectory(dirname(path));
  try {
    const inside = parent.at(basename(path));
    const { mode } = await lstat(parent.at('.'));
    await makeOne(inside, mode & 0o777);
    return await holdDirectory(path, inside);
  } finally {
    await parent.close();
  }
}

async function makeOne(path: string, mode: number): Promise<void> {
  try {
    await mkdir(path, mode);
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return;
    throw error;
  }
  // The process keeps new files to itself; what a person's workspace holds is as open as the rest of it.
  const made = await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    await made.chmod(mode);
  } finally {
    await made.close();
  }
}

async function opened(path: string, through: string, flags: number): Promise<FileHandle> {
  try {
    return await open(through, flags);
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ELOOP' || code === 'ENOTDIR') throw moved(path, error);
    throw error;
  }
}

function heldByDescriptor(path: string, handle: FileHandle): HeldDirectory {
  const self = `/proc/self/fd/${handle.fd}`;
  return {
    path,
    at: (name) => `${self}/${name}`,
    check: async () => {
      if ((await readlink(self)) !== path) throw moved(path);
    },
    sync: () => syncDirectory(`${self}/.`),
    close: () => handle.close(),
  };
}

async function heldByPath(path: string, handle: FileHandle): Promise<HeldDirectory> {
  const before = await handle.stat({ bigint: true });
  return {
    path,
    at: (name) => join(path, name),
    check: async () => {
      const now = await lstat(path, { bigint: true });
      if (now.dev !== before.dev || now.ino !== before.ino || (await realpath(path)) !== path) throw moved(path);
    },
    sync: () => syncDirectory(path),
    close: () => handle.close(),
  };
}

async function syncDirectory(path: string): Promise<void> {
  let handle: FileHandle;
  try {
    handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (error) {
    // A directory that may be used but not listed cannot be synced either.
    if (systemCode(error) === 'EACCES') return;
    throw error;
  }
  try {
    await handle.sync();
  } catch (error) {
    const code = systemCode(error);
    if (code !== 'EINVAL' && code !== 'ENOTSUP') throw error;
  } finally {
    await handle.close();
  }
}

function moved(path: string, cause?: unknown): ToolRefusal {
  return new ToolRefusal(`${path} has been moved, or a symbolic link has come into its path; look where it leads now`, {
    cause,
  });
}
