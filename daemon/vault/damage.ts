/** What stands in the place of something that does not verify, so that it is seen to be damaged and the rest can be read. */
import { TamperError } from './cipher.ts';

/** In the place of a text. */
export const DAMAGED_TEXT = '(damaged: does not verify)';

/** Last time that a date can name, in milliseconds since the epoch. */
export const LAST_TIME = 8.64e15;

/** What ids of sessions look like: a ULID. */
const SESSION_ID = /^[0-9A-HJKMNP-TV-Z]{26}$/;
/** A ULID of the first moment of 1970: no session has it. */
const STAND_IN = /^0{10}([0-9]{16})$/;

/** The id of a damaged session, or one by which it can be named when that is none any more. */
export function nameable(id: unknown, number: number): string {
  return typeof id === 'string' && SESSION_ID.test(id) ? id : String(Math.abs(number)).padStart(26, '0');
}

/** @returns the number of the row that `nameable` made this id of; undefined for the id of a session. */
export function numberOfStandIn(id: string): number | undefined {
  const match = STAND_IN.exec(id);
  return match === null ? undefined : Number(match[1]);
}

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
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= LAST_TIME ? Number(value) : 0;
}
