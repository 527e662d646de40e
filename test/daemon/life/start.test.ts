/** Starting: one daemon per data directory, in a directory that is safe, at a path that is short enough. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { DaemonHome, waitFor, type Exit } from '../../support/daemon-process.ts';
import { RawClient, helloParams } from '../../support/raw-client.ts';

const homes: DaemonHome[] = [];

function home(subdirectory?: string): DaemonHome {
  const made = new DaemonHome(subdirectory);
  homes.push(made);
  return made;
}

afterEach(async () => {
  await Promise.all(homes.splice(0).map((each) => each.remove()));
});

describe('a start', () => {
  test('answers the handshake and a request, and leaves everything to its user alone', async () => {
    const at = home();
    const daemon = await at.serving();
    const client = await at.client();
    expect((await client.request('history/list', {})).result).toEqual({
      lines: [expect.stringMatching(/^wishes [1-9]/), 'clients 1'],
    });
    const { runDirectory, socketPath, lockPath } = at.endpoint;
    expect(statSync(runDirectory).mode & 0o777).toBe(0o700);
    const log = join(at.logDir, 'daemon.log');
    // Its library is loaded when the first requests have been served.
    await waitFor('the log', () => existsSync(log));
    for (const path of [socketPath, lockPath, join(runDirectory, 'starts.json'), log]) {
      expect(lstatSync(path).mode & 0o777).toBe(0o600);
    }
    expect(await at.status()).toMatchObject({ pid: daemon.pid, running: true, clients: 2, socket: socketPath });
  });

  test('greets before there is anything to serve, and passes on later what was wished then', async () => {
    const at = home();
    await at.start({ environment: { M_TEST_BUILD_FAILURE: 'slow' } });
    await waitFor('the socket', () => existsSync(at.endpoint.socketPath));
    const client = await RawClient.connect(at.endpoint.socketPath);
    const hello = await client.request('initialize', helloParams({ key: { provider: 'keyfile' } }));
    expect(hello.result).toMatchObject({ store: null, key: 'none', keyVariables: [], draining: false });
    expect((await client.request('daemon/status', {})).result).toMatchObject({ keyState: 'none', sessions: null });
    expect((await client.request('history/list', {})).result).toEqual({ lines: ['wishes 1', 'clients 1'] });
    expect((await client.request('initialize', helloParams())).result).toMatchObject({
      store: { id: 'stand-in' },
      keyVariables: ['STAND_IN_KEY'],
    });
  });

  for (const stale of [false, true]) {
    test(`60 at once ${stale ? 'with a stale socket' : 'with no socket'} end in exactly one daemon`, async () => {
      const at = home();
      if (stale) await leaveStaleSocket(at);
      const daemons = await Promise.all(Array.from({ length: 60 }, () => at.start()));
      await waitFor('59 losers to end', () => at.alive().length === 1, 60_000);
      const [winner] = at.alive();
      expect(await at.status()).toMatchObject({ pid: winner?.pid });
      const exits = daemons.map((daemon) => daemon.ended()).filter((exit) => exit !== undefined);
      expect(exits).toEqual(Array.from({ length: 59 }, (): Exit => ({ code: 0, signal: null })));
      expect(at.startFailure()).toBeUndefined();
    }, 90_000);
  }

  test('on a directory that is served already ends with 0 and disturbs nobody', async () => {
    const at = home();
    const first = await at.serving();
    const client = await at.client();
    const second = await at.start();
    expect(await second.exit).toEqual({ code: 0, signal: null });
    expect((await client.request('daemon/status', {})).result).toMatchObject({ pid: first.pid });
    expect(await at.status()).toMatchObject({ pid: first.pid });
  });

  test('waits for a holder of the lock that is leaving', async () => {
    const at = home();
    const first = await at.serving();
    first.process.kill('SIGTERM');
    const second = await at.start();
    await first.exit;
    await waitFor('the second to serve', async () => (await at.status())?.['pid'] === second.pid);
  });

  test('says so when the holder of the lock is silent', async () => {
    const at = home();
    const first = await at.serving();
    first.process.kill('SIGSTOP');
    const second = await at.start({ timings: { lockWaitMs: 300 } });
    expect(await second.exit).toEqual({ code: 69, signal: null });
    expect(at.startFailure()).toMatchObject({ kind: 'DAEMON_WEDGED', pid: second.pid });
    first.process.kill('SIGCONT');
    expect(await at.status()).toMatchObject({ pid: first.pid });
  });

  test('that the daemon cannot serve is refused with the reason', async () => {
    const at = home();
    const daemon = await at.start({ environment: { M_TEST_BUILD_FAILURE: 'refuse' } });
    expect(await daemon.exit).toEqual({ code: 69, signal: null });
    expect(at.startFailure()).toMatchObject({ kind: 'STORAGE_UNSUPPORTED', hint: 'Move it.' });
    expect(existsSync(at.endpoint.socketPath)).toBe(false);
  });
});

describe('an unsafe run directory', () => {
  async function refusal(at: DaemonHome): Promise<{ kind: string; message: string; hint: string } | undefined> {
    const daemon = await at.start();
    expect(await daemon.exit).toEqual({ code: 69, signal: null });
    expect(existsSync(at.endpoint.socketPath)).toBe(false);
    return at.startFailure();
  }

  test('that others can enter is refused with the chmod that helps', async () => {
    const at = home();
    mkdirSync(at.endpoint.runDirectory);
    chmodSync(at.endpoint.runDirectory, 0o755);
    expect(await refusal(at)).toMatchObject({
      kind: 'UNSAFE_DIRECTORY',
      hint: `Close it: \`chmod 700 '${at.endpoint.runDirectory}'\`.`,
    });
  });

  test('that is a symbolic link is refused', async () => {
    const at = home();
    mkdirSync(join(at.root, 'elsewhere'), { mode: 0o700 });
    symlinkSync(join(at.root, 'elsewhere'), at.endpoint.runDirectory);
    expect(await refusal(at)).toMatchObject({
      kind: 'UNSAFE_DIRECTORY',
      message: expect.stringContaining('symbolic link') as string,
    });
  });

  test.skipIf(process.geteuid?.() !== 0)('that belongs to another user is refused', async () => {
    const at = home();
    mkdirSync(at.endpoint.runDirectory, { mode: 0o700 });
    chownSync(at.endpoint.runDirectory, 65_534, 65_534);
    expect(await refusal(at)).toMatchObject({
      kind: 'UNSAFE_DIRECTORY',
      message: expect.stringContaining('belongs to user 65534') as string,
    });
  });

  test('a data directory that others can read is closed while it is empty and refused later', async () => {
    const empty = home();
    chmodSync(empty.dataDir, 0o755);
    await empty.serving();
    expect(statSync(empty.dataDir).mode & 0o777).toBe(0o700);

    const used = home();
    writeFileSync(join(used.dataDir, 'store.db'), '');
    chmodSync(used.dataDir, 0o755);
    const daemon = await used.start();
    expect(await daemon.exit).toEqual({ code: 69, signal: null });
  });
});

test.skipIf(process.geteuid?.() !== 0)(
  'another user does not get through the directory, whatever the socket allows',
  async () => {
    const at = home();
    await at.serving();
    chmodSync(at.root, 0o755);
    chmodSync(at.endpoint.socketPath, 0o777);
    const script = `require('net').connect(${JSON.stringify(at.endpoint.socketPath)}).on('error', (e) => process.exit(e.code === 'EACCES' ? 7 : 8))`;
    const stranger = spawnSync('/bin/sh', ['-c', 'exec "$0" "$@"', process.execPath, '-e', script], {
      uid: 65_534,
      gid: 65_534,
      cwd: '/',
      env: {},
      timeout: 10_000,
    });
    expect(stranger.status).toBe(7);
  },
);

test.skipIf(process.platform !== 'linux')('no memory of the process goes into a core dump', async () => {
  const at = home();
  const daemon = await at.serving();
  expect(Number.parseInt(readFileSync(`/proc/${daemon.pid}/coredump_filter`, 'utf8'), 16)).toBe(0);
});

test('when there are more clients than open files, those that fit are served and the rest may come back', async () => {
  const at = home();
  const daemon = await at.serving({ openFiles: 64 });
  const crowd = await Promise.allSettled(Array.from({ length: 100 }, () => at.client()));
  const served = crowd.filter((each) => each.status === 'fulfilled').map((each) => each.value);
  expect(served.length).toBeGreaterThan(15);
  expect(served.length).toBeLessThan(100);
  // For longer than the daemon takes to load the library of its log, for which it has no file left to open.
  const end = performance.now() + 400;
  do {
    for (const client of served) expect((await client.request('history/list', {})).result).toBeDefined();
  } while (performance.now() < end);
  for (const client of served) client.close();
  await waitFor('room', async () => (await at.status())?.['pid'] === daemon.pid);
  const again = await Promise.all(Array.from({ length: 10 }, () => at.client()));
  for (const client of again) expect((await client.request('history/list', {})).result).toBeDefined();
});

test('two hundred clients at once are all served', async () => {
  const at = home();
  await at.serving();
  const crowd = await Promise.all(Array.from({ length: 200 }, () => at.client()));
  const answers = await Promise.all(crowd.map((client) => client.request('history/list', {})));
  expect(answers.every((answer) => answer.result !== undefined)).toBe(true);
  for (const client of crowd) client.close();
});

describe('a socket path', () => {
  for (const bytes of [100, 101, 104, 108, 200]) {
    test(`of ${bytes} bytes in the data directory is reachable where both sides look for it`, async () => {
      const probe = home();
      const fixed = Buffer.byteLength(join(probe.root, '/run/d.sock')) + 1;
      const at = home('x'.repeat(bytes - fixed));
      expect(Buffer.byteLength(join(at.dataDir, 'run', 'd.sock'))).toBe(bytes);
      expect(Buffer.byteLength(at.endpoint.socketPath)).toBeLessThanOrEqual(100);
      expect(at.endpoint.socketDirectory === at.endpoint.runDirectory).toBe(bytes <= 100);
      const daemon = await at.serving();
      expect(await at.status()).toMatchObject({ pid: daemon.pid });
      expect(statSync(at.endpoint.socketDirectory).mode & 0o777).toBe(0o700);
    });
  }

  test('in a hashed directory that somebody made open to others is refused', async () => {
    const at = home('y'.repeat(150));
    mkdirSync(at.endpoint.socketDirectory);
    chmodSync(at.endpoint.socketDirectory, 0o777);
    const daemon = await at.start();
    expect(await daemon.exit).toEqual({ code: 69, signal: null });
    expect(at.startFailure()).toMatchObject({ kind: 'UNSAFE_DIRECTORY' });
    rmSync(at.endpoint.socketDirectory, { recursive: true });
  });
});

/** A socket file that nobody listens on, as a killed daemon leaves it. */
async function leaveStaleSocket(at: DaemonHome): Promise<void> {
  const daemon = await at.serving();
  daemon.process.kill('SIGKILL');
  await daemon.exit;
  at.daemons.splice(0);
  expect(lstatSync(at.endpoint.socketPath).isSocket()).toBe(true);
}
