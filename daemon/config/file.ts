/** Reads and replaces the configuration file. */
import { constants } from 'node:fs';
import { mkdir, open, realpath, rename, stat, unlink, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { ProtocolError } from '../../protocol/errors.ts';
import type { ConfigurationProblem } from './problem.ts';

const MAX_BYTES = 1024 * 1024;

export type FileContent =
  | { readonly state: 'absent' }
  | { readonly state: 'text'; readonly text: string }
  | { readonly state: 'unusable'; readonly problem: ConfigurationProblem };

/**
 * The text of the configuration file.
 * A file that somebody else could have written is not used: it decides where prompts and keys are sent.
 */
export async function readConfigurationFile(path: string): Promise<FileContent> {
  let file: FileHandle;
  try {
    // Without O_NONBLOCK, opening a pipe would wait for a writer.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return { state: 'absent' };
    return unusable(
      `cannot be read (${code})`,
      'Give yourself permission to read it, or move it away to begin with the defaults.',
    );
  }
  try {
    const refusal = refuse(await file.stat());
    if (refusal !== undefined) return refusal;
    const bytes = Buffer.alloc(MAX_BYTES + 1);
    let length = 0;
    for (;;) {
      const { bytesRead } = await file.read(bytes, length, bytes.length - length);
      length += bytesRead;
      if (bytesRead === 0 || length === bytes.length) break;
    }
    if (length > MAX_BYTES) return tooLarge();
    return {
      state: 'text',
      text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes.subarray(0, length)),
    };
  } catch (error) {
    if (error instanceof TypeError) return unusable('is not UTF-8 text', 'Save it as UTF-8.');
    return unusable(`cannot be read (${codeOf(error)})`, 'Check the disk, or move it away to begin with the defaults.');
  } finally {
    await file.close();
  }
}

/** What changes when the file changes, as one text; empty when there is no file. */
export async function fileMark(path: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join(':');
  } catch (error) {
    const code = codeOf(error);
    return code === 'ENOENT' || code === 'ENOTDIR' ? '' : code;
  }
}

/**
 * Replaces the file so that a crash leaves the old text or the new one. A symbolic link stays a link.
 *
 * @throws ProtocolError STORAGE_FAILED when it cannot be written.
 */
export async function replaceConfigurationFile(path: string, text: string): Promise<void> {
  let temporary: string | undefined;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const target = await realpath(path).catch(() => path);
    temporary = join(dirname(target), `.config-${randomBytes(6).toString('hex')}.tmp`);
    await writeDurably(temporary, text);
    await rename(temporary, target);
    temporary = undefined;
    await syncDirectory(dirname(target));
  } catch (error) {
    throw new ProtocolError('STORAGE_FAILED', `${path} could not be written (${codeOf(error)}).`, {
      hint: 'Nothing has changed. Check the free space and the permissions of its directory.',
      cause: error,
    });
  } finally {
    if (temporary !== undefined) await unlink(temporary).catch(() => undefined);
  }
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(text, 'utf8');
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, constants.O_RDONLY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function refuse(facts: { isFile(): boolean; size: number; mode: number; uid: number }): FileContent | undefined {
  if (!facts.isFile())
    return unusable('is not a file', 'Move it away, and write the settings into a file of that name.');
  if (facts.size > MAX_BYTES) return tooLarge();
  const uid = process.getuid?.();
  if (uid !== undefined && facts.uid !== uid && facts.uid !== 0) {
    return unusable('belongs to another user', 'Make it yours (chown), or move it away to begin with the defaults.');
  }
  if (uid !== undefined && (facts.mode & 0o002) !== 0) {
    return unusable(
      'can be written by every user of this machine',
      'Take that permission away: chmod o-w on the file.',
    );
  }
  return undefined;
}

function tooLarge(): FileContent {
  return unusable('is larger than 1 MB', 'Shorten it, or move it away to begin with the defaults.');
}

function unusable(what: string, remedy: string): FileContent {
  return { state: 'unusable', problem: { line: 0, key: '', what, remedy } };
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown error';
}
