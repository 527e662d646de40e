/** Opens plain files to read, and nothing else, whatever their path leads to by then. */
import { createHash } from 'node:crypto';
import { constants, type BigIntStats } from 'node:fs';
import { lstat, open, type FileHandle } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { ToolRefusal } from '../../services/tool-port.ts';
import { systemCode } from '../failure-text.ts';
import { mustBeFile } from './file-kind.ts';
import { holdDirectory, type HeldDirectory } from './held-directory.ts';
import { isKernelView } from './kernel-files.ts';
import { READ_AT_ONCE } from './limits.ts';

/** An open file; closed by whoever lent it. */
export interface PlainFile {
  readonly handle: FileHandle;
  readonly stat: BigIntStats;
}

/**
 * Opens a file for as long as the work takes.
 * @param path absolute, through no symbolic link.
 * @throws ToolRefusal when there is now something else, or the path leads elsewhere.
 */
export async function withPlainFile<T>(path: string, shown: string, work: (file: PlainFile) => Promise<T>): Promise<T> {
  const directory = await holdDirectory(dirname(path));
  let file: PlainFile;
  try {
    file = await openPlainIn(directory, basename(path), shown);
  } finally {
    await directory.close();
  }
  return await lend(file, work);
}

/** As `withPlainFile`, in a directory that is held. */
export async function withPlainFileIn<T>(
  directory: HeldDirectory,
  name: string,
  shown: string,
  work: (file: PlainFile) => Promise<T>,
): Promise<T> {
  return await lend(await openPlainIn(directory, name, shown), work);
}

async function lend<T>(file: PlainFile, work: (file: PlainFile) => Promise<T>): Promise<T> {
  try {
    return await work(file);
  } finally {
    await file.handle.close();
  }
}

async function openPlainIn(directory: HeldDirectory, name: string, shown: string): Promise<PlainFile> {
  // Opening a device or a pipe can have an effect of its own, so it is looked at first; and afterwards, because it may
  // have become one.
  mustBeFile(shown, await lstat(directory.at(name)));
  const handle = await openIt(directory.at(name), shown);
  try {
    const stat = await handle.stat({ bigint: true });
    mustBeFile(shown, stat);
    if (process.platform === 'linux' && isKernelView(`/proc/self/fd/${handle.fd}`))
      throw new ToolRefusal(`${shown} is a view into the system and not a file; run a command to see it`);
    await directory.check();
    return { handle, stat };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function openIt(path: string, shown: string): Promise<FileHandle> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (error) {
    if (systemCode(error) !== 'ELOOP') throw error;
    throw new ToolRefusal(`${shown} has become a symbolic link; nothing was done`, { cause: error });
  }
}

/** Tells a file that was replaced or written to from the one that was there. */
export function identityOf(stat: BigIntStats): string {
  return [stat.dev, stat.ino, stat.size, stat.mtimeNs, stat.ctimeNs].join(':');
}

export function hashOf(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** The pieces of a file, in one buffer that is used again. @throws the signal's reason. */
export async function* piecesOf({ handle, stat }: PlainFile, signal?: AbortSignal): AsyncGenerator<Buffer> {
  const buffer = Buffer.allocUnsafe(Math.min(READ_AT_ONCE, Number(stat.size) + 1));
  for (let position = 0; ;) {
    signal?.throwIfAborted();
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/** @returns SHA-256 of the content, in hexadecimal. */
export async function hashFile(file: PlainFile, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of piecesOf(file, signal)) hash.update(piece);
  return hash.digest('hex');
}

/**
 * The whole content.
 * @throws ToolRefusal when it is longer than `limit` bytes, also when it grows meanwhile.
 */
export async function readWhole(file: PlainFile, shown: string, limit: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of piecesOf(file)) {
    length += piece.length;
    if (length > limit || file.stat.size > limit)
      throw new ToolRefusal(`${shown} is larger than ${limit} bytes; change it with a command`);
    pieces.push(Buffer.from(piece));
  }
  return Buffer.concat(pieces);
}
