import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readlinkSync, renameSync, utimesSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Client, ConnectOptions } from '../../../client/connection/api.ts';
import { connectWith } from '../../../client/connection/client.ts';
import { prepareDirectories } from '../../../client/connection/locations.ts';
import { rejection } from './support/rejection.ts';
import { FakeDaemon, NO_ANSWER } from './support/fake-daemon.ts';
import { endStarted, program, starts } from './support/programs.ts';
import { scratch, until, type Scratch } from './support/scratch.ts';
import { signalDaemon } from './support/signal.ts';

function place(): Scratch {
  const made = scratch();
  onTestFinished(() => {
    endStarted(made);
  });
  return made;
}

/** What a killed daemon leaves. */
async function leaveDeadSocket(where: Scratch): Promise<void> {
  prepareDirectories(where.locations);
  const { socketPath } = where.locations.endpoint;
  const server = createServer().listen(`${socketPath}.x`);
  await once(server, 'listening');
  renameSync(`${socketPath}.x`, socketPath);
  server.close();
  await once(server, 'close');
}

async function connectTo(where: Scratch, script: string, options: Partial<ConnectOptions> = {}): Promise<Client> {
  const client = await connectWith({ kind: 'other', environment: where.environment, ...options }, script);
  onTestFinished(() => client.close());
  return client;
}

test('a daemon is started when none runs, with the arguments it needs', async () => {
  const where = place();
  const script = program(where, 'serve();');
  const client = await connectTo(where, script);
  const { dataDirectory, configFile, logDirectory } = where.locations;
  expect(starts(where)).toEqual([
    {
      pid: client.daemon.daemon.pid,
      argv: ['--data-dir', dataDirectory, '--config', configFile, '--log-dir', logDirectory],
      execArgv: ['--max-semi-space-size=4'],
    },
  ]);
  expect(existsSync(join(where.locations.endpoint.runDirectory, 'starting'))).toBe(false);
});

test.runIf(process.platform === 'linux')('a daemon gets nothing of its starter that it does not need', async () => {
  const where = place();
  const environment = { ...where.environment, SECRET: 's', NODE_OPTIONS: '--no-warnings', LC_TIME: 'C', DISPLAY: ':9' };
  const script = program(
    where,
    `
    const fds = readdirSync('/proc/self/fd').filter((fd) => fd <= 2).map((fd) => readlinkSync('/proc/self/fd/' + fd));
    const session = Number(readFileSync('/proc/self/stat', 'utf8').split(') ')[1].split(' ')[3]);
    writeFileSync(join(data, 'inherited'), JSON.stringify({ cwd: process.cwd(), names: Object.keys(process.env), umask: process.umask(), leads: session === process.pid, fds }));
    serve();`,
  );
  const before = process.umask();
  await connectTo(where, script, { environment });
  expect(process.umask()).toBe(before);
  const inherited = JSON.parse(readFileSync(join(where.locations.dataDirectory, 'inherited'), 'utf8')) as {
    names: string[];
  };
  const names = inherited.names.filter((name) => name !== 'NODE_COMPILE_CACHE').sort((a, b) => (a < b ? -1 : 1));
  expect({ ...inherited, names }).toEqual({
    cwd: where.locations.dataDirectory,
    names: ['DISPLAY', 'HOME', 'LC_TIME', 'PATH'],
    umask: 0o077,
    leads: true,
    fds: ['/dev/null', '/dev/null', '/dev/null'],
  });
});

test.each([
  { startMs: 0, stale: true },
  { startMs: 10, stale: true },
  { startMs: 40, stale: true },
  { startMs: 150, stale: false },
])('of many clients one starts the daemon, and all are served: %o', async ({ startMs, stale }) => {
  const where = place();
  if (stale) await leaveDeadSocket(where);
  const script = program(where, `setTimeout(serve, ${startMs});`);
  const clients = await Promise.all(Array.from({ length: 25 }, () => connectTo(where, script)));
  expect(new Set(clients.map((client) => client.daemon.daemon.pid)).size).toBe(1);
  expect(starts(where)).toHaveLength(1);
});

test('a daemon that comes up between a look and the right to start one is found', async () => {
  const where = place();
  await leaveDeadSocket(where);
  const daemon = await FakeDaemon.unpublished(where.locations);
  // The refusal of the dead socket is on its way when the new one takes its name. A start would fail.
  const connecting = connectTo(where, '/nowhere/daemon.cjs');
  daemon.publish();
  await connecting;
  expect(daemon.connections).toBe(1);
});

