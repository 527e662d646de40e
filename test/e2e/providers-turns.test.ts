/** What becomes of a turn with tools when the daemon dies, a server fails in the middle, or the history is not whole. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ulid } from 'ulid';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { NewEntry } from '../../daemon/services/ports.ts';
import type { Part } from '../../protocol/message.ts';
import { ScriptedServer, type Format } from '../daemon/agent/support/scripted-server.ts';
import { openedVault } from '../support/direct-vault.ts';
import { waitUntil, type RealHome } from '../support/real-daemon.ts';
import { Watcher } from '../support/watcher.ts';
import { ask, freshWorkspace, lastReply, MODELS, providerHome } from './support/provider-home.ts';

/** A server for each format, so that all three can be asked at once. */
const servers = new Map<Format, ScriptedServer>();
let home: RealHome;

beforeAll(async () => {
  for (const { format } of MODELS) servers.set(format, await ScriptedServer.start());
  home = providerHome(
    MODELS.map(({ format }) => serverOf(format).baseUrl),
    '',
    '',
    3,
  );
});
afterAll(async () => {
  await home.remove();
  for (const server of servers.values()) await server.stop();
});
afterEach(() => {
  for (const server of servers.values()) expect(server.faults()).toEqual([]);
});

function serverOf(format: Format): ScriptedServer {
  const server = servers.get(format);
  if (server === undefined) throw new Error(`no server for ${format}`);
  return server;
}

const json = (value: unknown): string => JSON.stringify(value);
const says = (text: string): Part => ({ type: 'text', text });
const append = (line: string) => ({ name: 'bash', args: json({ command: `echo ${line} >> ran.txt` }) });
const ranIn = (workspace: string): string => readFileSync(join(workspace, 'ran.txt'), 'utf8');

describe('what a model has thought', () => {
  /** What has to come back in the turn, in the words of each format. */
  const KEPT: Readonly<Record<Format, readonly string[]>> = {
    'openai-compatible': ['"reasoning_content":"first thought"'],
    anthropic: ['"thinking":"first thought","signature":"signature-1"'],
    google: ['"thoughtSignature":"call-signature-1"'],
  };
  const TRACES = ['first thought', 'second thought', 'signature-1', 'signature-2'];

  test('goes back to it in each step of the turn, also when the daemon is killed between two, and to nobody else', async () => {
    const sessions: { format: Format; model: string; workspace: string; sessionId: string }[] = [];
    const client = await home.client();
    for (const { format, model } of MODELS) {
      const workspace = freshWorkspace(home);
      serverOf(format).play(
        {
          thought: 'first thought',
          signature: 'signature-1',
          calls: [{ ...append('one'), signature: 'call-signature-1' }],
        },
        { silent: true },
      );
      const me = await ask(client, workspace, model, 'Think and work.');
      sessions.push({ format, model, workspace, sessionId: me.sessionId });
    }
    await waitUntil('every model is asked for its second step', () =>
      MODELS.every(({ format }) => serverOf(format).requests.length === 2),
    );
    for (const { format } of MODELS) {
      serverOf(format).play(
        {
          thought: 'second thought',
          signature: 'signature-2',
          calls: [{ ...append('two'), signature: 'call-signature-2' }],
        },
        { text: 'Thought and worked.' },
      );
    }
    await client.close();
    home.signalDaemons('SIGKILL');
    await waitUntil('the daemon is gone', () => home.daemonPids().length === 0);

    const again = await home.client();
    for (const { format, workspace, sessionId } of sessions) {
      const me = await Watcher.join(again, sessionId);
      await me.state(1, 'completed');
      expect(await lastReply(me)).toBe('Thought and worked.');
      expect(ranIn(workspace)).toBe('one\ntwo\n');
      const { bodies } = serverOf(format);
      expect(bodies).toHaveLength(2);
      for (const body of bodies) for (const words of KEPT[format]) expect(body).toContain(words);
      for (const words of KEPT[format])
        expect(bodies[1]).toContain(words.replace('first', 'second').replace('-1', '-2'));
      await me.detach();
    }

    // The next turn of each conversation goes to the next provider.
    for (const [at, { sessionId }] of sessions.entries()) {
      const { format, model } = MODELS[(at + 1) % MODELS.length] ?? MODELS[0] ?? { format: 'google', model: '' };
      serverOf(format).play({ calls: [append('three')] }, { text: 'Somebody else.' });
      const { turn } = await again.call('turn/submit', {
        opId: again.newOpId(),
        target: { kind: 'session', sessionId },
        prompt: [{ type: 'text', text: 'And you?' }],
        model,
      });
      const me = await Watcher.join(again, sessionId);
      await me.state(turn, 'completed');
      const { bodies } = serverOf(format);
      expect(bodies).toHaveLength(2);
      for (const body of bodies) {
        expect(body).toContain('Thought and worked.');
        for (const trace of TRACES) expect(body).not.toContain(trace);
      }
      expect(serverOf(format).faults()).toEqual([]);
      await me.detach();
    }
  });
});

