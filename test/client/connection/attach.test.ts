import { expect, test } from 'vitest';
import type { AttachHandlers } from '../../../client/connection/api.ts';
import { ProtocolError } from '../../../protocol/errors.ts';
import { connectedPair } from './support/client.ts';
import { rejection } from './support/rejection.ts';
import { NO_ANSWER, type FakeDaemon } from './support/fake-daemon.ts';
import { until } from './support/scratch.ts';

const SESSION = '01JZ0000000000000000000000';
const OTHER = '01JZ0000000000000000000001';

interface Seen {
  readonly handlers: AttachHandlers;
  /** What the handlers were told, in order. */
  readonly log: string[];
}

function recorder(): Seen {
  const log: string[] = [];
  const handlers: AttachHandlers = {
    opened: ({ events, live }) => log.push(`opened [${events.map(({ seq }) => seq).join(' ')}] ${live?.text ?? '-'}`),
    resumed: ({ live, unsaved }) => log.push(`resumed ${live?.text ?? '-'} ${unsaved ?? '-'}`),
    event: ({ type, seq }) => log.push(`${type} ${seq}`),
    ended: (reason) => log.push(`ended ${reason}`),
  };
  return { log, handlers };
}

function event(seq: number, type = 'message', more: object = {}): object {
  return {
    sessionId: SESSION,
    generation: 'g1',
    seq,
    type,
    turn: 1,
    at: '2025-01-01T00:00:00.000Z',
    data: {},
    ...more,
  };
}

function attachResult(seq: number, more: object = {}): object {
  return {
    session: { id: SESSION },
    cursor: { generation: 'g1', seq },
    events: seq === 0 ? [] : [event(seq)],
    live: null,
    queue: [],
    unsaved: null,
    ...more,
  };
}

function attachParams(daemon: FakeDaemon): unknown[] {
  return daemon.asked.filter(({ method }) => method === 'session/attach').map(({ params }) => params);
}

test('an attached session is opened with its newest events and followed from there', async () => {
  const { client, daemon } = await connectedPair();
  daemon.answers['session/attach'] = () =>
    attachResult(5, { live: { turn: 1, step: 0, text: 'so far', reasoning: '' } });
  const { log, handlers } = recorder();
  const attachment = await client.attach(SESSION, handlers, { tail: 3 });
  expect(attachParams(daemon)).toEqual([{ sessionId: SESSION, tail: 3 }]);
  expect(log).toEqual(['opened [5] so far']);
  expect(attachment.cursor).toEqual({ generation: 'g1', seq: 5 });
  for (const frame of [event(5, 'delta'), event(6), event(6, 'delta'), event(7, 'turn')]) daemon.notify('event', frame);
  await until(() => log.length === 5, 'four events');
  expect(log.slice(1)).toEqual(['delta 5', 'message 6', 'delta 6', 'turn 7']);
  expect(attachment.cursor.seq).toBe(7);
});

test('after a reconnect the stream goes on behind the last event, and nothing comes twice', async () => {
  const { client, daemon } = await connectedPair();
  daemon.answers['session/attach'] = ({ params }) =>
    params['after'] === undefined ? attachResult(1) : attachResult(9, { events: [], unsaved: 'disk full' });
  const { log, handlers } = recorder();
  const attachment = await client.attach(SESSION, handlers);
  daemon.notify('event', event(2));
  daemon.notify('event', event(3));
  await until(() => log.length === 3, 'two events');
  daemon.cut();
  await until(() => log.length === 4, 'the resumption');
  for (const seq of [2, 3, 4, 4, 3, 5]) daemon.notify('event', event(seq));
  await until(() => log.at(-1) === 'message 5', 'the newest event');
  expect(log).toEqual(['opened [1] -', 'message 2', 'message 3', 'resumed - disk full', 'message 4', 'message 5']);
  expect(attachParams(daemon)).toEqual([
    { sessionId: SESSION },
    { sessionId: SESSION, after: { generation: 'g1', seq: 3 } },
  ]);
  expect(attachment.cursor.seq).toBe(5);
});

test('events that overtake the answer are delivered behind it, once', async () => {
  const { client, daemon } = await connectedPair();
  daemon.answers['session/attach'] = () => {
    for (const seq of [4, 5, 6]) daemon.notify('event', event(seq));
    return attachResult(5);
  };
  const { log, handlers } = recorder();
  await client.attach(SESSION, handlers);
  expect(log).toEqual(['opened [5] -', 'message 6']);
});

