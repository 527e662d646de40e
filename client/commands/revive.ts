/** `/continue`, `/retry` and `/leave`: what becomes of a turn that was interrupted, has failed or was cancelled. */
import type { Command, CommandContext } from './command.ts';
import { currentSession } from './current-session.ts';
import { requireNoArgument } from './no-argument.ts';

export const goOn: Command = {
  name: 'continue',
  summary: 'go on with the newest turn, from its last finished step',
  run: (context, argument) => revive(context, { verb: 'continue', done: 'goes on', argument }),
};

export const retry: Command = {
  name: 'retry',
  summary: 'give the newest prompt again; the model is not told of the attempt before',
  run: (context, argument) => revive(context, { verb: 'retry', done: 'begins again', argument }),
};

export const leave: Command = {
  name: 'leave',
  summary: 'leave an interrupted turn as it is, and go on with what waits behind it',
  run: (context, argument) => revive(context, { verb: 'leave', done: 'is left as it is', argument }),
};

interface Revival {
  readonly verb: 'continue' | 'retry' | 'leave';
  /** What is said of the turn then. */
  readonly done: string;
  readonly argument: string;
}

async function revive(context: CommandContext, { verb, done, argument }: Revival): Promise<void> {
  requireNoArgument(verb, argument, 'It is about the newest turn of this session.');
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
