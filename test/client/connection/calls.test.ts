import { expect, test } from 'vitest';
import type { ConnectionStatus } from '../../../client/connection/api.ts';
import { ProtocolError } from '../../../protocol/errors.ts';
import { OpId } from '../../../protocol/primitives.ts';
import { connectedPair } from './support/client.ts';
import { rejection } from './support/rejection.ts';
import { NO_ANSWER } from './support/fake-daemon.ts';
import { until } from './support/scratch.ts';

const SESSION = '01JZ0000000000000000000000';

test('a call is answered with the result', async () => {
  const { client, daemon } = await connectedPair();
  daemon.answers['session/get'] = ({ params }) => ({ session: { id: params['sessionId'] } });
  expect(await client.call('session/get', { sessionId: SESSION })).toEqual({ session: { id: SESSION } });
});

test('an error keeps its kind, hint and trace', async () => {
  const { client, daemon } = await connectedPair();
  daemon.answers['session/get'] = () => {
    throw new ProtocolError('NOT_FOUND', 'no such session', { hint: 'list them', traceId: 't1' });
  };
  const error = await rejection(client.call('session/get', { sessionId: SESSION }));
  expect(error).toBeInstanceOf(ProtocolError);
  expect(error).toMatchObject({ kind: 'NOT_FOUND', message: 'no such session', hint: 'list them', traceId: 't1' });
});

test('calls that lose their connection are sent again with the same parameters and are answered once', async () => {
  const { client, daemon } = await connectedPair();
  const states: ConnectionStatus['state'][] = [];
  client.onStatus(({ state }) => states.push(state));
  daemon.answers['session/rename'] = ({ params }) =>
    daemon.connections < 3 ? NO_ANSWER : { session: { title: params['title'] } };
  const opIds = [client.newOpId(), client.newOpId()];
  const calls = opIds.map((opId, index) =>
    client.call('session/rename', { opId, sessionId: SESSION, title: `t${index}` }),
  );
  for (const connection of [1, 2]) {
    await until(() => daemon.asked.length === connection * 2, `requests on connection ${connection}`);
    daemon.cut();
  }
  expect(await Promise.all(calls)).toEqual([{ session: { title: 't0' } }, { session: { title: 't1' } }]);
  const sent = opIds.map((opId) => daemon.asked.filter(({ params }) => params['opId'] === opId).length);
  expect(sent).toEqual([3, 3]);
  expect(states).toEqual(['reconnecting', 'connected', 'reconnecting', 'connected']);
});

test('a call that comes while the daemon is away waits for it', async () => {
  const { client, daemon, place } = await connectedPair();
  await daemon.stop();
  const called = client.call('session/get', { sessionId: SESSION });
  const { FakeDaemon } = await import('./support/fake-daemon.ts');
  const next = await FakeDaemon.listen(place.locations);
  next.answers['session/get'] = () => ({ session: 's' });
  expect(await called).toEqual({ session: 's' });
});

test('a method that must not be repeated is rejected when its answer is lost', async () => {
  const { client, daemon } = await connectedPair();
  daemon.answers['history/add'] = () => NO_ANSWER;
  const called = client.call('history/add', { line: 'x' });
  await until(() => daemon.asked.length === 1, 'the request');
  daemon.cut();
  expect(await rejection(called)).toMatchObject({ kind: 'DAEMON_UNAVAILABLE' });
  await client.call('daemon/status', {});
  expect(daemon.methods()).toEqual(['history/add', 'daemon/status']);
});

test.each(['DRAINING', 'OVERLOADED'] as const)('%s is waited out as long as the daemon asks for', async (kind) => {
  const { client, daemon } = await connectedPair();
  const times: number[] = [];
  daemon.answers['session/get'] = () => {
    times.push(performance.now());
    if (times.length < 3) throw new ProtocolError(kind, 'later', { retryable: true, retryAfterMs: 150 });
    return { session: 's' };
  };
  expect(await client.call('session/get', { sessionId: SESSION })).toEqual({ session: 's' });
  const [first = 0, second = 0, third = 0] = times;
  expect(Math.min(second - first, third - second)).toBeGreaterThanOrEqual(149);
});

test('an error that is not worth repeating is not repeated, whatever it says of itself', async () => {
  const { client, daemon } = await connectedPair();
  daemon.answers['session/get'] = () => {
    throw new ProtocolError('DRAINING', 'for good', { retryable: false });
  };
  expect(await rejection(client.call('session/get', { sessionId: SESSION }))).toMatchObject({ message: 'for good' });
  daemon.answers['session/get'] = () => {
    throw new ProtocolError('STORAGE_FULL', 'full', { retryable: true });
  };
  expect(await rejection(client.call('session/get', { sessionId: SESSION }))).toMatchObject({ kind: 'STORAGE_FULL' });
  expect(daemon.asked).toHaveLength(2);
});

