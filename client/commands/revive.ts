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
  const { client, talk, print } = context;
  const sessionId = currentSession(context, verb);
  const { turn } = await client.call(`turn/${verb}`, {
    opId: client.newOpId(),
    sessionId,
    ...(verb !== 'leave' && talk.isUnattended ? { unattended: true } : {}),
  });
  print(`turn ${turn} ${done}`);
}
