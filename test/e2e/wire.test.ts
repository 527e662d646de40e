/** Real servers, good and bad, seen through the whole product: `m run --json` ends in the right state, with words to act on. */
import type { Socket } from 'node:net';
import { LLMock } from '@copilotkit/aimock';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { chunk, delta, ProviderServer, STREAM_HEAD } from '../daemon/agent/support/provider-server.ts';
import { waitUntil, type RealHome } from '../support/real-daemon.ts';
import {
  firstOf,
  homeOf,
  linesOf,
  onlySession,
  ran,
  REPLY,
  run,
  stored,
  textOf,
  WHOLE_REPLY,
} from './support/model-run.ts';

async function ends(home: RealHome): Promise<void> {
  expect(await home.finish()).toEqual([]);
}

describe('a server of the usual kind', () => {
  const mock = new LLMock({ port: 0, chunkSize: 4 });
  const url = () => `${mock.url}/v1`;

  beforeAll(async () => {
    await mock.start();
  });
  afterAll(async () => {
    await mock.stop();
  });
  beforeEach(() => {
    mock.clearFixtures();
    mock.clearRequests();
  });

  test('has its reply streamed, its usage counted, and everything stored', async () => {
    const home = homeOf(url());
    mock.on(
      { userMessage: 'hello' },
      { content: REPLY, usage: { prompt_tokens: 17, completion_tokens: 5 } },
      { latency: 60 },
    );
    const { code, lines, last, types } = await run(home, 'hello');
    expect(code).toBe(0);
    expect(types.slice(0, 2)).toEqual(['session', 'message']);
    expect(types.filter((type) => type === 'delta').length).toBeGreaterThan(5);
    expect(textOf(lines)).toBe(REPLY);
    const { type, turn, usage, reason } = last;
    expect({ type, turn, usage, reason }).toEqual({
      type: 'turn.completed',
      turn: 1,
      usage: { inputTokens: 17, outputTokens: 5 },
      reason: 'stop',
    });
    expect(await stored(home)).toEqual(['user: hello', `assistant: ${REPLY}`]);
    const { status, model, turns, messages, inputTokens, outputTokens } = await onlySession(home);
    expect({ status, model, turns, messages, inputTokens, outputTokens }).toEqual({
      status: 'idle',
      model: 'local/some-model',
      turns: 1,
      messages: 2,
      inputTokens: 17,
      outputTokens: 5,
    });
    await ends(home);
  });

  test.each([
    [401, 'does not accept the API key', 'mctl config set-key local'],
    [404, 'has no model "some-model"', '/models'],
  ])('that answers %d fails the turn at once, keeps the prompt and says what to do', async (status, what, hint) => {
    const home = homeOf(url());
    mock.onMessage('hello', { error: { message: 'the server says why' }, status });
    const { code, last, types } = await run(home, 'hello');
    expect(code).toBe(1);
    expect(last.type).toBe('turn.failed');
    expect(last.error?.kind).toBe('REFUSED');
    expect(last.error?.message).toContain(what);
    expect(last.error?.message).toContain('the server says why');
    expect(last.error?.hint).toContain(hint);
    expect(types).not.toContain('turn.waiting');
    expect(mock.getRequests()).toHaveLength(1);
    expect((await onlySession(home))['status']).toBe('failed');
    expect(await stored(home)).toEqual(['user: hello']);

    // A person reads the same on stderr, and can go on in the same session.
    const asText = home.m(['run', '-c', 'hello']);
    expect((await asText.exit).code).toBe(1);
    expect(asText.stderr()).toContain(what);
    expect(asText.stderr()).toContain(hint);
    mock.clearFixtures();
    mock.onMessage(/./, { content: REPLY });
    expect((await run(home, '-c', 'once more')).last.type).toBe('turn.completed');
    expect((await onlySession(home))['status']).toBe('idle');
    await ends(home);
  });

  test('that answers 429 is left alone for as long as it asks, then the turn completes', async () => {
    const home = homeOf(url());
    mock.onMessage('hello', { error: { message: 'slow down' }, status: 429, retryAfter: 2 });
    const started = performance.now();
    const program = home.m(['run', '--json', 'hello']);
    await waitUntil('the turn waits', () => linesOf(program).some(({ type }) => type === 'turn.waiting'));
    const waited = firstOf(linesOf(program), 'turn.waiting');
    expect(waited).toMatchObject({ turn: 1, waitingFor: 'backend', error: { kind: 'RATE_LIMITED' } });
    expect(waited.error?.message).toContain('local asks to slow down (429): "slow down"');
    expect(Date.parse(String(waited['retryAt'])) - Date.now()).toBeGreaterThan(1_000);
    expect((await onlySession(home))['status']).toBe('waiting');
    mock.clearFixtures();
    mock.onMessage('hello', { content: REPLY });
    const { code, lines, last, types } = await ran(program);
    expect([code, last.type]).toEqual([0, 'turn.completed']);
    expect(textOf(lines)).toBe(REPLY);
    expect(performance.now() - started).toBeGreaterThan(2_000);
    expect(types.indexOf('turn.running')).toBeGreaterThan(-1);
    expect(mock.getRequests()).toHaveLength(2);
    expect(await stored(home)).toEqual(['user: hello', `assistant: ${REPLY}`]);
    await ends(home);
  });

  test('that answers 500 is tried again, and the turn fails when it goes on', async () => {
    const home = homeOf(url());
    mock.onMessage('hello', { error: { message: 'something broke' }, status: 500 });
    const { code, last, types } = await run(home, 'hello');
    expect([code, last.type, last.error?.kind]).toEqual([1, 'turn.failed', 'BROKEN_STREAM']);
    expect(last.error?.message).toContain('local failed (500): "something broke"');
    expect(last.error?.hint).toContain('try again');
    expect(types.filter((type) => type === 'turn.waiting')).toHaveLength(2);
    expect(mock.getRequests()).toHaveLength(3);
    expect((await onlySession(home))['status']).toBe('failed');
    await ends(home);
  });

  test('is asked with the key that the environment lends, and not at all without one', async () => {
    const home = homeOf(url());
    mock.onMessage('hello', { content: REPLY });
    const without = await ran(home.m(['run', '--json', 'hello'], { environment: { LOCAL_API_KEY: '' } }));
    expect(without.code).toBe(4);
    expect(without.lines).toMatchObject([{ type: 'error', kind: 'PROVIDER_KEY_MISSING' }]);
    expect(String(without.last['hint'])).toContain('LOCAL_API_KEY');
    expect(mock.getRequests()).toHaveLength(0);
    expect((await run(home, 'hello')).last.type).toBe('turn.completed');
    await ends(home);
  });
});

