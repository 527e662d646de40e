/** `/compact`: has the conversation summed up, so that there is room again. */
import { count } from '../command-line/wording.ts';
import type { Command } from './command.ts';
import { currentSession } from './current-session.ts';
import { requireNoArgument } from './no-argument.ts';

export const compact: Command = {
  name: 'compact',
  summary: 'have the model sum the conversation up; nothing that is stored is removed',
  async run(context, argument) {
    requireNoArgument('compact', argument, 'It is about the whole session.');
    const { client, print } = context;
    const sessionId = currentSession(context, 'compact');
    const { messages, text } = await client.call('session/compact', { sessionId });
    if (messages === 0) {
      print('there is nothing to sum up yet: the whole conversation is short');
      return;
    }
    print(`${count(messages, 'message')} summed up; from now on the model is sent this instead:\n${text}`);
  },
};