describe('a server that fails in the middle of a turn', () => {
  const limit = {
    status: '429 Too Many Requests',
    headers: ['retry-after: 1'],
    body: '{"error":{"message":"slowly"}}',
  };
  const broken = { status: '500 Internal Server Error', body: '{"error":{"message":"oh"}}' };

  test('is asked again: steps that are done stand, and no call that did not come whole is made', async () => {
    const client = await home.client();
    const running = MODELS.map(async ({ format, model }) => {
      const workspace = freshWorkspace(home);
      const server = serverOf(format);
      server.play(
        { text: 'First.', calls: [append('one')] },
        { calls: [append('two')] },
        { text: 'Half', calls: [append('never')], cut: 'in-call' },
        limit,
        broken,
        { calls: [append('three')] },
        { calls: [append('nor-this')], cut: 'before-end' },
        { text: 'Half of it', silent: true },
        { text: 'Done.' },
      );
      const me = await ask(client, workspace, model, 'Work.');
      await me.state(1, 'completed');
      expect(ranIn(workspace)).toBe('one\ntwo\nthree\n');
      expect(await lastReply(me)).toBe('Done.');
      const { bodies } = server;
      expect(bodies).toHaveLength(9);
      // Each attempt at a step is the same request.
      for (const at of [3, 4, 5]) expect(bodies[at]).toBe(bodies[2]);
      for (const at of [7, 8]) expect(bodies[at]).toBe(bodies[6]);
      expect(bodies.join()).not.toContain('Half');
      const waits = me.changes.filter(
        (change) => change.kind === 'turn' && change.turn.change?.waitingFor === 'backend',
      );
      expect(waits.length).toBeGreaterThanOrEqual(1);
      await me.detach();
    });
    await Promise.all(running);
  });

  test('and does not recover fails the turn, whose steps stand when a person has it go on', async () => {
    const client = await home.client();
    const running = MODELS.map(async ({ format, model }) => {
      const workspace = freshWorkspace(home);
      const server = serverOf(format);
      const refused = { status: '400 Bad Request', body: '{"error":{"message":"I do not like this"}}' };
      server.play({ calls: [append('one')] }, refused);
      const me = await ask(client, workspace, model, 'Work.');
      await me.state(1, 'failed');
      expect(me.conversation.turns.get(1)?.change?.error?.message).toContain('I do not like this');
      server.play({ calls: [append('two')] }, { text: 'Done.' });
      await me.client.call('turn/continue', { opId: me.client.newOpId(), sessionId: me.sessionId });
      await me.state(1, 'completed');
      expect(ranIn(workspace)).toBe('one\ntwo\n');
      expect(server.bodies).toHaveLength(2);
      expect(server.bodies[0]).toContain('echo one');
      await me.detach();
    });
    await Promise.all(running);
  });
});

