/** Models of all three formats at work with real tools in a real workspace. */
import { LLMock } from '@copilotkit/aimock';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Client } from '../../client/connection/api.ts';
import type { TurnState } from '../../protocol/turn.ts';
import { ScriptedServer } from '../daemon/agent/support/scripted-server.ts';
import { WIRE_RULES } from '../daemon/agent/support/wire-rules.ts';
import { waitUntil, type RealHome } from '../support/real-daemon.ts';
import { ask, configuration, freshWorkspace, lastReply, MODELS, providerHome } from './support/provider-home.ts';

let server: ScriptedServer;
let home: RealHome;
let client: Client;

beforeAll(async () => {
  server = await ScriptedServer.start();
  home = providerHome(server.baseUrl);
  client = await home.client();
});
afterAll(async () => {
  await home.remove();
  await server.stop();
});
afterEach(() => {
  expect(server.faults()).toEqual([]);
});

const json = (value: unknown): string => JSON.stringify(value);

describe.each(MODELS)('a model in the format of $format', ({ format, model }) => {
  test('reads, edits, runs a command and answers, a step each', async () => {
    const workspace = freshWorkspace(home);
    writeFileSync(join(workspace, 'a.txt'), 'one\n');
    server.play(
      { text: 'I look.', calls: [{ name: 'read', args: json({ path: 'a.txt' }) }] },
      { calls: [{ name: 'edit', args: json({ path: 'a.txt', old: 'one', new: 'two' }) }] },
      { calls: [{ name: 'bash', args: json({ command: 'cat a.txt; echo ran >> log.txt' }) }] },
      { text: 'It says two.' },
    );
    const me = await ask(client, workspace, model, 'Make it two.');
    await me.state(1, 'completed');
    expect(readFileSync(join(workspace, 'a.txt'), 'utf8')).toBe('two\n');
    expect(readFileSync(join(workspace, 'log.txt'), 'utf8')).toBe('ran\n');
    expect(await lastReply(me)).toBe('It says two.');
    const { bodies } = server;
    expect(bodies).toHaveLength(4);
    for (const word of ['one', 'I look.', 'a.txt']) expect(bodies[1]).toContain(word);
    expect(bodies[3]).toContain('two');
    const results = await me.results();
    expect(results.map(({ name, isError }) => [name, isError])).toEqual([
      ['read', false],
      ['edit', false],
      ['bash', false],
    ]);
    await me.detach();
  });

  test('makes several calls at once, which are answered in their order', async () => {
    const workspace = freshWorkspace(home);
    for (const name of ['a', 'b']) writeFileSync(join(workspace, `${name}.txt`), `content of ${name}\n`);
    server.play(
      {
        calls: [
          { name: 'read', args: json({ path: 'a.txt' }) },
          { name: 'read', args: json({ path: 'b.txt' }) },
          { name: 'bash', args: json({ command: 'echo 1 >> order.txt' }) },
          { name: 'bash', args: json({ command: 'echo 2 >> order.txt' }) },
          { name: 'read', args: json({ path: 'order.txt' }) },
        ],
      },
      { text: 'Done.' },
    );
    const me = await ask(client, workspace, model, 'Do it all.');
    await me.state(1, 'completed');
    const results = await me.results();
    // What is read side by side is written down as it ends.
    expect(results.map(({ name }) => name)).toEqual(['read', 'read', 'bash', 'bash', 'read']);
    const sent = server.bodies[1] ?? '';
    const places = ['content of a', 'content of b'].map((words) => sent.indexOf(words));
    expect(places[0]).toBeGreaterThan(0);
    expect(places[1]).toBeGreaterThan(places[0] ?? 0);
    expect(results[4]?.output).toMatch(/1[^]*2/);
    expect(server.bodies).toHaveLength(2);
    await me.detach();
  });

  test('may use one id for all of its calls, or none', async () => {
    const workspace = freshWorkspace(home);
    const read = { name: 'list', args: '{}' };
    const ids = format === 'anthropic' ? ['same', 'same'] : ['same', null];
    server.play(
      ...ids.map((id) => ({
        calls: [
          { ...read, id },
          { ...read, id, name: 'glob', args: json({ pattern: '*' }) },
        ],
      })),
      { text: 'Done.' },
    );
    const me = await ask(client, workspace, model, 'Look twice.');
    await me.state(1, 'completed');
    const made = (await me.results()).map(({ name, isError }) => `${name} ${isError}`);
    expect(made.toSorted()).toEqual(['glob false', 'glob false', 'list false', 'list false']);
    await me.detach();
  });

  test('is told when its arguments are empty, no JSON or no object, or when there is no such tool, and goes on', async () => {
    const workspace = freshWorkspace(home);
    const broken = ['', '{"path":', '[1]', '"a.txt"', 'null', '{"path":7}'];
    server.play(
      ...broken.map((args) => ({ calls: [{ name: 'read', args }] })),
      { calls: [{ name: 'fly to: the moon', args: '{}' }] },
      { calls: [{ name: 'bash', args: json({ command: 'echo fine' }) }] },
      { text: 'Done.' },
    );
    const me = await ask(client, workspace, model, 'Go on.');
    await me.state(1, 'completed');
    const results = await me.results();
    expect(results.slice(0, broken.length + 1).map(({ isError }) => isError)).toEqual(
      results.slice(0, -1).map(() => true),
    );
    expect(results.at(-2)?.output).toContain('There is no tool fly to: the moon');
    expect(results.at(-1)).toMatchObject({ isError: false, output: expect.stringContaining('fine') });
    expect(await lastReply(me)).toBe('Done.');
    await me.detach();
  });

  test('may call a stop what ends with calls', async () => {
    server.play({ calls: [{ name: 'list', args: '{}' }], reason: 'stop' }, { text: 'Done.' });
    const me = await ask(client, freshWorkspace(home), model, 'Look.');
    await me.state(1, 'completed');
    expect(await me.results()).toMatchObject([{ name: 'list', isError: false }]);
    await me.detach();
  });

  test('whose reply is cut off in a call has that call not made, and is told why', async () => {
    const workspace = freshWorkspace(home);
    const whole = json({ command: 'echo x >> ran.txt' });
    const pieces = format === 'google' ? ['', '{}'] : [whole.slice(0, -3), '', '{}'];
    const first = { name: 'bash', args: json({ command: 'echo first >> ran.txt' }) };
    server.play(...pieces.map((args) => ({ calls: [first, { name: 'list', args }], reason: 'length' as const })), {
      text: 'Done.',
    });
    const me = await ask(client, workspace, model, 'Write a lot.');
    await me.state(1, 'completed');
    const results = await me.results();
    expect(results.map(({ name, isError }) => `${name} ${isError}`)).toEqual(
      pieces.flatMap(() => ['bash false', 'list true']),
    );
    expect(readFileSync(join(workspace, 'ran.txt'), 'utf8')).toBe('first\n'.repeat(pieces.length));
    expect(server.bodies[1]).toContain('reached its greatest length');
    await me.detach();
  });

  test('that announces calls and makes none is asked again, and has answered when there are words', async () => {
    if (format !== 'google') {
      server.play({ reason: 'calls' }, { text: 'No call at all.', reason: 'calls' });
      const me = await ask(client, freshWorkspace(home), model, 'Look.');
      await me.state(1, 'completed');
      expect(await lastReply(me)).toBe('No call at all.');
      expect(server.bodies).toHaveLength(2);
      await me.detach();
    }
  });

  test('that has nothing to say after its calls ends the turn, and the conversation goes on', async () => {
    server.play({ calls: [{ name: 'list', args: '{}' }] }, { reason: 'stop' }, { text: 'Here I am.' });
    const me = await ask(client, freshWorkspace(home), model, 'Look.');
    await me.state(1, 'completed');
    await me.submit('Are you there?');
    await me.state(2, 'completed');
    expect(await lastReply(me)).toBe('Here I am.');
    expect(server.bodies.at(-1)).toContain('Are you there?');
    await me.detach();
  });
});

