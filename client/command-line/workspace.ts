/** The workspace that a command line names. */
import { realpathSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { usageError } from './failure.ts';

const WHY: Record<string, string> = {
  ENOENT: 'there is no such directory',
  ENOTDIR: 'a part of that path is not a directory',
  EACCES: 'you may not enter it',
  ELOOP: 'its symbolic links lead in a circle',
  ENAMETOOLONG: 'the path is too long',
};

/**
 * The directory with symbolic links resolved: two names of one directory are one workspace.
 * @param chosen value of `--cwd`; relative to where the program was started.
 * @throws ProtocolError INVALID_PARAMS.
 */
export function resolveWorkspace(chosen: string | undefined, startDirectory: string): string {
  const path = resolve(startDirectory, chosen ?? '.');
  const named = chosen === undefined ? 'the working directory' : '--cwd';
  let real: string;
  try {
    real = realpathSync(path);
    if (!statSync(real).isDirectory()) throw usageError(`${named} ${path}: that is not a directory`);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (!(code in WHY)) throw error;
    throw usageError(`${named} ${path}: ${WHY[code]}`, 'Give an existing directory with --cwd DIR.');
  }
  return real;
}
