/** Numbers on the command line. */
import { usageError } from '../command-line/failure.ts';

/**
 * A whole number from 1 on.
 * @throws ProtocolError INVALID_PARAMS.
 */
export function wholeNumber(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^[1-9][0-9]{0,8}$/.test(text)) return Number(text);
  throw usageError(`${option} takes a whole number from 1 on, not ${text}`);
}