test('an attach from a cursor is opened without events and gets everything behind it', async () => {
  const { client, daemon } = await connectedPair();
  daemon.answers['session/attach'] = () => attachResult(9, { events: [] });
  const { log, handlers } = recorder();
  const attachment = await client.attach(SESSION, handlers, { after: { generation: 'g1', seq: 7 } });
  expect(attachment.cursor.seq).toBe(7);
  daemon.notify('event', event(8));
  await until(() => log.length === 2, 'an event');
  expect(log).toEqual(['opened [] -', 'message 8']);
});

test('a cursor that means nothing any more leads to a new opening', async () => {
  const { client, daemon } = await connectedPair();
  daemon.answers['session/attach'] = () => attachResult(8);
  const { log, handlers } = recorder();
  const attachment = await client.attach(SESSION, handlers, { tail: 2 });
  daemon.answers['session/attach'] = ({ params }) => {
    if (params['after'] !== undefined) throw new ProtocolError('CURSOR_GONE', 'another store');
    return attachResult(2, { cursor: { generation: 'g2', seq: 2 }, events: [] });
  };
  daemon.cut();
  await until(() => log.length === 2, 'the second opening');
  daemon.notify('event', event(9));
  daemon.notify('event', event(3, 'message', { generation: 'g2' }));
  await until(() => log.length === 3, 'an event of the new store');
  expect(log).toEqual(['opened [8] -', 'opened [] -', 'message 3']);
  expect(attachParams(daemon).at(-1)).toEqual({ sessionId: SESSION, tail: 2 });
  expect(attachment.cursor).toEqual({ generation: 'g2', seq: 3 });
});

test('a session that does not exist cannot be attached to', async () => {
  const { client, daemon } = await connectedPair();
  daemon.answers['session/attach'] = () => {
    throw new ProtocolError('NOT_FOUND', 'no such session');
  };
  const { log, handlers } = recorder();
  expect(await rejection(client.attach(SESSION, handlers))).toMatchObject({ kind: 'NOT_FOUND' });
  expect(log).toEqual([]);
  daemon.answers['session/attach'] = () => attachResult(0);
  await client.attach(SESSION, handlers);
});

test('an attach that meets a leaving daemon is completed on the next connection', async () => {
  const { client, daemon } = await connectedPair();
  daemon.answers['session/attach'] = ({ connection }) => {
    if (connection === 1) throw new ProtocolError('DRAINING', 'leaving', { retryable: true });
    return attachResult(1);
  };
  const { log, handlers } = recorder();
  const attached = client.attach(SESSION, handlers);
  await until(() => daemon.asked.length >= 2, 'a repeated request');
  daemon.cut();
  await attached;
  expect(log).toEqual(['opened [1] -']);
});

test('a session that is deleted ends the stream for good', async () => {
  const { client, daemon } = await connectedPair();
  daemon.answers['session/attach'] = () => attachResult(1);
  const { log, handlers } = recorder();
  await client.attach(SESSION, handlers);
  daemon.notify('event', event(1, 'deleted'));
  daemon.notify('event', event(2));
  await until(() => log.length >= 3, 'the end');
  daemon.cut();
  await client.call('daemon/status', {});
  expect(log).toEqual(['opened [1] -', 'deleted 1', 'ended the session was deleted']);
  expect(attachParams(daemon)).toHaveLength(1);
});

test('a session that has gone during a reconnect ends the stream; a key that is missing does not', async () => {
  const { client, daemon } = await connectedPair();
  daemon.answers['session/attach'] = () => attachResult(1);
  const { log, handlers } = recorder();
  await client.attach(SESSION, handlers);
  let locked = 2;
  daemon.answers['session/attach'] = () => {
    locked -= 1;
    if (locked >= 0) throw new ProtocolError('KEY_LOCKED', 'locked');
    return attachResult(1, { events: [] });
  };
  daemon.cut();
  await until(() => log.length === 2, 'the resumption');
  daemon.answers['session/attach'] = () => {
    throw new ProtocolError('NOT_FOUND', 'no such session');
  };
  daemon.cut();
  await until(() => log.length === 3, 'the end');
  expect(log).toEqual(['opened [1] -', 'resumed - -', 'ended no such session']);
});