describe('a history that is not whole', () => {
  const call = (callId: string, args = '{"path":"a.txt"}', name = 'read'): Part => ({
    type: 'tool-call',
    callId,
    name,
    arguments: args,
  });
  const result = (callId: string, more: object = {}): Part => ({
    type: 'tool-result',
    callId,
    name: 'read',
    output: `result of ${callId}`,
    isError: false,
    ...more,
  });
  const image = { type: 'image', mediaType: 'image/png', data: 'iVBORw0KGgo=' } as const;

  /** Everything that a crash, a cancelled turn, a retry of a server or an earlier version may have left. */
  const HISTORY: readonly [number, 'user' | 'assistant' | 'tool', ...Part[]][] = [
    [1, 'user', says('one')],
    [
      1,
      'assistant',
      { type: 'reasoning', text: 'nobody knows whose' },
      says('I look.'),
      call('a'),
      call('b'),
      call('c'),
    ],
    [1, 'tool', result('b')],
    [1, 'tool', result('unknown')],
    [1, 'tool', result('a', { images: [image] })],
    [2, 'user', says('two')],
    [2, 'assistant'],
    [2, 'assistant', { type: 'reasoning', text: 'only a thought' }],
    [3, 'user', says('three')],
    [3, 'assistant', says('Well,')],
    [3, 'assistant', says('well.'), call('d', '{"path":')],
    [3, 'assistant', call('same', '[1]'), call('same', '')],
    [3, 'tool', result('same', { output: '', isError: true }), result('same', { output: ' ' })],
    [3, 'tool', result('d')],
    [3, 'assistant', call('odd id !@#', '{}', 'no such tool, at all')],
    [4, 'user', says('four')],
    [4, 'user', says('  ')],
    [4, 'assistant', says('')],
  ];

  test('is taken by all three formats, with all that was said in it', async () => {
    const own = providerHome(MODELS.map(({ format }) => serverOf(format).baseUrl));
    try {
      const vault = await openedVault(own.dataDir);
      const sessions = MODELS.map((one) => ({ ...one, sessionId: ulid() }));
      for (const { model, sessionId } of sessions) {
        const entries: NewEntry[] = HISTORY.map(([turn, role, ...parts]) => ({
          type: 'message',
          turn,
          at: Date.now(),
          body: json({ role, parts }),
          isMessage: true,
        }));
        const end = {
          type: 'turn',
          turn: 4,
          at: Date.now(),
          body: json({ state: 'cancelled' }),
          isMessage: false,
        } as const;
        const create = { workspace: own.workspace, model, title: 'not whole', mode: 'full' } as const;
        await vault.append({
          opId: ulid(),
          sessionId,
          entries: [...entries, end],
          patch: { status: 'idle', turns: 4 },
          create,
        });
      }
      await vault.close();
      writeFileSync(join(own.workspace, 'a.txt'), 'a\n');
      const client = await own.client();
      for (const { format, sessionId } of sessions) {
        const server = serverOf(format);
        server.play({ calls: [{ name: 'read', args: json({ path: 'a.txt' }) }] }, { text: 'All is well.' });
        const me = await Watcher.join(client, sessionId);
        const turn = await me.submit('five');
        await me.state(turn, 'completed');
        expect(await lastReply(me)).toBe('All is well.');
        expect(server.bodies).toHaveLength(2);
        for (const body of server.bodies) {
          for (const words of ['one', 'I look.', 'result of a', 'result of b', 'two', 'three', 'well.', 'four', 'five'])
            expect(body).toContain(words);
          for (const words of ['result of unknown', 'nobody knows', 'only a thought'])
            expect(body).not.toContain(words);
          // Of c, of d, whose result came behind another reply, and of the call of what does not exist.
          expect(body.split('was interrupted').length - 1).toBe(3);
        }
        const stored = await me.messages();
        expect(stored.slice(0, HISTORY.length).map(({ role, parts }) => [role, parts.length])).toEqual(
          HISTORY.map(([, role, ...parts]) => [role, parts.length]),
        );
      }
    } finally {
      await own.remove();
    }
  });
});
