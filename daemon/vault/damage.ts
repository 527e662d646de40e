/** What stands in the place of something that does not verify, so that it is seen to be damaged and the rest can be read. */
import { TamperError } from './cipher.ts';

/** In the place of a text. */
export const DAMAGED_TEXT = '(damaged: does not verify)';

/** Last time that a date can name, in milliseconds since the epoch. */
const LAST_TIME = 8.64e15;

/** @returns what `damaged` makes of it when `read` meets something that does not verify. */
export function orDamaged<T>(read: () => T, damaged: (error: TamperError) => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof TamperError)) throw error;
    return damaged(error);
  }
}

/** A time from a column that nothing vouches for; the epoch when it is none. */
export function someTime(value: unknown): number {
  return typeof value === 'number' && value >= 0 && value <= LAST_TIME ? Math.trunc(value) : 0;
}