describe.each(MODELS)('a mock server in the format of $format that calls without end', ({ format, model }) => {
  const mock = new LLMock({ port: 0 });
  let own: RealHome;
  beforeAll(async () => {
    await mock.start();
    own = providerHome(`${mock.url}/v1`, 'max_steps = 4');
  });
  afterAll(async () => {
    await own.remove();
    await mock.stop();
  });

  test('is stopped by the limit of steps, goes on when a person says so, and by its repetitions', async () => {
    const workspace = freshWorkspace(own);
    writeFileSync(join(workspace, 'a.txt'), 'same\n');
    // Without `hasToolResult: false` this answers its own results with the same call for ever.
    mock.on({ userMessage: 'trap' }, { toolCalls: [{ name: 'read', arguments: '{"path":"a.txt"}' }] });
    const me = await ask(await own.client(), workspace, model, 'trap');
    await me.state(1, 'failed');
    const error = me.conversation.turns.get(1)?.change?.error;
    expect(error).toMatchObject({ kind: 'LIMIT_REACHED', message: expect.stringContaining('4 steps') });
    expect(error?.hint).toContain('/continue');
    expect(mock.getRequests().length).toBe(4);

    const { sessionId } = me;
    const change = () => me.conversation.turns.get(1)?.change;
    const proceed = async (end: TurnState): Promise<void> => {
      const before = change();
      await me.client.call('turn/continue', { opId: me.client.newOpId(), sessionId });
      await waitUntil(`${end} again`, () => change()?.state === end && change() !== before);
    };
    await proceed('failed');
    expect(mock.getRequests().length).toBe(8);

    own.configure(configuration(`${mock.url}/v1`, 'max_steps = 50'));
    await me.client.call('config/reload', {});
    await proceed('failed');
    const second = change()?.error;
    expect(second).toMatchObject({ kind: 'LIMIT_REACHED', message: expect.stringContaining('6 times in a row') });
    expect(mock.getRequests().length).toBe(14);
    expect(JSON.stringify(mock.getRequests().at(-1)?.body)).toContain('Do something else');

    mock.clearFixtures();
    mock.onMessage('trap', { content: `Out of it in ${format}.` });
    await proceed('completed');
    expect(await lastReply(me)).toBe(`Out of it in ${format}.`);
  });
});

