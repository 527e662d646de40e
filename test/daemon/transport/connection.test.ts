/** A connection from its first byte to its last, on a real socket, around a desk and a router of the test. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ClientPort } from '../../../daemon/services/client-port.ts';
import { openConnection } from '../../../daemon/transport/connection.ts';
import { Router } from '../../../daemon/transport/router.ts';
import type { RequestContext, ServiceRoutes } from '../../../daemon/transport/routes.ts';
import { SocketServer, type SocketServerOptions } from '../../../daemon/transport/socket-server.ts';
import { ProtocolError } from '../../../protocol/errors.ts';
import { encodeFrame } from '../../../protocol/frame.ts';
import { waitFor } from '../../support/daemon-process.ts';
import { RawClient, helloParams } from '../../support/raw-client.ts';

let directory: string;
let path: string;
let server: Server;
let connections: SocketServer;
const clients: ClientPort[] = [];
const signals: AbortSignal[] = [];
let loads = 0;
let refusal: ProtocolError | undefined;

const desk = {
  hello: () => {
    if (refusal !== undefined) throw refusal;
    return { protocol: 1, store: null } as never;
  },
  answer: (method: string) => Promise.resolve({ desk: method }),
};

const routes = {
  'history/list': async () => ({ lines: ['x'] }),
  'session/verify': (_params: unknown, { signal }: RequestContext) =>
    new Promise((_resolve, reject) => {
      signals.push(signal);
      signal.addEventListener('abort', () => {
        reject(signal.reason as Error);
      });
    }),
} as unknown as ServiceRoutes;

async function listen(options: Partial<SocketServerOptions> = {}): Promise<void> {
  const report = (): string => 'trace';
  const router = new Router({
    routes,
    desk,
    phase: () => 'serving',
    requireKey: () => Promise.resolve(),
    report,
    validateResults: true,
  });
  connections = new SocketServer({
    desk,
    report,
    helloDeadlineMs: 300,
    maxConnections: 100,
    loadConnector: async () => {
      loads += 1;
      return (greeted, id) => {
        openConnection(greeted, id, router, (client) => clients.push(client));
      };
    },
    ...options,
  });
  server = createServer(connections.accept);
  await new Promise<void>((resolve) => server.listen(path, resolve));
}

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'mc'));
  path = join(directory, 's');
  clients.length = 0;
  signals.length = 0;
  loads = 0;
  refusal = undefined;
});

afterEach(async () => {
  await connections.closeAll();
  await new Promise((resolve) => server.close(resolve));
  rmSync(directory, { recursive: true, force: true });
});

describe('the greeter', () => {
  test('answers the handshake and the desk’s methods without a connection', async () => {
    await listen();
    const client = await RawClient.greeted(path);
    expect((await client.request('daemon/status', {})).result).toEqual({ desk: 'daemon/status' });
    expect(clients).toEqual([]);
    expect(loads).toBe(1);
  });

  test('hands on what came in one piece with the handshake', async () => {
    await listen();
    const client = await RawClient.connect(path);
    const message = (id: number, method: string, params: object): Buffer =>
      encodeFrame(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    const all = Buffer.concat([
      message(1, 'initialize', helloParams()),
      message(2, 'daemon/status', {}),
      message(3, 'history/list', {}),
      message(4, 'daemon/status', {}),
      message(5, 'history/list', {}),
    ]);
    // In two pieces that cut a frame in half.
    client.sendBytes(all.subarray(0, all.length - 40));
    await new Promise((resolve) => setTimeout(resolve, 30));
    client.sendBytes(all.subarray(all.length - 40));
    for (const id of [1, 2, 3, 4, 5]) expect((await client.answerTo(id)).result).toBeDefined();
    expect(clients).toHaveLength(1);
    expect(clients[0]).toMatchObject({ id: 1, kind: 'other', timeZone: 'Europe/Berlin', keyWish: {} });
  });

  test('serves byte by byte', async () => {
    await listen();
    const client = await RawClient.connect(path);
    const bytes = encodeFrame(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params: helloParams() }));
    for (const byte of bytes) {
      client.sendBytes(Buffer.from([byte]));
      await new Promise(setImmediate);
    }
    expect((await client.answerTo(1)).result).toBeDefined();
  });

  test('lets the handshake be repeated on an open connection, for facts that came later', async () => {
    await listen();
    const client = await RawClient.greeted(path);
    await client.request('history/list', {});
    expect((await client.request('initialize', helloParams())).result).toEqual({ protocol: 1, store: null });
  });

  test('turns away whom the desk refuses, and closes', async () => {
    await listen();
    refusal = new ProtocolError('DRAINING', 'leaving', { retryable: true });
    const client = await RawClient.connect(path);
    expect((await client.request('initialize', helloParams())).error?.data).toMatchObject({ kind: 'DRAINING' });
    await client.closed;
  });

  test('tells those who are too many, and serves again when there is room', async () => {
    await listen({ maxConnections: 3 });
    const served = await Promise.all([1, 2, 3].map(() => RawClient.greeted(path)));
    const fourth = await RawClient.connect(path);
    expect((await fourth.request('initialize', helloParams())).error?.data).toMatchObject({
      kind: 'OVERLOADED',
      retryable: true,
    });
    await fourth.closed;
    served[0]?.close();
    await waitFor('room', () => connections.count === 2);
    await RawClient.greeted(path);
  });

  test('does not hold a crowd that says nothing', async () => {
    await listen({ maxConnections: 2 });
    const crowd = await Promise.all(Array.from({ length: 100 }, () => RawClient.connect(path)));
    await Promise.all(crowd.map((client) => client.closed));
    await waitFor('the crowd to be gone', () => connections.count === 0);
  });

  test('closes a greeted connection when what it needs cannot be loaded', async () => {
    await listen({ loadConnector: () => Promise.reject(new Error('no daemon')) });
    const client = await RawClient.greeted(path);
    client.start('history/list', {});
    await client.closed;
  });
});

describe('a connection', () => {
  test('cancels by `$/cancelRequest` and abandons what only reads when the client leaves', async () => {
    await listen();
    const client = await RawClient.greeted(path);
    const first = client.start('session/verify', { sessionId: '01ARZ3NDEKTSV4RRFFQ69G5FAV' });
    await waitFor('the request', () => signals.length === 1);
    client.send({ jsonrpc: '2.0', method: '$/cancelRequest', params: { id: first } });
    expect((await client.answerTo(first)).error).toMatchObject({ code: -32800, data: { kind: 'CANCELLED' } });
    client.start('session/verify', { sessionId: '01ARZ3NDEKTSV4RRFFQ69G5FAV' });
    await waitFor('the second request', () => signals.length === 2);
    client.close();
    await waitFor('the signal', () => signals[1]?.aborted === true);
  });

  test('ignores notifications it does not know and answers nobody asked for', async () => {
    await listen();
    const client = await RawClient.greeted(path);
    client.send({ jsonrpc: '2.0', method: 'event', params: {} });
    client.send({ jsonrpc: '2.0', method: '$/cancelRequest', params: { id: 999 } });
    client.send({ jsonrpc: '2.0', id: 12, result: {} });
    expect((await client.request('history/list', {})).result).toEqual({ lines: ['x'] });
  });

  test('refuses a cancellation that names nothing, and goes on', async () => {
    await listen();
    const client = await RawClient.greeted(path);
    await client.request('history/list', {});
    client.send({ jsonrpc: '2.0', method: '$/cancelRequest' });
    expect((await client.request('history/list', {})).result).toEqual({ lines: ['x'] });
    expect(client.messages).toContainEqual(
      expect.objectContaining({ id: null, error: expect.objectContaining({ code: -32600 }) }),
    );
  });

  test('pushes frames, reports a slow reader, and tells when it caught up or left', async () => {
    await listen();
    const client = await RawClient.greeted(path);
    await client.request('history/list', {});
    const [port] = clients;
    if (port === undefined) throw new Error('no client');
    const events: string[] = [];
    port.onDrain(() => events.push('drain'));
    port.onClose(() => events.push('close'));
    const frame = encodeFrame(
      JSON.stringify({ jsonrpc: '2.0', method: 'event', params: { text: 'x'.repeat(50_000) } }),
    );
    client.socket.pause();
    let sent = 0;
    while (port.sendFrame(frame)) sent += 1;
    expect(port.unsentBytes).toBeGreaterThan(0);
    client.socket.resume();
    await waitFor('the drain', () => events.includes('drain'));
    expect(port.unsentBytes).toBe(0);
    await waitFor('the frames', () => client.messages.filter(({ method }) => method === 'event').length === sent + 1);
    client.close();
    await waitFor('the end', () => events.includes('close'));
    expect(port.sendFrame(frame)).toBe(false);
    expect(port.unsentBytes).toBe(0);
    let late = false;
    port.onClose(() => (late = true));
    await Promise.resolve();
    expect(late).toBe(true);
  });

  test('is ended by us', async () => {
    await listen();
    const client = await RawClient.greeted(path);
    await client.request('history/list', {});
    clients[0]?.disconnect();
    await client.closed;
    await waitFor('the count', () => connections.count === 0);
  });

  test('sends its last answer when everything is closed', async () => {
    await listen();
    const client = await RawClient.greeted(path);
    client.start('history/list', {});
    await waitFor('the client', () => clients.length === 1);
    const big = encodeFrame(
      JSON.stringify({ jsonrpc: '2.0', method: 'event', params: { text: 'y'.repeat(2_000_000) } }),
    );
    clients[0]?.sendFrame(big);
    await connections.closeAll();
    await client.next(({ method }) => method === 'event');
    expect(await client.closed).toBeUndefined();
  });
});
