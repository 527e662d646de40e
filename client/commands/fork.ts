/** `/fork`: a new session that shares this one up to a turn. */
import { count } from '../command-line/wording.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { Command } from './command.ts';
import { currentSession } from './current-session.ts';

export const fork: Command = {
  name: 'fork',
  takes: '[turn]',
  summary: 'go on in a new session that shares this one up to a turn',
  async run(context, argument) {
    const { client, talk, print } = context;
    const sessionId = currentSession(context, 'fork');
    const { session } = await client.call('session/fork', {
      opId: client.newOpId(),
      sessionId,
      ...(argument === '' ? {} : { turn: turnNumber(argument) }),
    });
    print(
      `forked session ${session.id} after turn ${session.turns} (${count(session.messages, 'message')})\n` +
        `/resume ${sessionId} goes back to the original`,
    );
    await talk.open(session.id);
  },
};

function turnNumber(argument: string): number {
  const turn = Number(argument);
  if (Number.isInteger(turn) && turn >= 1) return turn;
  throw new ProtocolError('INVALID_PARAMS', `/fork takes the number of a turn, not ${argument}`, {
    hint: '/status says how many turns there are.',
  });
}
