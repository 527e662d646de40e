/** The turn that a command is given. */
import { usageError } from '../command-line/failure.ts';

const NUMBER = /^[1-9][0-9]{0,8}$/;

/**
 * @param usage what to type, such as `/restore 3`.
 * @throws ProtocolError INVALID_PARAMS.
 */
export function turnNumber(command: string, text: string | undefined, usage: string): number {
  if (text !== undefined && NUMBER.test(text)) return Number(text);
  const what =
    text === undefined || text === '' ? 'needs the number of a turn' : `takes the number of a turn, not ${text}`;
  throw usageError(`/${command} ${what}`, `Type ${usage}; /turns lists them.`);
}
