/** `/exit`: leave; what runs goes on. */
import type { Command } from './command.ts';

export const exit: Command = {
  name: 'exit',
  aliases: ['quit', 'x', 'q'],
  summary: 'leave; what runs goes on in the daemon',
  run({ leave }) {
    leave();
  },
};
