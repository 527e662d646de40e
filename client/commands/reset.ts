/** `/reset`: leave the conversation for a new one. */
import type { Command } from './command.ts';

export const reset: Command = {
  name: 'reset',
  aliases: ['r'],
  summary: 'begin a new conversation; this one stays',
  async run({ talk, print }) {
    const hadSomething = talk.target.kind !== 'new';
    await talk.reset();
    print(hadSomething ? '(history cleared)\n/resume _autosave brings it back' : '(history cleared)');
  },
};
