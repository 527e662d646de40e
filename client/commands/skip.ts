/** `/skip`: the turn goes on, or ends, without the snapshot that it waits for. */
import { skippedText } from '../files/capture-text.ts';
import type { Command } from './command.ts';
import { currentSession } from './current-session.ts';
import { requireNoArgument } from './no-argument.ts';

export const skip: Command = {
  name: 'skip',
  summary: 'do not wait until the files are captured: the turn goes on, and cannot be taken back; or it ends at once',
  async run(context, argument) {
    requireNoArgument('skip', argument, 'It is about the files that are being captured.');
    const { client, print } = context;
    const skipped = await client.call('snapshot/giveUp', { sessionId: currentSession(context, 'skip') });
    print(skippedText(skipped));
  },
};
