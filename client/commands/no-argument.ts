/** Refuses what is typed behind a command that takes nothing: whoever typed it meant something by it. */
import { ProtocolError } from '../../protocol/errors.ts';

/**
 * @param hint what the command is about, or which one was meant.
 * @throws ProtocolError INVALID_PARAMS when there is an argument; nothing was done then.
 */
export function requireNoArgument(command: string, argument: string, hint: string): void {
  if (argument === '') return;
  throw new ProtocolError('INVALID_PARAMS', `/${command} takes nothing, not ${argument}`, { hint });
}
