/** Clients that are attached to sessions and take what comes, or stop taking anything when they are told. */
import { LightClient } from '../support/light-client.ts';
import { tell } from '../support/children.ts';

export type SubscriberOrder = { readonly kind: 'count' } | { readonly kind: 'stall' };

/** @param args the socket, the number of clients, then the sessions among which they are spread. */
export async function subscribe([socketPath = '', count = '0', ...sessions]: readonly string[]): Promise<void> {
  const clients = await Promise.all(
    Array.from({ length: Number(count) }, async (_, index) => {
      const client = await LightClient.connect(socketPath, 5_000);
      await client.request('session/attach', { sessionId: sessions[index % sessions.length], tail: 0 });
      return client;
    }),
  );
  process.on('message', ({ kind }: SubscriberOrder) => {
    if (kind === 'stall') for (const client of clients) client.socket.pause();
    tell({ events: clients.reduce((sum, client) => sum + client.events, 0) });
  });
  tell({ ready: true });
}