describe('a server that', () => {
  let server: ProviderServer;

  beforeEach(async () => {
    server = await ProviderServer.start();
    onTestFinished(() => server.stop());
  });

  const whole = (socket: Socket): unknown => socket.end(WHOLE_REPLY);

  /** Behaves badly for so many requests, then well. */
  function badly(times: number, answer: (socket: Socket) => unknown): void {
    server.answer = (socket) => (server.requests.length <= times ? answer(socket) : whole(socket));
  }

  const cut = (socket: Socket): unknown => {
    socket.write(STREAM_HEAD + chunk(delta('The half of an ')));
    return setTimeout(() => socket.destroy(), 100);
  };

  test('cuts a reply is asked again, and what was cut off is not sent back', async () => {
    const home = homeOf(server.baseUrl);
    badly(1, cut);
    const { code, lines, last, types } = await run(home, 'hello');
    expect([code, last.type]).toEqual([0, 'turn.completed']);
    expect(lines.filter(({ type }) => type === 'cutoff')).toMatchObject([{ turn: 1, reason: 'broken-stream' }]);
    const waiting = firstOf(lines, 'turn.waiting');
    expect(waiting).toMatchObject({ waitingFor: 'backend', error: { kind: 'BROKEN_STREAM' } });
    expect(waiting.error?.message).toContain('The connection to local broke in the middle of the reply');
    expect(types.indexOf('cutoff')).toBeLessThan(types.lastIndexOf('delta'));
    expect(textOf(lines)).toBe(REPLY);
    const asked = server.requests.map(({ body }) => (JSON.parse(body) as { messages: { role: string }[] }).messages);
    expect(asked.map((messages) => messages.filter(({ role }) => role !== 'system'))).toEqual([
      [{ role: 'user', content: 'hello' }],
      [{ role: 'user', content: 'hello' }],
    ]);
    expect(await stored(home)).toEqual(['user: hello', `assistant: ${REPLY}`]);
    await ends(home);
  });

  test('cuts every reply fails the turn after three attempts', async () => {
    const home = homeOf(server.baseUrl);
    badly(Number.POSITIVE_INFINITY, cut);
    const { code, last, types } = await run(home, 'hello');
    expect([code, last.type, last.error?.kind]).toEqual([1, 'turn.failed', 'BROKEN_STREAM']);
    expect(last.error?.hint).toBe('Try again.');
    expect(types.filter((type) => type === 'cutoff')).toHaveLength(3);
    expect(server.requests).toHaveLength(3);
    expect((await onlySession(home))['status']).toBe('failed');
    await ends(home);
  });

  test('takes the request and says nothing is given up after the time that is configured', async () => {
    const home = homeOf(server.baseUrl);
    badly(1, () => undefined);
    const { code, lines, last } = await run(home, 'hello');
    expect([code, last.type]).toEqual([0, 'turn.completed']);
    const { error } = firstOf(lines, 'turn.waiting');
    expect(error?.kind).toBe('BROKEN_STREAM');
    expect(error?.message).toBe('local took the request and sent nothing for 0.5 seconds.');
    expect(error?.hint).toContain('first_byte_timeout_seconds in [providers.local]');
    expect(textOf(lines)).toBe(REPLY);
    await ends(home);
  });

  test('falls silent in the middle fails the turn when it does so each time', async () => {
    const home = homeOf(server.baseUrl);
    badly(Number.POSITIVE_INFINITY, (socket) => socket.write(STREAM_HEAD + chunk(delta('And then '))));
    const { code, lines, last } = await run(home, 'hello');
    expect([code, last.type, last.error?.kind]).toEqual([1, 'turn.failed', 'BROKEN_STREAM']);
    expect(last.error?.message).toBe('local stopped sending for 0.5 seconds.');
    expect(last.error?.hint).toContain('silence_timeout_seconds in [providers.local]');
    expect(lines.filter(({ type }) => type === 'cutoff')).toHaveLength(3);
    expect(await stored(home)).toEqual(['user: hello']);
    await ends(home);
  });
});

