/** What a daemon finds that was killed between the intent of a call and its result, and what a person can do then. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ulid } from 'ulid';
import { describe, expect, test } from 'vitest';
import type { NewEntry } from '../../daemon/services/ports.ts';
import type { DurableEventType, EventData } from '../../protocol/event.ts';
import type { ToolEffect } from '../../protocol/tool.ts';
import type { Client } from '../../client/connection/api.ts';
import { openedVault } from '../support/direct-vault.ts';
import { realHome, waitUntil, type RealHome } from '../support/real-daemon.ts';
import { Watcher } from '../support/watcher.ts';

interface Interrupted {
  readonly name: string;
  readonly effect: ToolEffect;
  readonly args: object;
  /** The prompt that makes the demo model call it. */
  readonly prompt: string;
  /** A process group was recorded. */
  readonly ran?: boolean;
  /** Nothing has been written down of the call but the reply that asks for it. */
  readonly untouched?: boolean;
}

const entry = <T extends DurableEventType>(type: T, data: EventData<T>): NewEntry => ({
  type,
  turn: 1,
  at: Date.now(),
  body: JSON.stringify(data),
  isMessage: type === 'message',
});

/** A store as a daemon leaves it that dies in the middle of a call. @returns the session. */
async function crashedIn(home: RealHome, call: Interrupted): Promise<string> {
  const vault = await openedVault(home.dataDir);
  const sessionId = ulid();
  const callId = 'call-1';
  const { name, effect, args, prompt } = call;
  const part = { type: 'tool-call' as const, callId, name, arguments: JSON.stringify(args) };
  await vault.append({
    opId: ulid(),
    sessionId,
    entries: [
      entry('message', { role: 'user', parts: [{ type: 'text', text: prompt }] }),
      entry('turn', { state: 'running', model: 'demo/offline' }),
      entry('message', { role: 'assistant', parts: [part] }),
      ...(call.untouched === true ? [] : [entry('call', { callId, name, effect, title: `${name} it`, paths: [] })]),
    ],
    patch: { status: 'running', turns: 1 },
    create: { workspace: home.workspace, model: 'demo/offline', title: 'crashed', mode: 'full' },
  });
  if (call.ran === true) {
    const gone = { pid: 2 ** 22 - 7, startTime: '1', bootId: 'another boot' };
    await vault.recordProcess({ callId, sessionId, ...gone, background: false });
  }
  await vault.close();
  return sessionId;
}

/** The session as the next daemon has taken it up. */
async function takenUp(home: RealHome, sessionId: string): Promise<{ client: Client; me: Watcher }> {
  const client = await home.client();
  const me = await Watcher.join(client, sessionId);
  await waitUntil('the turn is at rest', async () => {
    const { session } = await client.call('session/get', { sessionId });
    return session.status === 'idle' || session.status === 'interrupted';
  });
  return { client, me };
}

async function statusOf(client: Client, sessionId: string): Promise<string> {
  return (await client.call('session/get', { sessionId })).session.status;
}

const READS: Interrupted[] = [
  { name: 'read', effect: 'read', args: { path: 'a.txt' }, prompt: 'read a.txt' },
  { name: 'list', effect: 'read', args: { path: '.' }, prompt: 'list' },
  { name: 'glob', effect: 'read', args: { pattern: '*' }, prompt: 'glob *' },
  { name: 'grep', effect: 'read', args: { pattern: 'x' }, prompt: 'grep x' },
];

const UNCERTAIN: Interrupted[] = [
  { name: 'write', effect: 'edit', args: { path: 'a.txt', content: 'b\n' }, prompt: 'write a.txt b' },
  { name: 'edit', effect: 'edit', args: { path: 'a.txt', old: 'a', new: 'b' }, prompt: 'edit a.txt a b' },
  { name: 'bash', effect: 'command', args: { command: 'echo b > a.txt' }, prompt: 'run echo b > a.txt', ran: true },
];

