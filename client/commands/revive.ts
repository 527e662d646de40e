/** `/continue`, `/retry` and `/leave`: what becomes of a turn that was interrupted, has failed or was cancelled. */
import type { Command, CommandContext } from './command.ts';
import { currentSession } from './current-session.ts';

type Verb = 'continue' | 'retry' | 'leave';

export const goOn: Command = {
  name: 'continue',
  summary: 'go on with the newest turn, from its last finished step',
  run: (context) => revive(context, 'continue', 'goes on'),
};

export const retry: Command = {
  name: 'retry',
  summary: 'give the newest prompt again; the model is not told of the attempt before',
  run: (context) => revive(context, 'retry', 'begins again'),
};

export const leave: Command = {
  name: 'leave',
  summary: 'leave an interrupted turn as it is, and go on with what waits behind it',
  run: (context) => revive(context, 'leave', 'is left as it is'),
};

async function revive(context: CommandContext, verb: Verb, done: string): Promise<void> {
  const { client, talk, print, revived } = context;
  const sessionId = currentSession(context, verb);
  const opId = client.newOpId();
  if (verb === 'leave') {
    const left = await client.call('turn/leave', { opId, sessionId });
    print(`turn ${left.turn} ${done}`);
    return;
  }
  const { conversation } = talk;
  // How the turn ended before is known, and is not what is waited for.
  const since = conversation?.turns.ends;
  const takeBack = conversation?.turns.expectRevival();
  try {
    const { turn } = await client.call(`turn/${verb}`, {
      opId,
      sessionId,
      ...(talk.isUnattended ? { unattended: true } : {}),
    });
    print(`turn ${turn} ${done}`);
    if (conversation !== undefined) revived?.(conversation.turns.whenOver(turn, since));
  } catch (error) {
    takeBack?.();
    throw error;
  }
}
