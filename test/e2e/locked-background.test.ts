import { expect, test } from 'vitest';
import { realHome, waitUntil } from '../support/real-daemon.ts';
import { factsOf } from '../support/processes.ts';
import { readdirSync } from 'node:fs';
import { Watcher } from '../support/watcher.ts';

test('a command in the background goes on while the store is locked, and after it is opened again', async () => {
  const home = realHome({ config: 'mode = "full"\n', environment: { M_KEY_PROVIDER: 'passphrase' } });
  const client = await home.client({ kind: 'chat' });
  const passphrase = Buffer.from('a passphrase for tests').toString('base64');
  await client.call('key/unlock', { provider: 'passphrase', passphrase });
  const me = await Watcher.begin(client, { workspace: home.workspace, prompt: 'start sleep 300' });
  await me.state(1, 'completed');
  const sleepers = (): string[] =>
    readdirSync('/proc').filter(
      (name) =>
        /^\d+$/.test(name) &&
        (factsOf(Number(name), 'environ') ?? '').includes(`HOME=${home.root}`) &&
        (factsOf(Number(name), 'cmdline') ?? '').startsWith('sleep'),
    );
  await waitUntil('it runs', () => sleepers().length === 1);
  const before = sleepers();
  await client.call('key/lock', {});
  await client.call('key/unlock', { passphrase });
  await client.call('session/list', {});
  await me.client.call('session/get', { sessionId: me.sessionId });
  expect(sleepers()).toEqual(before);
  const next = await Watcher.begin(client, { workspace: home.workspace, prompt: 'echo hi' });
  await next.state(1, 'completed');
  expect(sleepers()).toEqual(before);
});