describe('a server that cannot be reached', () => {
  /** An address on which nothing listens. */
  async function deadAddress(): Promise<{ url: string; port: number }> {
    const server = await ProviderServer.start();
    const url = server.baseUrl;
    await server.stop();
    return { url, port: Number(new URL(url).port) };
  }

  async function comesUp(port: number): Promise<ProviderServer> {
    const server = await ProviderServer.start(port);
    onTestFinished(() => server.stop());
    server.answer = (socket) => socket.end(WHOLE_REPLY);
    return server;
  }

  test('makes the prompt wait; it is delivered when the server comes up, also by another daemon', async () => {
    const { url, port } = await deadAddress();
    const home = homeOf(url);
    const { code, lines, last } = await run(home, '--timeout', '1', 'hello');
    expect(code).toBe(75);
    expect(last).toMatchObject({ type: 'turn.interrupted', reason: 'queued', turn: 1 });
    const waiting = firstOf(lines, 'turn.waiting');
    expect(waiting).toMatchObject({ waitingFor: 'backend', error: { kind: 'UNREACHABLE' } });
    expect(waiting.error?.message).toContain(
      `local (${url}) cannot be reached: the connection was refused (ECONNREFUSED)`,
    );
    expect(waiting.error?.hint).toContain('base_url of [providers.local]');
    expect((await onlySession(home))['status']).toBe('waiting');

    home.signalDaemons('SIGKILL');
    await waitUntil('the daemon is gone', () => home.daemonPids().length === 0);
    expect((await onlySession(home))['status']).toBe('waiting');
    const server = await comesUp(port);
    // Its key is lent again by whoever comes; mctl was the first one after the crash.
    await waitUntil('the prompt is delivered', async () => (await onlySession(home))['status'] === 'idle', 20_000);
    expect(await stored(home)).toEqual(['user: hello', `assistant: ${REPLY}`]);
    expect(server.requests).toHaveLength(1);
    await ends(home);
  });
});
