import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Exchange } from '../../../daemon/agent/exchange.ts';
import { chunk, ProviderServer, STREAM_HEAD, until } from './support/provider-server.ts';

const LIMITS = { connectTimeoutMs: 2000, firstByteTimeoutMs: 2000, silenceTimeoutMs: 2000, totalTimeoutMs: 5000 };
let server: ProviderServer;

beforeEach(async () => {
  server = await ProviderServer.start();
});
afterEach(async () => {
  await server.stop();
});

describe('an exchange', () => {
  test('in which the server only shows signs of life ends at the limit for the whole reply', async () => {
    server.answer = (socket) => {
      socket.write(STREAM_HEAD);
      const timer = setInterval(() => socket.write(chunk(': still here\n\n')), 10);
      socket.on('close', () => clearInterval(timer));
    };
    const exchange = new Exchange({ ...LIMITS, totalTimeoutMs: 200 }, new AbortController().signal);
    const answer = await exchange.fetch(`${server.baseUrl}/chat/completions`, { method: 'POST', body: '{}' });
    await answer.text();
    expect(exchange.fault).toEqual({ kind: 'total-timeout', afterMs: 200 });
    await until(() => server.connections === 0, 'the connection is closed');
  });

  test('that was cut before anybody read it harms nobody', async () => {
    server.answer = (socket) => socket.write(STREAM_HEAD, () => setTimeout(() => socket.resetAndDestroy(), 20));
    const exchange = new Exchange(LIMITS, new AbortController().signal);
    const answer = await exchange.fetch(server.baseUrl);
    await until(() => server.connections === 0, 'the connection is reset');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await answer.text()).toBe('');
    expect(exchange.fault?.kind).toBe('cut');
  });

  test('leaves out headers that are empty, and says when a good answer has begun', async () => {
    server.answer = (socket) => socket.end(`${STREAM_HEAD}0\r\n\r\n`);
    const exchange = new Exchange(LIMITS, new AbortController().signal);
    expect(exchange.hasAnswered).toBe(false);
    await exchange.fetch(server.baseUrl, { headers: { 'x-api-key': '', 'x-title': 'tests' } });
    expect(exchange.hasAnswered).toBe(true);
    expect(server.requests[0]?.head.toLowerCase()).not.toContain('x-api-key');
    expect(server.requests[0]?.head.toLowerCase()).toContain('x-title: tests');
    exchange.close();
  });
});
