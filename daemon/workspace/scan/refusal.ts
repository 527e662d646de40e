/** What an error of the file system means for a scan. */
import { codeOf } from './disk.ts';
import type { SkipReason } from './scan-result.ts';

/** The process or the machine has run out of something: nothing can be said about the path. */
const EXHAUSTED = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN']);

/** Nothing has this name, or what it would be in is no directory any more. */
export function isGone(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/** @throws what is not about this one path. */
export function refusalOf(error: unknown, reason: SkipReason): SkipReason {
  const code = codeOf(error);
  if (code === undefined || EXHAUSTED.has(code)) throw error;
  return code === 'ENAMETOOLONG' ? 'path-too-long' : reason;
}
