/** Small files that say what to leave out: read as bytes, and never waited for. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { toBytes, type ByteText } from '../byte-text.ts';

/** Bytes that are read of one. */
const MAX_BYTES = 2 ** 20;

/**
 * @param follows whether it may be a symbolic link. Git allows it for what belongs to the user, not for `.gitignore`.
 * @returns one character a byte; undefined when there is no such file, or none that may be read.
 */
export function textOf(path: ByteText, follows: boolean): string | undefined {
  let file: number;
  try {
    file = openSync(toBytes(path), constants.O_RDONLY | constants.O_NONBLOCK | (follows ? 0 : constants.O_NOFOLLOW));
  } catch {
    return undefined;
  }
  try {
    const stat = fstatSync(file);
    if (!stat.isFile()) return undefined;
    const buffer = Buffer.allocUnsafe(Math.min(stat.size, MAX_BYTES));
    return buffer.toString('latin1', 0, readSync(file, buffer, 0, buffer.length, 0));
  } finally {
    closeSync(file);
  }
}
