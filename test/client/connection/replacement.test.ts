import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Client, ConnectOptions } from '../../../client/connection/api.ts';
import { ProtocolError } from '../../../protocol/errors.ts';
import { rejection } from './support/rejection.ts';
import { FakeDaemon } from './support/fake-daemon.ts';
import { endStarted, program, starts } from './support/programs.ts';
import { scratch, until, type Scratch } from './support/scratch.ts';

// This client is a build of its own; what it imports reads these once.
Object.assign(globalThis, { __M_VERSION__: '0.2.0', __M_BUILD__: 'client', __M_BUILT_AT__: 2_000 });
const { connectWith } = await import('../../../client/connection/client.ts');

const OLDER = { version: '0.2.0', id: 'older', builtAt: 1_000 };
const NEWER = { version: '0.3.0', id: 'newer', builtAt: 500 };
const SUCCESSOR = "serve('client', 2_000);";

interface Scene {
  readonly where: Scratch;
  readonly daemon: FakeDaemon;
  /** Command lines of the daemons that were started. */
  readonly launches: () => string[][];
  readonly connect: (options?: Partial<ConnectOptions>) => Promise<Client>;
}

async function scene(build: typeof OLDER, body: string, status: object = {}): Promise<Scene> {
  const where = scratch();
  const daemon = await FakeDaemon.listen(where.locations);
  daemon.greeting = { daemon: { build, pid: process.pid, startedAt: '' } };
  daemon.answers['daemon/status'] = () => ({ runningTurns: 0, waitingTurns: 0, draining: false, ...status });
  const script = program(where, body);
  onTestFinished(() => {
    endStarted(where);
  });
  return {
    where,
    daemon,
    launches: () => starts(where).map(({ argv }) => argv.slice(6)),
    connect: async (options = {}) => {
      const client = await connectWith({ kind: 'other', environment: where.environment, ...options }, script);
      onTestFinished(() => client.close());
      return client;
    },
  };
}

test('an idle daemon of an older build hands over to one of ours', async () => {
  const { daemon, connect, launches } = await scene(OLDER, SUCCESSOR);
  const connecting = connect();
  await until(() => launches().length === 1, 'the successor');
  await daemon.handOver();
  const client = await connecting;
  expect(client.daemon.daemon.build.id).toBe('client');
  expect(launches()[0]).toEqual(['--take-over']);
  expect(daemon.methods()).not.toContain('daemon/shutdown');
});

test('a busy one finishes first, and the person is told why it takes so long', async () => {
  let runningTurns = 2;
  const told: string[] = [];
  const { daemon, connect, launches } = await scene(OLDER, SUCCESSOR);
  daemon.answers['daemon/status'] = () => ({ runningTurns, draining: false });
  const connecting = connect({ onProgress: (sentence) => told.push(sentence) });
  await until(() => daemon.asked.length >= 3, 'repeated questions');
  expect(launches()).toEqual([]);
  runningTurns = 1;
  await until(() => told.length === 2, 'news');
  runningTurns = 0;
  await until(() => launches().length === 1, 'the successor');
  await daemon.handOver();
  await connecting;
  // A slow machine is told of the start too.
  expect(told.slice(0, 2)).toEqual([
    'the daemon finishes 2 running turns before a newer one takes its place …',
    'the daemon finishes a running turn before a newer one takes its place …',
  ]);
});

test('a busy one is stopped when the person does not want to wait', async () => {
  const { daemon, connect, launches } = await scene(OLDER, SUCCESSOR, { runningTurns: 3 });
  daemon.answers['daemon/shutdown'] = () => {
    setTimeout(() => void daemon.stop(), 20);
    return { stopping: true };
  };
  const client = await connect({ now: true });
  expect(client.daemon.daemon.build.id).toBe('client');
  expect(daemon.asked.at(-1)).toMatchObject({ method: 'daemon/shutdown', params: { mode: 'now' } });
  expect(launches()).toEqual([[]]);
});

test('an admin client uses a busy older daemon as it is', async () => {
  const { connect, launches } = await scene(OLDER, SUCCESSOR, { runningTurns: 1 });
  const client = await connect({ kind: 'mctl' });
  expect(client.daemon.daemon.build).toEqual(OLDER);
  expect(launches()).toEqual([]);
});

test('a daemon of a newer build is used and never stopped', async () => {
  const { daemon, connect, launches } = await scene(NEWER, SUCCESSOR);
  const client = await connect({ now: true });
  expect(client.daemon.daemon.build).toEqual(NEWER);
  expect(daemon.asked).toEqual([]);
  expect(launches()).toEqual([]);
});

