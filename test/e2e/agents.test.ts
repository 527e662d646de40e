import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { realHome, type RealHome } from '../support/real-daemon.ts';
import { Watcher } from '../support/watcher.ts';

function write(home: RealHome, place: 'personal' | 'workspace', text: string): void {
  const directory = place === 'personal' ? join(home.dataDir, 'agents') : join(home.workspace, '.m', 'agents');
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'helper.md'), text);
}

test('an agent brings its mode and its tools along', async () => {
  const home = realHome();
  write(home, 'personal', '---\nmode: auto-edit\ntools: write\n---\nHelp.\n');
  const client = await home.client();
  const { workspace } = home;
  const me = await Watcher.begin(client, { workspace, prompt: 'write a.txt x\nread a.txt', agent: 'helper' });
  await me.state(1, 'completed');
  expect(await me.results()).toMatchObject([
    { name: 'write', isError: false },
    { name: 'read', isError: true, output: 'There is no tool read. The tools are: write.' },
  ]);
  const { session } = await client.call('session/get', { sessionId: me.sessionId });
  expect(session).toMatchObject({ agent: 'helper', mode: 'auto-edit' });
});

test('an agent that lies in the workspace cannot allow more than before', async () => {
  const home = realHome();
  write(home, 'workspace', '---\nmode: full\n---\nHelp.\n');
  const client = await home.client();
  const me = await Watcher.begin(client, { workspace: home.workspace, prompt: 'write a.txt x', agent: 'helper' });
  await me.asked();
  const { session } = await client.call('session/get', { sessionId: me.sessionId });
  expect(session).toMatchObject({ agent: 'helper', mode: 'ask' });
});

test('an agent that is not there is said before the prompt is taken', async () => {
  const home = realHome();
  const client = await home.client();
  const begun = Watcher.begin(client, { workspace: home.workspace, prompt: 'hello', agent: 'nobody' });
  await expect(begun).rejects.toMatchObject({ kind: 'NOT_FOUND', message: 'there is no agent nobody' });
  expect((await client.call('session/list', {})).sessions).toEqual([]);
});

test('an agent can be chosen and left while a session goes on', async () => {
  const home = realHome();
  write(home, 'personal', '---\ntools: read\n---\n');
  const client = await home.client();
  const me = await Watcher.begin(client, { workspace: home.workspace, prompt: 'echo hi', mode: 'auto-edit' });
  await me.state(1, 'completed');
  const { sessionId } = me;
  await client.call('session/configure', { opId: client.newOpId(), sessionId, agent: 'helper' });
  await me.submit('write a.txt x');
  await me.state(2, 'completed');
  await client.call('session/configure', { opId: client.newOpId(), sessionId, agent: '' });
  await me.submit('write a.txt x');
  await me.state(3, 'completed');
  expect((await me.results()).map(({ isError }) => isError)).toEqual([true, false]);
});
