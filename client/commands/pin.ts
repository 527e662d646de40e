/** `/pin`: mark a session so that it stands out and is never pruned. */
import { onOrOff } from './archive.ts';
import type { Command } from './command.ts';
import { currentSession } from './current-session.ts';

export const pin: Command = {
  name: 'pin',
  takes: '[off]',
  summary: 'pin this session, or unpin it',
  async run(context, argument) {
    const { client, print } = context;
    const value = onOrOff('pin', argument);
    const sessionId = currentSession(context, 'pin');
    await client.call('session/pin', { opId: client.newOpId(), sessionId, value });
    print(value ? `session pinned: ${sessionId}` : `session no longer pinned: ${sessionId}`);
  },
};
