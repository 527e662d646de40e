import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Client } from '../../../client/connection/api.ts';
import { connectWith } from '../../../client/connection/client.ts';
import type { DaemonStatus } from '../../../protocol/admin.ts';
import { DURABLE_EVENT_DATA, type SessionEvent } from '../../../protocol/event.ts';
import { Built } from './support/built-copy.ts';
import { until } from './support/scratch.ts';
import { signalDaemon } from './support/signal.ts';

const isRoot = process.geteuid?.() === 0;
const LOOPS = Number(process.env['M_FAULT_LOOPS'] ?? 10);

async function connectTo(built: Built): Promise<Client> {
  const client = await connectWith({ kind: 'other', environment: built.place.environment }, built.daemonScript);
  onTestFinished(() => client.close());
  return client;
}

function started(built: Built): number {
  const file = join(built.place.locations.endpoint.runDirectory, 'starts.json');
  return (JSON.parse(readFileSync(file, 'utf8')) as { starts: unknown[] }).starts.length;
}

describe.runIf(process.platform === 'linux')('with the real daemon', () => {
  test.each(['nothing', 'a dead socket'])(
    'sixty commands at once that find %s get one daemon and are all served',
    async (found) => {
      const built = new Built();
      let earlier = 0;
      if (found === 'a dead socket') {
        const { pid } = await built
          .json<DaemonStatus>(['daemon', 'start'])
          .then(() => built.json<DaemonStatus>(['daemon', 'status']));
        await built.kill(pid);
        expect(existsSync(built.place.locations.endpoint.socketPath)).toBe(true);
        earlier = started(built);
      }
      const all = await Promise.all(
        Array.from({ length: 60 }, () => built.run('mctl', ['sessions', 'list', '--json'])),
      );
      expect(all.filter(({ code, out }) => code !== 0 || out.trim() !== '[]')).toEqual([]);
      expect(built.daemons()).toHaveLength(1);
      expect(started(built) - earlier).toBe(1);
    },
    120_000,
  );

  test('a stopped daemon is reported with its process, and replaced on demand', async () => {
    const built = new Built();
    await built.start();
    const pid = built.daemon();
    signalDaemon(built.place, pid, 'SIGSTOP');
    const { code, err } = await built.run('mctl', ['sessions', 'list']);
    expect(code).toBe(69);
    expect(err).toContain(String(pid));
    expect(err).toContain('mctl daemon restart --force');
    expect(built.daemons()).toEqual([pid]);
    const restarted = await built.run('mctl', ['daemon', 'restart', '--force']);
    expect(restarted).toMatchObject({ code: 0 });
    const { pid: next } = await built.json<DaemonStatus>(['daemon', 'status']);
    expect(next).not.toBe(pid);
    expect(built.daemons()).toEqual([next]);
  }, 60_000);

  test('a socket that a cleaner removes comes back, and nobody starts a second daemon', async () => {
    const built = new Built();
    const client = await connectTo(built);
    const { pid } = client.daemon.daemon;
    const { socketPath } = built.place.locations.endpoint;
    rmSync(socketPath);
    const { pid: found } = await built
      .json<DaemonStatus>(['sessions', 'list'])
      .then(() => built.json<DaemonStatus>(['daemon', 'status']));
    expect(found).toBe(pid);
    expect(built.daemons()).toEqual([pid]);
    await client.call('session/list', {});
  }, 60_000);

  test('a run directory that others can enter is refused by every command, with the way to close it', async () => {
    const built = new Built();
    await built.start();
    const { runDirectory } = built.place.locations.endpoint;
    chmodSync(runDirectory, 0o755);
    for (const [program, args] of [
      ['mctl', ['sessions', 'list']],
      ['mctl', ['daemon', 'status']],
      ['m', ['run', 'x']],
    ] as const) {
      const { code, err } = await built.run(program, args);
      expect({ program, code }).toEqual({ program, code: 4 });
      expect(err).toContain(`chmod 700 '${runDirectory}'`);
    }
    chmodSync(runDirectory, 0o700);
    expect(await built.run('mctl', ['sessions', 'list'])).toMatchObject({ code: 0 });
  }, 60_000);

  test.runIf(isRoot)(
    'a data directory of another user is refused with the command to use',
    async () => {
      const built = new Built();
      await built.start();
      await built.run('mctl', ['daemon', 'stop']);
      const { dataDirectory, endpoint } = built.place.locations;
      for (const path of [dataDirectory, endpoint.runDirectory]) chownSync(path, 65_534, 65_534);
      const { code, err } = await built.run('mctl', ['sessions', 'list']);
      expect(code).toBe(4);
      expect(err).toContain("sudo -u '#65534'");
      expect(built.daemons()).toEqual([]);
      for (const path of [dataDirectory, endpoint.runDirectory]) chownSync(path, 0, 0);
    },
    60_000,
  );

  test('a path of two hundred bytes works, whatever the environment says of temporary directories', async () => {
    const built = new Built(join('x'.repeat(100), 'y'.repeat(100)));
    const elsewhere = { TMPDIR: built.place.directory, XDG_RUNTIME_DIR: built.place.directory };
    await built.start(elsewhere);
    const [one, two] = await Promise.all([
      built.json<DaemonStatus>(['daemon', 'status']),
      built.json<DaemonStatus>(['daemon', 'status'], elsewhere),
    ]);
    expect(one.pid).toBe(two.pid);
    expect(one.dataDir).toBe(built.place.locations.dataDirectory);
    expect(Buffer.byteLength(one.socket)).toBeLessThanOrEqual(100);
    expect(statSync(join(one.socket, '..')).mode & 0o777).toBe(0o700);
    expect(built.daemons()).toEqual([one.pid]);
  }, 60_000);

  // With the limit the numbers are out of reach of whoever wants to put something else in their place.
  test.each(['', 'ulimit -n 60; '])(
    'a caller that reads a pipe to its end does not wait for the daemon that it has started: %s',
    async (limit) => {
      const built = new Built();
      const stdio = Array.from({ length: 101 }, (_, fd) =>
        fd === 60 || fd === 100 ? ('pipe' as const) : ('ignore' as const),
      );
      const command = [process.execPath, join(built.dist, 'mctl.cjs'), 'daemon', 'start'];
      const child = spawn('/bin/sh', ['-c', `${limit}exec "$0" "$@"`, ...command], {
        env: built.place.environment,
        stdio,
      });
      const ends = [60, 100].map(async (fd) => {
        const pipe = child.stdio[fd] as NodeJS.ReadableStream;
        await once(pipe.resume(), 'close');
      });
      await once(child, 'exit');
      const late = new Promise((resolve) => setTimeout(resolve, 3_000, 'late'));
      expect(await Promise.race([Promise.all(ends).then(() => 'ended'), late])).toBe('ended');
      expect(built.daemons()).toHaveLength(1);
    },
    60_000,
  );

  test(
    'calls during which the daemon is killed are completed by the next one, each exactly once',
    async () => {
      const built = new Built();
      const client = await connectTo(built);
      const { workspace } = { workspace: built.place.directory };
      const results: { sessionId: string; title: string }[] = [];
      for (let loop = 0; loop < LOOPS; loop += 1) {
        const before = client.daemon.daemon.pid;
        const calls = Array.from({ length: 6 }, async (_, index) => {
          const title = `prompt ${loop}.${index}`;
          const { sessionId } = await client.call('turn/submit', {
            opId: client.newOpId(),
            target: { kind: 'new', workspace },
            prompt: [{ type: 'text', text: title }],
          });
          results.push({ sessionId, title });
        });
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 25));
        signalDaemon(built.place, before, 'SIGKILL');
        await Promise.all(calls);
        await until(() => client.daemon.daemon.pid !== before, 'the next daemon', 20_000);
      }
      const { sessions } = await client.call('session/list', { limit: 500 });
      const found = new Map(sessions.map(({ id, title }) => [id, title]));
      expect(found.size).toBe(LOOPS * 6);
      expect(results.map(({ sessionId }) => found.get(sessionId))).toEqual(results.map(({ title }) => title));
    },
    60_000 + LOOPS * 3_000,
  );

  test('an attached session goes on over kills: every durable event once, in order, and the turn ends', async () => {
    const built = new Built();
    const client = await connectTo(built);
    const { sessionId } = await client.call('turn/submit', {
      opId: client.newOpId(),
      target: { kind: 'new', workspace: built.place.directory },
      prompt: [{ type: 'text', text: 'count to 40 every 50 ms' }],
    });
    const durable: number[] = [];
    let ended: string | undefined;
    let endedFor: string | undefined;
    const take = (event: SessionEvent): void => {
      if (Object.hasOwn(DURABLE_EVENT_DATA, event.type)) durable.push(event.seq);
      if (event.type === 'turn' && ['completed', 'failed', 'interrupted'].includes(event.data.state))
        ended = event.data.state;
    };
    await client.attach(sessionId, {
      opened: ({ events }) => {
        for (const event of events) take(event);
      },
      resumed: () => undefined,
      event: take,
      ended: (reason) => {
        endedFor = reason;
      },
    });
    for (let kills = 0; kills < 3; kills += 1) {
      const { pid } = client.daemon.daemon;
      await new Promise((resolve) => setTimeout(resolve, 200));
      signalDaemon(built.place, pid, 'SIGKILL');
      await until(() => client.daemon.daemon.pid !== pid, 'the next daemon', 20_000);
    }
    await until(() => ended !== undefined, 'the end of the turn', 30_000);
    expect({ ended, endedFor }).toEqual({ ended: 'completed', endedFor: undefined });
    const { session } = await client.call('session/get', { sessionId });
    expect(durable).toEqual(Array.from({ length: session.lastSeq }, (_, index) => index + 1));
  }, 90_000);

  test('files replaced under a running daemon: the next command gets one of the new build, older clients go on', async () => {
    const built = new Built();
    const older = new Built();
    const attached = await connectTo(built);
    const first = attached.daemon.daemon;
    built.rebuild('feedfacefeedface', 60_000);
    expect(await built.run('mctl', ['sessions', 'list'])).toMatchObject({ code: 0 });
    const status = await built.json<DaemonStatus>(['daemon', 'status']);
    expect(status.build).toBe('feedfacefeedface');
    expect(status.pid).not.toBe(first.pid);
    await until(() => built.daemons().length === 1, 'the end of the older daemon');
    await attached.call('session/list', {});
    expect(attached.daemon.daemon.build.id).toBe('feedfacefeedface');

    const environment = { M_DATA_DIR: built.place.environment['M_DATA_DIR'] };
    expect(await older.run('mctl', ['sessions', 'list'], environment)).toMatchObject({ code: 0 });
    expect(await older.run('m', ['run', 'hello'], environment)).toMatchObject({ code: 0 });
    expect(built.daemons()).toEqual([status.pid]);
  }, 90_000);

  test('a busy daemon of an older build finishes its turn before a newer client replaces it', async () => {
    const built = new Built();
    const client = await connectTo(built);
    const { pid } = client.daemon.daemon;
    const { sessionId } = await client.call('turn/submit', {
      opId: client.newOpId(),
      target: { kind: 'new', workspace: built.place.directory },
      prompt: [{ type: 'text', text: 'count to 30 every 100 ms' }],
    });
    await until(() => existsSync(built.place.locations.endpoint.socketPath), 'the socket');
    built.rebuild('feedfacefeedface', 60_000);
    const running = built.run('m', ['run', 'hello']);
    expect((await built.json<DaemonStatus>(['daemon', 'status'])).pid).toBe(pid);
    expect(await built.run('mctl', ['sessions', 'list'])).toMatchObject({ code: 0 });
    const { code, err } = await running;
    expect(code).toBe(0);
    expect(err).toContain('finishes a running turn before a newer one takes its place');
    const { session } = await client.call('session/get', { sessionId });
    expect(session).toMatchObject({ status: 'idle', turns: 1, messages: 2 });
    const { messages } = await client.call('session/messages', { sessionId });
    expect(JSON.stringify(messages.at(-1)?.parts)).toContain('30');
    expect((await built.json<DaemonStatus>(['daemon', 'status'])).build).toBe('feedfacefeedface');
  }, 90_000);

  test('two daemons on one data directory: the second gives way to the first', async () => {
    const built = new Built();
    await built.start();
    const pid = built.daemon();
    const { dataDirectory, configFile, logDirectory } = built.place.locations;
    const args = ['--data-dir', dataDirectory, '--config', configFile, '--log-dir', logDirectory];
    const second = spawn(process.execPath, [built.daemonScript, ...args], {
      env: built.place.environment,
      stdio: 'ignore',
    });
    expect(await once(second, 'exit')).toEqual([0, null]);
    expect(built.daemons()).toEqual([pid]);
    expect(readdirSync(built.place.locations.endpoint.runDirectory)).toContain('d.sock');
  }, 60_000);
});
