/** `mctl snapshots skip` */
import { skippedText } from '../../files/capture-text.ts';
import { findSession } from '../sessions/find.ts';
import type { Verb } from '../verb.ts';

export const skip: Verb<{ readonly json?: boolean }> = async ({ context, args }) => {
  const client = await context.connectUnlocked();
  const { id: sessionId } = await findSession(client, context, args[0] ?? '');
  const result = await client.call('snapshot/giveUp', { sessionId });
  context.result(result, skippedText(result));
};
