/** `mctl snapshots skip` */
import { findSession } from '../sessions/find.ts';
import type { Verb } from '../verb.ts';

export const skip: Verb<{ readonly json?: boolean }> = async ({ context, args }) => {
  const client = await context.connectUnlocked();
  const { id: sessionId } = await findSession(client, context, args[0] ?? '');
  const result = await client.call('snapshot/giveUp', { sessionId });
  const { turn } = result;
  const words =
    turn === null ? 'no turn waits for its files' : `turn ${turn} goes on; its files cannot be brought back`;
  context.result(result, words);
};