test('detaching stops the events and tells the daemon, and the session can be attached to again', async () => {
  const { client, daemon } = await connectedPair();
  daemon.answers['session/attach'] = () => attachResult(1);
  const { log, handlers } = recorder();
  const attachment = await client.attach(SESSION, handlers);
  await attachment.detach();
  await attachment.detach();
  expect(daemon.methods()).toEqual(['session/attach', 'session/detach']);
  daemon.notify('event', event(2));
  await client.call('daemon/status', {});
  await client.attach(SESSION, handlers);
  expect(log).toEqual(['opened [1] -', 'opened [1] -']);
});

test('detaching while the daemon is away is done at once', async () => {
  const { client, daemon } = await connectedPair();
  daemon.answers['session/attach'] = () => attachResult(1);
  const { log, handlers } = recorder();
  const attachment = await client.attach(SESSION, handlers);
  await daemon.stop();
  await attachment.detach();
  expect(log).toEqual(['opened [1] -']);
});

test('a session can be followed once per client', async () => {
  const { client, daemon } = await connectedPair();
  daemon.answers['session/attach'] = () => attachResult(1);
  await client.attach(SESSION, recorder().handlers);
  expect(await rejection(client.attach(SESSION, recorder().handlers))).toMatchObject({ kind: 'CONFLICT' });
});

test('two sessions are followed apart from each other', async () => {
  const { client, daemon } = await connectedPair();
  daemon.answers['session/attach'] = () => attachResult(0);
  const [one, two] = [recorder(), recorder()];
  await client.attach(SESSION, one.handlers);
  await client.attach(OTHER, two.handlers);
  daemon.notify('event', event(1));
  daemon.notify('event', event(1, 'turn', { sessionId: OTHER }));
  await until(() => two.log.length === 2, 'the second event');
  expect(one.log).toEqual(['opened [] -', 'message 1']);
  expect(two.log).toEqual(['opened [] -', 'turn 1']);
});

test('closing the client ends every stream and every wait for one', async () => {
  const { client, daemon } = await connectedPair();
  daemon.answers['session/attach'] = ({ params }) => (params['sessionId'] === SESSION ? attachResult(0) : NO_ANSWER);
  const { log, handlers } = recorder();
  await client.attach(SESSION, handlers);
  const waiting = rejection(client.attach(OTHER, recorder().handlers));
  await until(() => daemon.asked.length === 2, 'both requests');
  await client.close();
  expect(log).toEqual(['opened [] -', 'ended the client was closed']);
  expect(await waiting).toMatchObject({ kind: 'CANCELLED' });
});

test('a handler that throws breaks nothing of the stream and is not silenced', async () => {
  const { client, daemon } = await connectedPair();
  daemon.answers['session/attach'] = () => attachResult(0);
  const { log, handlers } = recorder();
  const uncaught: unknown[] = [];
  const others = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException').on('uncaughtException', (error) => uncaught.push(error));
  try {
    await client.attach(SESSION, {
      ...handlers,
      event: (one) => {
        handlers.event(one);
        if (one.seq === 1) throw new Error('defect of the frontend');
      },
    });
    daemon.notify('event', event(1));
    daemon.notify('event', event(2));
    await until(() => log.length === 3, 'both events');
  } finally {
    process.removeAllListeners('uncaughtException');
    for (const listener of others) process.on('uncaughtException', listener);
  }
  expect(uncaught).toEqual([new Error('defect of the frontend')]);
});

test('a long stream over many lost connections has no gap and no duplicate', async () => {
  const { client, daemon } = await connectedPair();
  const last = 400;
  let written = 0;
  const seen: number[] = [];
  const { handlers } = recorder();
  daemon.answers['session/attach'] = ({ params }, fake) => {
    const after = (params['after'] as { seq: number } | undefined)?.seq ?? 0;
    queueMicrotask(() => {
      // At least once: some of what the client has already is sent again.
      for (let seq = Math.max(1, after - 3); seq <= written; seq += 1) fake.notify('event', event(seq));
    });
    return attachResult(0, { cursor: { generation: 'g1', seq: after } });
  };
  await client.attach(SESSION, { ...handlers, event: ({ seq }) => seen.push(seq) });
  while (written < last) {
    written += 1;
    daemon.notify('event', event(written));
    if (written % 40 === 0) {
      await until(() => daemon.open > 0, 'a connection');
      daemon.cut();
    }
  }
  await until(() => seen.length >= last, 'every event', 20_000);
  expect(seen).toEqual(Array.from({ length: last }, (_, index) => index + 1));
});