test('a client that may not start a daemon does not replace one either', async () => {
  const { connect, launches } = await scene(OLDER, SUCCESSOR);
  const client = await connect({ startDaemon: false });
  expect(client.daemon.daemon.build).toEqual(OLDER);
  expect(launches()).toEqual([]);
});

test('a successor that cannot start says why, and the older daemon stays', async () => {
  const { daemon, connect } = await scene(OLDER, "fail('STORE_TOO_NEW', 'the store is newer', 'update m');");
  expect(await rejection(connect())).toMatchObject({ kind: 'STORE_TOO_NEW', hint: 'update m' });
  await until(() => daemon.open === 0, 'the end of the connection');
});

test('a successor that found the older one busy tries again', async () => {
  const { daemon, connect, launches } = await scene(
    OLDER,
    `
    const count = readFileSync(join(data, 'started'), 'utf8').trim().split('\\n').length;
    if (count === 1) fail('CONFLICT', 'a turn has just begun', '');
    else ${SUCCESSOR}`,
  );
  const connecting = connect();
  await until(() => launches().length === 2, 'the second try');
  await daemon.handOver();
  expect((await connecting).daemon.daemon.build.id).toBe('client');
});

test('what a successor failed of is forgotten when the older daemon has ended by itself', async () => {
  const { daemon, connect, launches } = await scene(
    OLDER,
    `if (process.argv.includes('--take-over')) fail('CONFLICT', 'a turn has just begun', ''); else ${SUCCESSOR}`,
  );
  const connecting = connect();
  await until(() => launches().length === 1, 'the successor');
  const { runDirectory } = daemon.locations.endpoint;
  await until(() => existsSync(join(runDirectory, 'start-failure.json')), 'its failure');
  await daemon.stop();
  expect((await connecting).daemon.daemon.build.id).toBe('client');
  expect(launches()).toEqual([['--take-over'], []]);
});

test('of several newer clients one replaces the daemon', async () => {
  const { daemon, connect, launches } = await scene(OLDER, SUCCESSOR);
  const connecting = Promise.all([connect(), connect(), connect(), connect()]);
  await until(() => launches().length === 1, 'the successor');
  await until(() => daemon.asked.length >= 8, 'questions of all');
  await daemon.handOver();
  const pids = (await connecting).map((client) => client.daemon.daemon.pid);
  expect(new Set(pids).size).toBe(1);
  expect(launches()).toHaveLength(1);
});

test('a daemon that is leaving is waited for, and the next one is started', async () => {
  const told: string[] = [];
  const { daemon, connect, launches } = await scene(NEWER, SUCCESSOR, { draining: true });
  daemon.greeting = { ...daemon.greeting, draining: true };
  const connecting = connect({ onProgress: (sentence) => told.push(sentence) });
  await until(() => told.length === 1, 'the reason');
  expect(launches()).toEqual([]);
  await daemon.stop();
  await connecting;
  expect(launches()).toEqual([[]]);
});

test('an older daemon that shares no protocol is stopped when it is idle', async () => {
  const { daemon, connect, launches } = await scene(OLDER, SUCCESSOR);
  daemon.answers['initialize'] = ({ params }) => {
    const { min } = params['protocol'] as { min: number };
    if (min > 0) throw new ProtocolError('VERSION_MISMATCH', 'the daemon is older');
    return { ...daemon.defaultGreeting(), protocol: 0 };
  };
  let refusals = 0;
  daemon.answers['daemon/shutdown'] = () => {
    refusals += 1;
    if (refusals === 1) throw new ProtocolError('CONFLICT', 'the daemon is not idle');
    setTimeout(() => void daemon.stop(), 20);
    return { stopping: true };
  };
  const client = await connect();
  expect(client.daemon.daemon.build.id).toBe('client');
  expect(daemon.asked.at(-1)).toMatchObject({ method: 'daemon/shutdown', params: { onlyIfIdle: true } });
  expect(launches()).toEqual([[]]);
});

test('a newer daemon that shares no protocol is left alone, and the answer says so', async () => {
  const { daemon, connect, launches } = await scene(NEWER, SUCCESSOR);
  daemon.answers['initialize'] = ({ params }) => {
    const { max } = params['protocol'] as { max: number };
    if (max < 9)
      throw new ProtocolError('VERSION_MISMATCH', 'this client is older', { hint: 'update this installation' });
    return { ...daemon.defaultGreeting(), protocol: 9 };
  };
  expect(await rejection(connect({ now: true }))).toMatchObject({
    kind: 'VERSION_MISMATCH',
    hint: 'update this installation',
  });
  expect(daemon.asked).toEqual([]);
  expect(launches()).toEqual([]);
});
