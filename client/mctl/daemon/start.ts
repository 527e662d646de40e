/** `mctl daemon start` */
import type { MctlContext } from '../context.ts';
import type { Verb } from '../verb.ts';
import { readStatus, statusText } from './status.ts';

export const start: Verb<{ readonly json?: boolean }> = async ({ context }) => {
  const before = await readStatus(context);
  await startAndTell(context, before.running ? 'daemon already running' : 'daemon started');
};

/** Starts a daemon, or greets the one that runs, and prints its status below a sentence. */
export async function startAndTell(context: MctlContext, sentence: string): Promise<void> {
  const client = await context.connect();
  const status = await client.call('daemon/status', {});
  context.result(status, `${sentence}\n${statusText(status)}`);
}