test('an abort rejects at once and tells the daemon which request is meant', async () => {
  const { client, daemon } = await connectedPair();
  daemon.answers['session/verify'] = () => NO_ANSWER;
  const abort = new AbortController();
  const called = client.call('session/verify', { sessionId: SESSION }, { signal: abort.signal });
  await until(() => daemon.asked.length === 1, 'the request');
  abort.abort(new Error('enough'));
  expect(await rejection(called)).toMatchObject({ kind: 'CANCELLED', cause: new Error('enough') });
  await until(() => daemon.noticed.length === 1, 'the cancellation');
  expect(daemon.noticed).toEqual([{ method: '$/cancelRequest', params: { id: daemon.asked[0]?.id } }]);
  const late = daemon.asked[0];
  if (late !== undefined) daemon.reply(late, {});
  await client.call('daemon/status', {});
});

test('a call whose signal has fired already is never sent', async () => {
  const { client, daemon } = await connectedPair();
  const called = client.call('daemon/status', {}, { signal: AbortSignal.abort() });
  expect(await rejection(called)).toMatchObject({ kind: 'CANCELLED' });
  await client.call('session/get', { sessionId: SESSION });
  expect(daemon.methods()).toEqual(['session/get']);
});

test('an abort ends the wait for a daemon that is away', async () => {
  const { client, daemon } = await connectedPair();
  await daemon.stop();
  await until(() => daemon.open === 0, 'the end of the connection');
  const abort = new AbortController();
  const called = client.call('daemon/status', {}, { signal: abort.signal });
  setTimeout(() => {
    abort.abort();
  }, 20);
  expect(await rejection(called)).toMatchObject({ kind: 'CANCELLED' });
});

test('a daemon that does not answer is given up at the deadline, and told so', async () => {
  const { client, daemon } = await connectedPair();
  daemon.answers['session/get'] = () => NO_ANSWER;
  const begun = performance.now();
  const error = await rejection(client.call('session/get', { sessionId: SESSION }, { deadlineMs: 120 }));
  expect(error).toMatchObject({ kind: 'DEADLINE', retryable: true });
  expect(performance.now() - begun).toBeGreaterThanOrEqual(119);
  await until(() => daemon.noticed.length === 1, 'the cancellation');
});

test('the deadline holds over reconnects, and says that the daemon was away', async () => {
  const { client, daemon } = await connectedPair();
  await daemon.stop();
  await until(() => daemon.open === 0, 'the end of the connection');
  const error = await rejection(client.call('daemon/status', {}, { deadlineMs: 300 }));
  expect(error).toMatchObject({ kind: 'DAEMON_UNAVAILABLE', hint: expect.stringContaining('mctl doctor') as unknown });
});

test('the deadline holds while the daemon asks to come back later', async () => {
  const { client, daemon } = await connectedPair();
  daemon.answers['session/get'] = () => {
    throw new ProtocolError('OVERLOADED', 'full', { retryable: true, retryAfterMs: 100 });
  };
  const error = await rejection(client.call('session/get', { sessionId: SESSION }, { deadlineMs: 350 }));
  expect(error).toMatchObject({ kind: 'DEADLINE' });
  expect(daemon.asked.length).toBeGreaterThan(1);
});

test('closing rejects what is open and what comes later, and ends the connection', async () => {
  const { client, daemon } = await connectedPair();
  const states: ConnectionStatus[] = [];
  client.onStatus((status) => states.push(status));
  daemon.answers['session/get'] = () => NO_ANSWER;
  const open = rejection(client.call('session/get', { sessionId: SESSION }));
  await until(() => daemon.asked.length === 1, 'the request');
  await client.close();
  expect(await open).toMatchObject({ kind: 'CANCELLED', message: 'the client was closed' });
  expect(await rejection(client.call('daemon/status', {}))).toMatchObject({ kind: 'CANCELLED' });
  await until(() => daemon.open === 0, 'the end of the connection');
  expect(states).toEqual([{ state: 'closed', reason: 'the client was closed' }]);
});

