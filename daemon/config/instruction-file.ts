/** Reads texts that tell a model what to do. Some lie in a workspace, which may come from a stranger. */
import { constants } from 'node:fs';
import { open, realpath } from 'node:fs/promises';
import { isAbsolute, relative } from 'node:path';

/** Longer instructions cost every request more than they help. */
export const MAX_INSTRUCTION_BYTES = 64 * 1024;

export type InstructionFile =
  | { readonly state: 'absent' }
  | { readonly state: 'unusable'; readonly reason: string }
  | { readonly state: 'read'; readonly text: string; readonly isCut: boolean };

/**
 * Never rejects.
 * @param within realpath of a directory that the file must lie in, wherever a symlink leads: a repository must not be able
 *   to send somebody's keys to a model under the name of instructions.
 */
export async function readInstructions(path: string, within?: string): Promise<InstructionFile> {
  try {
    const real = await realpath(path);
    if (within !== undefined && !isInside(real, within)) {
      return { state: 'unusable', reason: 'it is a link that leads out of the workspace' };
    }
    // A pipe by this name must not be waited for.
    const handle = await open(real, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      if (!(await handle.stat()).isFile()) return { state: 'unusable', reason: 'it is not a file' };
      const buffer = Buffer.alloc(MAX_INSTRUCTION_BYTES + 1);
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0);
      const isCut = bytesRead > MAX_INSTRUCTION_BYTES;
      const text = buffer.toString('utf8', 0, Math.min(bytesRead, MAX_INSTRUCTION_BYTES));
      return { state: 'read', text: text.replace(/^\uFEFF/, ''), isCut };
    } finally {
      await handle.close();
    }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    return code === 'ENOENT' || code === 'ENOTDIR'
      ? { state: 'absent' }
      : { state: 'unusable', reason: `it cannot be read (${code})` };
  }
}

function isInside(path: string, directory: string): boolean {
  const way = relative(directory, path);
  return way !== '' && !way.startsWith('..') && !isAbsolute(way);
}
