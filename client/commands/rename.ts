/** `/rename`: give the session another title. */
import { harmlessLine } from '../command-line/harmless-text.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { Command } from './command.ts';
import { currentSession } from './current-session.ts';

export const rename: Command = {
  name: 'rename',
  takes: '<title>',
  summary: 'give this session another title',
  async run(context, argument) {
    const { client, print } = context;
    if (argument === '') throw new ProtocolError('INVALID_PARAMS', '/rename takes the new title');
    const sessionId = currentSession(context, 'rename');
    const { session } = await client.call('session/rename', { opId: client.newOpId(), sessionId, title: argument });
    print(`session renamed: ${harmlessLine(session.title)}`);
  },
};
