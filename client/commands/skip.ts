/** `/skip`: the turn goes on without the snapshot that it waits for. */
import type { Command } from './command.ts';
import { currentSession } from './current-session.ts';
import { requireNoArgument } from './no-argument.ts';

export const skip: Command = {
  name: 'skip',
  summary: 'do not wait until the files are captured: the turn goes on, and cannot be taken back',
  async run(context, argument) {
    requireNoArgument('skip', argument, 'It is about the files that are being captured.');
    const { client, print } = context;
    const { turn } = await client.call('snapshot/giveUp', { sessionId: currentSession(context, 'skip') });
    print(turn === null ? 'no turn waits for its files' : `turn ${turn} goes on, and its files cannot be brought back`);
  },
};