test('a marker that its maker left behind holds nobody up for long', async () => {
  const where = place();
  prepareDirectories(where.locations);
  const marker = join(where.locations.endpoint.runDirectory, 'starting');
  writeFileSync(marker, '1 1');
  const old = new Date(Date.now() - 2_500);
  utimesSync(marker, old, old);
  const begun = performance.now();
  await connectTo(where, program(where, 'serve();'));
  expect(performance.now() - begun).toBeGreaterThan(300);
  expect(performance.now() - begun).toBeLessThan(5_000);
});

test('a start that is refused is shown as the error it is, to those who waited for it too', async () => {
  const where = place();
  const script = program(where, "setTimeout(() => fail('STORE_TOO_NEW', 'the store is newer', 'update m'), 100);");
  const all = await Promise.all([1, 2, 3].map(() => rejection(connectTo(where, script))));
  for (const error of all)
    expect(error).toMatchObject({ kind: 'STORE_TOO_NEW', message: 'the store is newer', hint: 'update m' });
});

test('an old start failure is not shown again', async () => {
  const where = place();
  prepareDirectories(where.locations);
  const failure = { at: Date.now() - 5_000, pid: 1, kind: 'STORE_TOO_NEW', message: 'old', hint: '' };
  writeFileSync(join(where.locations.endpoint.runDirectory, 'start-failure.json'), JSON.stringify(failure));
  await connectTo(where, program(where, 'serve();'));
});

test('a daemon that is killed while it starts is started again', async () => {
  const where = place();
  const script = program(
    where,
    `
    const count = readFileSync(join(data, 'started'), 'utf8').trim().split('\\n').length;
    if (count < 3) process.kill(process.pid, 'SIGKILL');
    serve();`,
  );
  const begun = performance.now();
  await connectTo(where, script);
  expect(starts(where)).toHaveLength(3);
  expect(performance.now() - begun).toBeLessThan(5_000);
});

test('one that gave way to a daemon that was just leaving is started again, in the same round', async () => {
  const where = place();
  const script = program(
    where,
    `
    const count = readFileSync(join(data, 'started'), 'utf8').trim().split('\\n').length;
    if (count < 4) process.exit(0);
    serve();`,
  );
  await connectTo(where, script);
  expect(starts(where)).toHaveLength(4);
});

test('a daemon that does not come up is given up after ten seconds, with the end of its log', async () => {
  const where = place();
  const told: string[] = [];
  const script = program(
    where,
    `
    mkdirSync(logs, { recursive: true, mode: 0o700 });
    writeFileSync(join(logs, 'daemon.log'), Array.from({ length: 100 }, (_, i) => 'line ' + i).join('\\n') + '\\n');
    setTimeout(() => {}, 60_000);`,
  );
  const begun = performance.now();
  const error = await rejection(connectTo(where, script, { onProgress: (sentence) => told.push(sentence) }));
  const tookMs = performance.now() - begun;
  expect(error).toMatchObject({ kind: 'DAEMON_UNAVAILABLE', message: expect.stringContaining('10 s') as unknown });
  expect((error as { hint: string }).hint).toMatch(/line 98\nline 99$/);
  expect((error as { hint: string }).hint).not.toContain('line 1\n');
  expect(tookMs).toBeGreaterThan(9_900);
  expect(tookMs).toBeLessThan(13_000);
  expect(told).toEqual(['starting the daemon …']);
}, 20_000);

test('a program that is missing is named together with what to do', async () => {
  const where = place();
  const error = await rejection(connectTo(where, '/nowhere/daemon.cjs'));
  expect(error).toMatchObject({
    kind: 'DAEMON_UNAVAILABLE',
    message: expect.stringContaining('/nowhere/daemon.cjs') as unknown,
    hint: expect.stringContaining('npm run build') as unknown,
  });
});

test('a client that may not start a daemon says that none runs', async () => {
  const where = place();
  const error = await rejection(connectTo(where, program(where, 'serve();'), { startDaemon: false }));
  expect(error).toMatchObject({ kind: 'DAEMON_UNAVAILABLE', message: 'no daemon is running' });
  expect(existsSync(where.locations.dataDirectory)).toBe(false);
});

