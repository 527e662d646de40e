/** `mctl snapshots relink` */
import { harmlessRow } from '../../calls/text-lines.ts';
import { count } from '../../command-line/wording.ts';
import { realWorkspace } from '../real-workspace.ts';
import type { Verb } from '../verb.ts';
import { presentWorkspace } from './owner.ts';

export const relink: Verb<{ readonly json?: boolean }> = async ({ context, args }) => {
  const [old = '', next] = args;
  const from = realWorkspace(context.around.directory, old);
  const to = presentWorkspace(context, next);
  const client = await context.connectUnlocked();
  const { sessions } = await client.call('snapshot/relink', { opId: client.newOpId(), from, to });
  context.result(
    { from, to, sessions },
    `${count(sessions, 'session')} of ${harmlessRow(from)} now at ${harmlessRow(to)}`,
  );
};
