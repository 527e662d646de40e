/** Paths that no restore touches, whatever a tree or a journal says. */
import type { ByteText } from '../byte-text.ts';

/** In any case of letters: some file systems do not tell them apart. */
export function isOfGit(path: ByteText): boolean {
  return path.split('/').some((name) => name.toLowerCase() === '.git');
}

/** @throws RangeError for a path that leads out of the workspace, or into a `.git`. */
export function requireRestorable(path: ByteText): void {
  const isInside = path
    .split('/')
    .every((name) => name !== '' && name !== '.' && name !== '..' && !name.includes('\0'));
  if (!isInside || isOfGit(path)) throw new RangeError('a restore names a path that it must not touch');
}