test('an unsafe data directory is refused before anything is started', async () => {
  const where = place();
  mkdirSync(where.locations.dataDirectory, { mode: 0o755 });
  mkdirSync(where.locations.endpoint.runDirectory, { mode: 0o755 });
  const error = await rejection(connectTo(where, program(where, 'serve();')));
  expect(error).toMatchObject({ kind: 'UNSAFE_DIRECTORY' });
  expect(starts(where)).toEqual([]);
});

test('a daemon that dies is started again by the client that was connected to it', async () => {
  const where = place();
  const client = await connectTo(where, program(where, "rmSync(join(run, 'lock'), { force: true }); serve();"));
  const first = client.daemon.daemon.pid;
  signalDaemon(where, first, 'SIGKILL');
  await until(() => client.daemon.daemon.pid !== first, 'another daemon');
  await client.call('daemon/status', {});
});

test('a start failure during a reconnect that will not pass ends the line with its message', async () => {
  const where = place();
  const client = await connectTo(where, program(where, 'serve();'));
  program(where, "fail('STORE_TOO_NEW', 'the store is newer', 'update m');");
  const closed = new Promise<string>((resolve) => {
    client.onStatus((status) => {
      if (status.state === 'closed') resolve(status.reason);
    });
  });
  signalDaemon(where, client.daemon.daemon.pid, 'SIGKILL');
  expect(await closed).toBe('the store is newer');
  expect(await rejection(client.call('daemon/status', {}))).toMatchObject({ kind: 'STORE_TOO_NEW', hint: 'update m' });
});

test('a daemon that is stopped in its tracks is named with its process and the command that replaces it', async () => {
  const where = place();
  const script = program(where, 'serve();');
  const first = await connectTo(where, script);
  const { pid } = first.daemon.daemon;
  signalDaemon(where, pid, 'SIGSTOP');
  const error = await rejection(connectTo(where, script));
  expect(error).toMatchObject({
    kind: 'DAEMON_WEDGED',
    message: expect.stringContaining(`process ${pid}`) as unknown,
    hint: expect.stringContaining('mctl daemon restart --force') as unknown,
  });
  expect(starts(where)).toHaveLength(1);
});

test('a daemon that answers late is waited for', async () => {
  const where = place();
  const daemon = await FakeDaemon.listen(where.locations);
  const told: string[] = [];
  daemon.answers['initialize'] = () => (daemon.connections === 1 ? NO_ANSWER : daemon.defaultGreeting());
  await connectTo(where, '/nowhere', { onProgress: (sentence) => told.push(sentence) });
  expect(told).toEqual(['the daemon does not answer yet …']);
});

test.runIf(process.platform === 'linux')(
  'a caller that reads a pipe to its end does not wait for the daemon',
  async () => {
    const where = place();
    const script = program(where, 'serve();');
    const starter = join(where.directory, 'starter.mjs');
    const clientModule = join(import.meta.dirname, '../../../client/connection/client.ts');
    writeFileSync(
      starter,
      `import { connectWith } from ${JSON.stringify(clientModule)};
     const client = await connectWith({ kind: 'other' }, ${JSON.stringify(script)});
     await client.close();`,
    );
    // Low numbers are often taken by Node's own descriptors; the shell's convention and high ones are what callers use.
    const pipes = [3, 9, 60, 255];
    const stdio = Array.from({ length: 256 }, (_, fd) =>
      pipes.includes(fd) ? ('pipe' as const) : ('ignore' as const),
    );
    const child = spawn(process.execPath, [starter], { env: where.environment, stdio });
    const ends = pipes.map((fd) => new Promise((resolve) => child.stdio[fd]?.once('close', resolve)));
    for (const fd of pipes) (child.stdio[fd] as NodeJS.ReadableStream | null)?.resume();
    await new Promise((resolve) => child.once('exit', resolve));
    const late = new Promise((resolve) => setTimeout(resolve, 3_000, 'late'));
    expect(await Promise.race([Promise.all(ends).then(() => 'ended'), late])).toBe('ended');
    const pid = starts(where)[0]?.pid;
    expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8')).toContain(where.locations.dataDirectory);
    expect([60, 255].map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`))).toEqual(['/dev/null', '/dev/null']);
  },
);
