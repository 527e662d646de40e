/** Writes a file as a whole: the old content or the new one is there, never anything between, and never through a link. */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { access, link, lstat, open, rename, unlink, type FileHandle } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { ToolRefusal } from '../../services/tool-port.ts';
import { systemCode } from '../failure-text.ts';
import { holdDirectory, makeDirectory, type HeldDirectory } from './held-directory.ts';
import { hashFile, identityOf, withPlainFileIn, type PlainFile } from './plain-file.ts';

/** Errors of file systems that know no hard links. */
const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK', 'ENOSYS', 'EXDEV']);
const WRITE_AT_ONCE = 1024 * 1024;

export interface Replacement {
  /** Absolute, through no symbolic link. */
  readonly path: string;
  readonly shown: string;
  /** SHA-256 of the content that is replaced; null when nothing may be there. */
  readonly before: string | null;
  readonly content: Uint8Array;
}

/** What the new file takes over from the old one. */
interface Old {
  readonly identity: string;
  readonly mode: number;
  readonly gid: number;
}

/**
 * @returns the identity of the new file.
 * @throws ToolRefusal when there is something else than was looked at; nothing is written then. The signal's reason after
 *   an abort that came in time; nothing is written then either.
 */
export async function replaceFile(replacement: Replacement, signal: AbortSignal): Promise<string> {
  const { path, before } = replacement;
  const directory = await (before === null ? makeDirectory(dirname(path)) : holdDirectory(dirname(path)));
  try {
    const old = before === null ? undefined : await lookAtOld(directory, replacement, signal);
    const temporary = `.${randomBytes(8).toString('hex')}.m-new`;
    try {
      await writeNew(directory, temporary, replacement.content, old, signal);
      await directory.check();
      signal.throwIfAborted();
      if (old === undefined) await appear(directory, temporary, replacement);
      else await supersede(directory, temporary, replacement, old);
    } catch (error) {
      await removeQuietly(directory.at(temporary));
      throw error;
    }
    await directory.sync();
    await directory.check();
    return identityOf(await lstat(directory.at(basename(path)), { bigint: true }));
  } finally {
    await directory.close();
  }
}

async function lookAtOld(
  directory: HeldDirectory,
  { path, shown, before }: Replacement,
  signal: AbortSignal,
): Promise<Old> {
  const look = async (file: PlainFile): Promise<Old> => {
    // A file that nobody may write is not written by way of its directory either.
    await access(process.platform === 'linux' ? `/proc/self/fd/${file.handle.fd}` : path, constants.W_OK);
    if ((await hashFile(file, signal)) !== before) throw changed(shown);
    const { mode, gid } = file.stat;
    return { identity: identityOf(file.stat), mode: Number(mode) & 0o777, gid: Number(gid) };
  };
  try {
    return await withPlainFileIn(directory, basename(path), shown, look);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') throw changed(shown);
    throw error;
  }
}

async function writeNew(
  directory: HeldDirectory,
  name: string,
  content: Uint8Array,
  old: Old | undefined,
  signal: AbortSignal,
): Promise<void> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const handle = await open(directory.at(name), flags, 0o600);
  try {
    for (let from = 0; from < content.length;) {
      signal.throwIfAborted();
      const piece = content.subarray(from, from + WRITE_AT_ONCE);
      from += (await handle.write(piece, 0, piece.length)).bytesWritten;
    }
    if (old === undefined) await handle.chmod((await lstat(directory.at('.'))).mode & 0o666);
    else await takeOver(handle, old);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function takeOver(handle: FileHandle, old: Old): Promise<void> {
  const { gid } = await handle.stat();
  if (gid !== old.gid) {
    try {
      await handle.chown(-1, old.gid);
    } catch (error) {
      // Whoever is not in the group cannot give a file to it.
      if (systemCode(error) !== 'EPERM') throw error;
    }
  }
  await handle.chmod(old.mode);
}

/** Puts a new file in its place, unless something has come to be there. */
async function appear(directory: HeldDirectory, temporary: string, { path, shown }: Replacement): Promise<void> {
  const place = directory.at(basename(path));
  try {
    await link(directory.at(temporary), place);
    await unlink(directory.at(temporary));
  } catch (error) {
    const code = systemCode(error);
    if (code === 'EEXIST') throw changed(shown);
    if (code === undefined || !NO_LINKS.has(code)) throw error;
    if (await isThere(place)) throw changed(shown);
    await rename(directory.at(temporary), place);
  }
}

async function supersede(directory: HeldDirectory, temporary: string, { path, shown }: Replacement, old: Old) {
  const place = directory.at(basename(path));
  if (!(await isThere(place)) || identityOf(await lstat(place, { bigint: true })) !== old.identity)
    throw changed(shown);
  await rename(directory.at(temporary), place);
}

async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw error;
  }
}

async function removeQuietly(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
  }
}

function changed(shown: string): ToolRefusal {
  return new ToolRefusal(`${shown} has changed since it was looked at; nothing was written. Read it again`);
}