test('what can never succeed ends the line: every call says why', async () => {
  const { client, daemon } = await connectedPair();
  daemon.answers['initialize'] = () => {
    throw new ProtocolError('VERSION_MISMATCH', 'this client is older', { hint: 'use the newer m' });
  };
  const closed = new Promise<ConnectionStatus>((resolve) => {
    client.onStatus((status) => {
      if (status.state === 'closed') resolve(status);
    });
  });
  daemon.cut();
  expect(await closed).toEqual({ state: 'closed', reason: 'this client is older' });
  expect(await rejection(client.call('daemon/status', {}))).toMatchObject({
    kind: 'VERSION_MISMATCH',
    hint: 'use the newer m',
  });
});

test('a subscription to the state of the connection can be ended', async () => {
  const { client, daemon } = await connectedPair();
  const states: string[] = [];
  client.onStatus(({ state }) => states.push(state))();
  daemon.cut();
  await client.call('daemon/status', {});
  expect(states).toEqual([]);
});

test('keys of the environment are offered before anything else, on every connection, and only those asked for', async () => {
  const { client, daemon } = await connectedPair(
    (fake) => {
      fake.greeting = { keyVariables: ['MY_KEY', 'UNSET', 'EMPTY'] };
    },
    {},
    { MY_KEY: 'k-1', OTHER: 'x', EMPTY: '' },
  );
  await client.call('daemon/status', {});
  daemon.cut();
  await client.call('daemon/status', {});
  await client.call('daemon/status', {});
  const asked = daemon.asked.filter(({ connection }) => connection === 2);
  for (const requests of [daemon.asked, asked]) {
    expect(requests[0]).toMatchObject({ method: 'provider/offer-keys', params: { keys: { MY_KEY: 'k-1' } } });
    expect(requests[1]?.method).toBe('daemon/status');
  }
});

test('a daemon that refuses the offered keys serves all the same', async () => {
  const told: string[] = [];
  const { client } = await connectedPair(
    (fake) => {
      fake.greeting = { keyVariables: ['PATH'] };
      fake.answers['provider/offer-keys'] = () => {
        throw new ProtocolError('INVALID_PARAMS', 'too long');
      };
    },
    { onProgress: (sentence) => told.push(sentence) },
  );
  await client.call('daemon/status', {});
  expect(told).toEqual([expect.stringContaining('too long')]);
});

test('operation ids are ULIDs in the order of their making', async () => {
  const { client } = await connectedPair();
  const ids = Array.from({ length: 1_000 }, () => client.newOpId());
  expect(ids.every((id) => OpId.safeParse(id).success)).toBe(true);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.every((id, index) => index === 0 || id > (ids[index - 1] ?? ''))).toBe(true);
});

test('a daemon that could not yet say which keys it needs is asked again before anything else is', async () => {
  const { client, daemon } = await connectedPair(
    (fake) => {
      fake.greeting = { store: null };
      fake.answers['provider/offer-keys'] = () => ({});
    },
    {},
    { MY_KEY: 'k-1' },
  );
  daemon.greeting = { store: { id: 's', generation: 'g7' }, keyVariables: ['MY_KEY'] };
  await client.call('session/get', { sessionId: SESSION });
  expect(daemon.hellos).toHaveLength(2);
  expect(daemon.methods()).toEqual(['provider/offer-keys', 'session/get']);
  expect(client.daemon.store).toEqual({ id: 's', generation: 'g7' });
});

test('what concerns the daemon itself does not wait until it can serve the rest', async () => {
  const { client, daemon } = await connectedPair((fake) => {
    fake.greeting = { store: null };
    fake.answers['initialize'] = () => (fake.hellos.length > 1 ? NO_ANSWER : fake.defaultGreeting());
  });
  daemon.answers['daemon/status'] = () => ({ running: true });
  expect(await client.call('daemon/status', {})).toEqual({ running: true });
  expect(await rejection(client.call('session/get', { sessionId: SESSION }, { deadlineMs: 100 }))).toMatchObject({
    kind: 'DAEMON_UNAVAILABLE',
  });
  expect(daemon.methods()).toEqual(['daemon/status']);
});

test('a call that is too large for a frame is refused here and harms no other call', async () => {
  const { client, daemon } = await connectedPair();
  daemon.answers['session/get'] = () => NO_ANSWER;
  const other = client.call('session/get', { sessionId: SESSION });
  await until(() => daemon.asked.length === 1, 'the other request');
  const error = await rejection(
    client.call('history/list', { limit: 'x'.repeat(17 * 1024 * 1024) as unknown as number }),
  );
  expect(error).toMatchObject({ kind: 'INVALID_PARAMS', hint: 'Send less at once.' });
  const [asked] = daemon.asked;
  if (asked !== undefined) daemon.reply(asked, { session: 's' });
  expect(await other).toEqual({ session: 's' });
  expect(daemon.connections).toBe(1);
});