describe.each(MODELS)('a mock server in the format of $format at work', ({ format, model }) => {
  const mock = new LLMock({ port: 0, chunkSize: 6 });
  let own: RealHome;
  beforeAll(async () => {
    await mock.start();
    own = providerHome(`${mock.url}/v1`);
  });
  afterAll(async () => {
    await own.remove();
    await mock.stop();
  });

  test('thinks, reads twice at once, is busy, breaks off, runs a command and answers', async () => {
    const workspace = freshWorkspace(own);
    for (const name of ['a', 'b']) writeFileSync(join(workspace, `${name}.txt`), `content of ${name}\n`);
    const at = (sequenceIndex: number) => ({ userMessage: 'work', sequenceIndex });
    const read = (name: string) => ({ name: 'read', arguments: json({ path: name }) });
    const run = { name: 'bash', arguments: json({ command: 'cat a.txt b.txt | tee -a both.txt' }) };
    mock.on(at(0), { toolCalls: [read('a.txt'), read('b.txt')], reasoning: 'Both are needed.' });
    mock.on(at(1), { error: { message: 'not now' }, status: 429, retryAfter: 1 });
    // In the format of Google the call comes whole, together with the end.
    const truncateAfterChunks = format === 'google' ? 2 : 4;
    mock.on(at(2), { content: 'I run it.', toolCalls: [run] }, { truncateAfterChunks, latency: 5 });
    mock.on(at(3), { content: 'I run it.', toolCalls: [run] });
    mock.on(at(4), { content: 'Both are there.' });
    const me = await ask(await own.client(), workspace, model, 'work');
    await me.state(1, 'completed');
    expect(await lastReply(me)).toBe('Both are there.');
    expect(readFileSync(join(workspace, 'both.txt'), 'utf8')).toBe('content of a\ncontent of b\n');
    expect((await me.results()).map(({ name }) => name)).toEqual(['read', 'read', 'bash']);
    expect(mock.getRequests()).toHaveLength(5);
    if (format === 'openai-compatible') {
      const faults = mock.getRequests().flatMap(({ body }) => WIRE_RULES[format](json(body)));
      expect(faults).toEqual([]);
      expect(json(mock.getRequests().at(-1)?.body)).toContain('Both are needed.');
    }
  });
});
