/** `/archive`: take a session out of the lists without deleting it. */
import { ProtocolError } from '../../protocol/errors.ts';
import type { Command } from './command.ts';
import { currentSession } from './current-session.ts';

export const archive: Command = {
  name: 'archive',
  takes: '[off]',
  summary: 'take this session out of the lists, or put it back; nothing is deleted',
  async run(context, argument) {
    const { client, print } = context;
    const value = onOrOff('archive', argument);
    const sessionId = currentSession(context, 'archive');
    await client.call('session/archive', { opId: client.newOpId(), sessionId, value });
    print(
      value
        ? `session archived: ${sessionId}\n/archive off, or mctl sessions unarchive, brings it back into the lists`
        : `session back in the lists: ${sessionId}`,
    );
  },
};

/**
 * Reads the argument of a command that switches something.
 * @throws ProtocolError INVALID_PARAMS.
 */
export function onOrOff(command: string, argument: string): boolean {
  if (argument === '' || argument === 'on') return true;
  if (argument === 'off') return false;
  throw new ProtocolError('INVALID_PARAMS', `/${command} takes nothing or \`off\`, not ${argument}`);
}
