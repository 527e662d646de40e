/** A turn of the demo model in a new session, followed to its end. */
import type { Client } from '../../../client/connection/api.ts';
import { newId } from './workload.ts';

/** @param lines prompts of the demo model, a step each. @returns its session. */
export async function demoTurn(client: Client, workspace: string, lines: readonly string[]): Promise<string> {
  const { sessionId } = await client.call('turn/submit', {
    opId: newId(),
    target: { kind: 'new', workspace },
    prompt: [{ type: 'text', text: lines.join('\n') }],
    mode: 'full',
  });
  const over = Promise.withResolvers<void>();
  await client.attach(sessionId, {
    opened: ({ session }) => {
      if (session.status === 'idle') over.resolve();
    },
    resumed: ignore,
    event: (event) => {
      if (event.type !== 'turn') return;
      if (event.data.state === 'completed') over.resolve();
      else if (event.data.state !== 'running') over.reject(new Error(`the turn is ${event.data.state}`));
    },
    ended: ignore,
  });
  await over.promise;
  return sessionId;
}

function ignore(): void {
  // Nobody looks.
}