describe('a daemon that was killed in the middle of a call', () => {
  test.each(READS)('goes on by itself after $name, which changes nothing, and does not run it again', async (call) => {
    const home = realHome();
    const sessionId = await crashedIn(home, call);
    const { client, me } = await takenUp(home, sessionId);
    expect(await statusOf(client, sessionId)).toBe('idle');
    expect(await me.results()).toMatchObject([{ name: call.name, output: expect.stringContaining('changes nothing') }]);
  });

  test.each(UNCERTAIN)('asks about $name, says which call it was, and does not run it again', async (call) => {
    const home = realHome();
    writeFileSync(join(home.workspace, 'a.txt'), 'a\n');
    const sessionId = await crashedIn(home, call);
    const { client, me } = await takenUp(home, sessionId);
    expect(await statusOf(client, sessionId)).toBe('interrupted');
    const view = me.conversation.turns.get(1);
    expect(view?.change).toMatchObject({
      state: 'interrupted',
      reason: 'crash',
      uncertain: [{ callId: 'call-1', title: `${call.name} it` }],
    });
    expect(readFileSync(join(home.workspace, 'a.txt'), 'utf8')).toBe('a\n');
    expect(await me.results()).toMatchObject([{ output: expect.stringContaining('is not known') }]);
  });

  test('goes on by itself after a command that never began, and does not run it', async () => {
    const home = realHome();
    const call: Interrupted = {
      name: 'bash',
      effect: 'command',
      args: { command: 'touch ran' },
      prompt: 'run touch ran',
    };
    const sessionId = await crashedIn(home, call);
    const { client, me } = await takenUp(home, sessionId);
    expect(await statusOf(client, sessionId)).toBe('idle');
    expect(await me.results()).toMatchObject([{ output: expect.stringContaining('It was not run') }]);
    expect(existsSync(join(home.workspace, 'ran'))).toBe(false);
  });

  test('makes a call now that nothing had happened to', async () => {
    const home = realHome();
    const args = { path: 'a.txt', content: 'b\n' };
    const call: Interrupted = { name: 'write', effect: 'edit', args, prompt: 'write a.txt b', untouched: true };
    const sessionId = await crashedIn(home, call);
    const { client, me } = await takenUp(home, sessionId);
    expect(await statusOf(client, sessionId)).toBe('idle');
    expect(await me.results()).toMatchObject([{ name: 'write', isError: false }]);
    expect(readFileSync(join(home.workspace, 'a.txt'), 'utf8')).toBe('b\n');
  });

  test('stays interrupted over another restart until a person decides', async () => {
    const home = realHome();
    const sessionId = await crashedIn(home, UNCERTAIN[0] as Interrupted);
    await takenUp(home, sessionId);
    home.signalDaemons('SIGKILL');
    await waitUntil('the daemon is gone', () => home.daemonPids().length === 0);
    const { client } = await takenUp(home, sessionId);
    expect(await statusOf(client, sessionId)).toBe('interrupted');
  });
});

describe('a turn that was interrupted', () => {
  const begin = async () => {
    const home = realHome();
    writeFileSync(join(home.workspace, 'a.txt'), 'a\n');
    const sessionId = await crashedIn(home, UNCERTAIN[0] as Interrupted);
    return { home, sessionId, ...(await takenUp(home, sessionId)) };
  };

  test('goes on from its last step when a person says so, and runs nothing again', async () => {
    const { home, sessionId, client, me } = await begin();
    await client.call('turn/continue', { opId: client.newOpId(), sessionId });
    await me.state(1, 'completed');
    expect(readFileSync(join(home.workspace, 'a.txt'), 'utf8')).toBe('a\n');
    const messages = await me.messages();
    expect(messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool', 'assistant']);
  });

  test('begins again from its prompt when a person says so, and the model is not told of the first attempt', async () => {
    const { home, sessionId, client, me } = await begin();
    await client.call('turn/retry', { opId: client.newOpId(), sessionId });
    await me.state(1, 'completed');
    // The demo model counts calls since the prompt: it would not make the first one again if it saw it.
    expect((await me.results()).map(({ isError }) => isError)).toEqual([true, true]);
    expect(readFileSync(join(home.workspace, 'a.txt'), 'utf8')).toBe('a\n');
    const { session } = await client.call('session/get', { sessionId });
    expect(session.turns).toBe(1);
  });

  test('is left as it is when a person says so, and what waits behind it goes on', async () => {
    const { sessionId, client, me } = await begin();
    await client.call('turn/leave', { opId: client.newOpId(), sessionId });
    await me.state(1, 'cancelled');
    await me.submit('echo next');
    await me.state(2, 'completed');
  });

  test('is revived once by a request that is sent twice', async () => {
    const { sessionId, client, me } = await begin();
    const opId = client.newOpId();
    const first = await client.call('turn/continue', { opId, sessionId });
    expect(await client.call('turn/continue', { opId, sessionId })).toEqual(first);
    await me.state(1, 'completed');
    expect(me.changes.filter((change) => change.kind === 'turn' && change.change.state === 'completed')).toHaveLength(
      1,
    );
  });

  test('asks whoever has it go on, although nobody could be asked when it began', async () => {
    const home = realHome();
    const client = await home.client();
    const wish = { workspace: home.workspace, prompt: 'write a.txt b', unattended: true };
    const me = await Watcher.begin(client, wish);
    await me.state(1, 'completed');
    expect(await me.results()).toMatchObject([{ output: expect.stringContaining('nobody can be asked') }]);
    await client.call('turn/retry', { opId: client.newOpId(), sessionId: me.sessionId });
    await me.asked();
  });

  test('cannot be continued while it runs, nor when there is nothing to continue', async () => {
    const { sessionId, client, me } = await begin();
    await client.call('turn/leave', { opId: client.newOpId(), sessionId });
    const turn = await me.submit('count to 100 every 20 ms');
    await me.state(turn, 'running');
    const running = client.call('turn/continue', { opId: client.newOpId(), sessionId });
    await expect(running).rejects.toMatchObject({ kind: 'CONFLICT' });
    await client.call('turn/cancel', { sessionId });
    await me.state(turn, 'cancelled');
    await client.call('turn/continue', { opId: client.newOpId(), sessionId });
    await me.state(turn, 'completed');
    const again = client.call('turn/continue', { opId: client.newOpId(), sessionId });
    await expect(again).rejects.toMatchObject({
      kind: 'CONFLICT',
      message: 'turn 2 is completed and cannot be continued',
    });
  });
});
