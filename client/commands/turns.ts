/** `/turns`: the turns of this session, and what each did to the files. */
import { turnRows } from '../files/turn-rows.ts';
import type { Command } from './command.ts';
import { currentSession } from './current-session.ts';
import { turnNumber } from './turn-number.ts';

const PAGE = 20;

export const turns: Command = {
  name: 'turns',
  takes: '[before turn]',
  summary: 'the newest turns with the files that each changed; with a number, those before that turn',
  async run(context, argument) {
    const before = argument === '' ? undefined : turnNumber('turns', argument, '/turns 21');
    const { client, print, columns } = context;
    const sessionId = currentSession(context, 'list');
    const list = await client.call('turn/list', {
      sessionId,
      limit: PAGE,
      ...(before === undefined ? {} : { before }),
    });
    if (list.turns.length === 0) {
      print(before === undefined ? 'no turn yet' : `no turn before ${before}`);
      return;
    }
    const rows = turnRows(list.turns, columns);
    const oldest = list.turns.at(-1)?.turn ?? 0;
    print([...rows, ...(list.more ? [`/turns ${oldest} lists older ones`] : [])].join('\n'));
  },
};
