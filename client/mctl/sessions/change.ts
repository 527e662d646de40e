/** `mctl sessions fork|rename|pin|archive|unarchive` */
import { harmlessLine } from '../../command-line/harmless-text.ts';
import { count } from '../../command-line/wording.ts';
import type { Client } from '../../connection/api.ts';
import type { Session } from '../../../protocol/session.ts';
import { wholeNumber } from '../number-option.ts';
import type { Invocation, Verb } from '../verb.ts';
import { findSession } from './find.ts';
import { sessionShape } from './shape.ts';

interface Plain {
  readonly json?: boolean;
}

export const fork: Verb<Plain & { readonly turn?: string }> = async (invocation) => {
  const turn = wholeNumber('--turn', invocation.options.turn);
  await change(
    invocation,
    async (client, sessionId) =>
      client.call('session/fork', { opId: client.newOpId(), sessionId, ...(turn === undefined ? {} : { turn }) }),
    (session) => `forked session ${session.id} after turn ${session.turns} (${count(session.messages, 'message')})`,
  );
};

export const rename: Verb<Plain> = async (invocation) => {
  const title = invocation.args.slice(1).join(' ');
  await change(
    invocation,
    async (client, sessionId) => client.call('session/rename', { opId: client.newOpId(), sessionId, title }),
    (session) => `session renamed: ${harmlessLine(session.title)}`,
  );
};

export const pin: Verb<Plain & { readonly off?: boolean }> = async (invocation) => {
  const value = invocation.options.off !== true;
  await change(
    invocation,
    async (client, sessionId) => client.call('session/pin', { opId: client.newOpId(), sessionId, value }),
    (session) => `session ${value ? 'pinned' : 'no longer pinned'}: ${session.id}`,
  );
};

export const archive = archiveVerb(true);
export const unarchive = archiveVerb(false);

function archiveVerb(value: boolean): Verb<Plain> {
  return async (invocation) =>
    change(
      invocation,
      async (client, sessionId) => client.call('session/archive', { opId: client.newOpId(), sessionId, value }),
      (session) => `session ${value ? 'archived' : 'back in the lists'}: ${session.id}`,
    );
}

async function change(
  { context, args }: Invocation<Plain>,
  act: (client: Client, sessionId: string) => Promise<{ session: Session }>,
  sentence: (session: Session) => string,
): Promise<void> {
  const client = await context.connectUnlocked();
  const { id } = await findSession(client, context, args[0] ?? '');
  const { session } = await act(client, id);
  context.result(sessionShape(session), sentence(session));
}
