/** A client on a fake daemon. */
import { onTestFinished } from 'vitest';
import type { Client, ConnectOptions } from '../../../../client/connection/api.ts';
import { connectWith } from '../../../../client/connection/client.ts';
import { FakeDaemon } from './fake-daemon.ts';
import { scratch, type Scratch } from './scratch.ts';

export interface Pair {
  readonly daemon: FakeDaemon;
  readonly client: Client;
  readonly place: Scratch;
}

/**
 * @param prepare called before the client connects.
 * @param variables added to the client's environment.
 */
export async function connectedPair(
  prepare: (daemon: FakeDaemon) => void = () => undefined,
  options: Partial<ConnectOptions> = {},
  variables: NodeJS.ProcessEnv = {},
): Promise<Pair> {
  const place = scratch();
  const daemon = await FakeDaemon.listen(place.locations);
  prepare(daemon);
  const client = await connectWith(
    { kind: 'other', startDaemon: false, environment: { ...place.environment, ...variables }, ...options },
    '/nonexistent/daemon.cjs',
  );
  onTestFinished(() => client.close());
  return { daemon, client, place };
}
