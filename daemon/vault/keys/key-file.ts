/** A root key in a file of mode 0600: for machines without a keychain, and only when a person allowed it. */
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  linkSync,
  openSync,
  readSync,
  rmSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { CorruptKeyError, generateRootKey, parseRootKey, type RootKey } from './key-text.ts';

/** Longer than any key text. */
const MAX_BYTES = 512;

/** Where the key of a data directory is kept when it is kept in a file. */
export function keyFileOf(dataDirectory: string): string {
  return join(dataDirectory, 'key');
}

/**
 * @returns undefined when there is no such file.
 * @throws CorruptKeyError when it is not a private file with a key in it.
 */
export function readKeyFile(file: string): RootKey | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new CorruptKeyError(`${file} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`);
  }
  const text = Buffer.alloc(MAX_BYTES);
  try {
    const stat = fstatSync(descriptor);
    if (!stat.isFile() || (process.geteuid !== undefined && stat.uid !== process.geteuid())) {
      throw new CorruptKeyError(`${file} is not a file of this user`);
    }
    if ((stat.mode & 0o077) !== 0) {
      throw new CorruptKeyError(`${file} can be read by others`, `If you trust what is in it: chmod 600 '${file}'`);
    }
    const length = readSync(descriptor, text, 0, MAX_BYTES, 0);
    return parseRootKey(text.subarray(0, length));
  } finally {
    text.fill(0);
    closeSync(descriptor);
  }
}

/**
 * The key of a first start that was interrupted, made durable before anything hangs on it.
 * @returns undefined when there is no such file.
 * @throws CorruptKeyError when it is not a private file with a key in it.
 */
export function adoptKeyFile(file: string): RootKey | undefined {
  const root = readKeyFile(file);
  if (root === undefined) return undefined;
  sync(file);
  sync(dirname(file));
  return root;
}

/**
 * Makes a new key and stores it durably. An existing file is never replaced.
 * @throws an EEXIST error when there is one.
 */
export function createKeyFile(file: string): RootKey {
  const { root, text } = generateRootKey();
  removeUnfinished(file);
  const temporary = temporaryOf(file);
  const descriptor = openSync(temporary, 'wx', 0o600);
  try {
    try {
      writeFileSync(descriptor, text);
      fsyncSync(descriptor);
    } finally {
      text.fill(0);
      closeSync(descriptor);
    }
    // A link fails where the name is taken; a rename would replace the key of someone's data.
    linkSync(temporary, file);
  } finally {
    unlinkSync(temporary);
  }
  sync(dirname(file));
  const stored = readKeyFile(file);
  if (stored?.key.equals(root.key) !== true) throw new CorruptKeyError(`${file} does not read back as it was written`);
  return stored;
}

/**
 * Removes what a process has left that died while it made a key: a second name of the key, or a key that nothing hangs on.
 * The lock of the data directory makes sure that nobody is making one.
 */
export function removeUnfinished(file: string): void {
  rmSync(temporaryOf(file), { force: true });
}

function temporaryOf(file: string): string {
  return `${file}.new`;
}

/**
 * Overwrites the key and removes its file; nothing happens when there is none. What a file system or a disk keeps of
 * overwritten blocks is out of reach.
 */
export function removeKeyFile(file: string): void {
  let descriptor: number;
  try {
    descriptor = openSync(file, constants.O_WRONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  try {
    writeSync(descriptor, Buffer.alloc(fstatSync(descriptor).size), 0, null, 0);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  unlinkSync(file);
  sync(dirname(file));
}

function sync(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
