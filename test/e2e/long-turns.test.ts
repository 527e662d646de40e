/** Turns with more steps, or larger results, than are read at once. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ulid } from 'ulid';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { NewEntry } from '../../daemon/services/ports.ts';
import type { Part } from '../../protocol/message.ts';
import { ScriptedServer } from '../daemon/agent/support/scripted-server.ts';
import { openedVault } from '../support/direct-vault.ts';
import { Watcher } from '../support/watcher.ts';
import { lastReply, providerHome } from './support/provider-home.ts';

const entry = (type: NewEntry['type'], data: object): NewEntry => ({
  type,
  turn: 1,
  at: Date.now(),
  body: JSON.stringify(data),
  isMessage: type === 'message',
});

const step = (number: number, more: object = {}): NewEntry[] => {
  const call: Part = { type: 'tool-call', callId: `c${number}`, name: 'read', arguments: '{"path":"a.txt"}' };
  const result = { type: 'tool-result', callId: `c${number}`, name: 'read', output: `read ${number}`, isError: false };
  return [
    entry('message', { role: 'assistant', parts: [call] }),
    entry('message', { role: 'tool', parts: [{ ...result, ...more }] }),
  ];
};

/** A session whose daemon died after these steps of its first turn, taken up by the next one. */
async function takenUp(steps: readonly NewEntry[], top = ''): Promise<{ server: ScriptedServer; me: Watcher }> {
  const server = await ScriptedServer.start();
  onTestFinished(() => server.stop());
  const home = providerHome(server.baseUrl, top);
  onTestFinished(() => home.remove());
  writeFileSync(join(home.workspace, 'a.txt'), 'a\n');
  const vault = await openedVault(home.dataDir);
  const sessionId = ulid();
  const model = 'chat/some-model';
  const beginning = [
    entry('message', { role: 'user', parts: [{ type: 'text', text: 'the task' }] }),
    entry('turn', { state: 'running', model }),
  ];
  const create = { workspace: home.workspace, model, title: 'long', mode: 'full' } as const;
  const patch = { status: 'running', turns: 1 } as const;
  await vault.append({ opId: ulid(), sessionId, entries: beginning, patch, create });
  for (let at = 0; at < steps.length; at += 100) {
    await vault.append({ opId: ulid(), sessionId, entries: steps.slice(at, at + 100), patch: {} });
  }
  await vault.close();
  server.play({ calls: [{ name: 'read', args: '{"path":"a.txt"}' }] }, { text: 'Done.' });
  const me = await Watcher.join(await home.client(), sessionId);
  return { server, me };
}

describe('a turn whose daemon died', () => {
  test('after hundreds of steps goes on from there, and its limit of steps counts them all', async () => {
    const steps = Array.from({ length: 300 }, (_, at) => step(at)).flat();
    const { server, me } = await takenUp(steps, 'max_steps = 301');
    await me.state(1, 'failed');
    expect(me.conversation.turns.get(1)?.change?.error?.message).toContain('301 steps');
    expect(server.bodies).toHaveLength(1);
    expect(server.faults()).toEqual([]);
    await me.client.call('turn/continue', { opId: me.client.newOpId(), sessionId: me.sessionId });
    await me.state(1, 'completed');
    expect(await lastReply(me)).toBe('Done.');
  });

  test('after results of many megabytes still knows what it was asked', async () => {
    const words = { output: 'many words '.repeat(100_000) };
    const steps = [...step(0), ...Array.from({ length: 9 }, (_, at) => step(5 + at, at < 8 ? words : {})).flat()];
    const { server, me } = await takenUp(steps);
    await me.state(1, 'completed');
    expect(await lastReply(me)).toBe('Done.');
    for (const body of server.bodies) expect(body.includes('the task')).toBe(true);
    expect(server.faults()).toEqual([]);
  });

  test('with large images sends the newest of them, and all of the words', async () => {
    const image = { type: 'image', mediaType: 'image/png', data: 'A'.repeat(5_000_000) };
    const steps = [...step(0), ...[1, 2, 3, 4].flatMap((number) => step(number, { images: [image] }))];
    const { server, me } = await takenUp(steps);
    await me.state(1, 'completed');
    const body = server.bodies[0] ?? '';
    for (const words of ['the task', ...[0, 1, 2, 3, 4].map((number) => `read ${number}`)])
      expect(body.includes(words)).toBe(true);
    expect(body.split('data:image/png').length - 1).toBe(2);
    expect(body.split('older image').length - 1).toBe(2);
  });
});
