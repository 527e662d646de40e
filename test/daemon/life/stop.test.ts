/** Stopping: by signal, by request, by idleness, because of new files; and what a crash leaves behind. */
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { DaemonHome, waitFor } from '../../support/daemon-process.ts';
import { RawClient, helloParams } from '../../support/raw-client.ts';
import { SECRET } from '../../support/stand-in-daemon.ts';

const homes: DaemonHome[] = [];

function home(): DaemonHome {
  const made = new DaemonHome();
  homes.push(made);
  return made;
}

afterEach(async () => {
  await Promise.all(homes.splice(0).map((each) => each.remove()));
});

const steer = (client: RawClient, line: string) => client.request('history/add', { line });
const drained = (at: DaemonHome): unknown => JSON.parse(at.read('drained.json'));

describe('a signal', () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    test(`${signal} drains, takes the name away and exits with 0`, async () => {
      const at = home();
      const daemon = await at.serving();
      daemon.process.kill(signal);
      expect(await daemon.exit).toEqual({ code: 0, signal: null });
      expect(drained(at)).toMatchObject({ deliberate: false, deadlineMs: 8_000 });
      expect(existsSync(at.endpoint.socketPath)).toBe(false);
    });
  }

  test('lets a request finish that has begun, and refuses what comes after it', async () => {
    const at = home();
    const daemon = await at.serving();
    const client = await at.client();
    await steer(client, 'note ready');
    const begun = client.start('history/add', { line: 'wait 400' });
    await client.request('daemon/status', {});
    daemon.process.kill('SIGTERM');
    await waitFor('the drain', async () => {
      const { result } = await client.request('daemon/status', {});
      return (result as { draining: boolean }).draining;
    });
    expect((await steer(client, 'note late')).error?.data).toMatchObject({ kind: 'DRAINING', retryable: true });
    expect((await client.answerTo(begun)).result).toEqual({});
    expect(await client.closed).toBeUndefined();
    expect(await daemon.exit).toEqual({ code: 0, signal: null });
    expect(at.read('notes.txt')).toBe('note ready\n');
  });

  test('waits for running turns, but not longer than the hard stop', async () => {
    const at = home();
    const daemon = await at.serving({ timings: { hardStopMs: 1_000 } });
    await steer(await at.client(), 'run 1');
    const begun = performance.now();
    daemon.process.kill('SIGTERM');
    expect(await daemon.exit).toEqual({ code: 0, signal: null });
    expect(performance.now() - begun).toBeGreaterThan(700);
    expect(drained(at)).toMatchObject({ deadlineMs: 800 });
  });

  test('ends by force what does not drain in time', async () => {
    const at = home();
    const daemon = await at.serving({ timings: { hardStopMs: 300 } });
    await steer(await at.client(), 'stick');
    daemon.process.kill('SIGTERM');
    expect(await daemon.exit).toEqual({ code: 1, signal: null });
    expect(at.log()).toContain('stopped by force');
  });

  test('that comes twice ends the process at once', async () => {
    const at = home();
    const daemon = await at.serving();
    await steer(await at.client(), 'run 1');
    daemon.process.kill('SIGTERM');
    await waitFor('the drain', async () => (await at.status())?.['draining'] === true);
    const begun = performance.now();
    daemon.process.kill('SIGTERM');
    expect(await daemon.exit).toEqual({ code: 143, signal: null });
    expect(performance.now() - begun).toBeLessThan(5_000);
  });

  test('SIGHUP reads the configuration again and SIGUSR1 opens no debugger', async () => {
    const at = home();
    const daemon = await at.serving();
    daemon.process.kill('SIGUSR1');
    daemon.process.kill('SIGHUP');
    await waitFor('the reload', () => at.read('notes.txt') === 'reloaded\n');
    expect(daemon.ended()).toBeUndefined();
    expect(at.read(join('logs', 'crash.log'))).toBe('');
  });
});

describe('daemon/shutdown', () => {
  test('answers before it stops, and passes on that a person asked', async () => {
    const at = home();
    const daemon = await at.serving();
    const client = await at.client({ kind: 'mctl' });
    expect((await client.request('daemon/shutdown', { deliberate: true })).result).toEqual({ stopping: true });
    expect(await daemon.exit).toEqual({ code: 0, signal: null });
    expect(drained(at)).toMatchObject({ deliberate: true });
  });

  test('only if idle refuses while something is queued', async () => {
    const at = home();
    const daemon = await at.serving();
    const client = await at.client();
    await steer(client, 'queue 1');
    expect((await client.request('daemon/shutdown', { onlyIfIdle: true })).error?.data.kind).toBe('CONFLICT');
    await steer(client, 'queue 0');
    expect((await client.request('daemon/shutdown', { onlyIfIdle: true })).result).toEqual({ stopping: true });
    expect(await daemon.exit).toEqual({ code: 0, signal: null });
  });

  test('now makes a stop quicker that has begun already', async () => {
    const at = home();
    const daemon = await at.serving({ timings: { hardStopMs: 60_000, quickStopMs: 300 } });
    await steer(await at.client(), 'run 1');
    daemon.process.kill('SIGTERM');
    const client = await at.client();
    const begun = performance.now();
    await client.request('daemon/shutdown', { mode: 'now' });
    expect(await daemon.exit).toEqual({ code: 1, signal: null });
    expect(performance.now() - begun).toBeLessThan(5_000);
  });

  test('works for a client that shares no protocol with the daemon', async () => {
    const at = home();
    const daemon = await at.serving();
    const client = await RawClient.connect(at.endpoint.socketPath);
    const newer = helloParams({ protocol: { min: 90, max: 99 }, build: { version: '9.0.0', id: 'x', builtAt: 1 } });
    const { error } = await client.request('initialize', newer);
    expect(error?.data.kind).toBe('VERSION_MISMATCH');
    expect(error?.message).toContain('the daemon (m 1.0.0) is older');
    expect((await client.request('session/list', {})).error?.data.kind).toBe('NOT_INITIALIZED');
    expect((await client.request('daemon/status', {})).result).toMatchObject({ pid: daemon.pid });
    await client.request('daemon/shutdown', {});
    expect(await daemon.exit).toEqual({ code: 0, signal: null });
  });
});

describe('an idle daemon', () => {
  const timings = { idleExitMs: 300, idleCheckMs: 30, queueGraceMs: 100 };

  test('leaves when nobody is there, and not before', async () => {
    const at = home();
    const daemon = await at.serving({ timings });
    const client = await at.client();
    await steer(client, 'queue 1');
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(daemon.ended()).toBeUndefined();
    client.close();
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(daemon.ended()).toBeUndefined();
    const again = await at.client();
    await steer(again, 'queue 0');
    again.close();
    expect(await daemon.exit).toEqual({ code: 0, signal: null });
    expect(existsSync(at.endpoint.socketPath)).toBe(false);
  });

  test('fails no client that comes at the moment of leaving', async () => {
    const at = home();
    // On a busy machine it may have left again before anybody looks.
    const next = async (): Promise<void> => {
      const daemon = await at.start({ timings: { ...timings, idleExitMs: 40, idleCheckMs: 10 } });
      await waitFor('the next daemon', async () => daemon.ended() !== undefined || (await at.status()) !== undefined);
      expect(daemon.ended() ?? { code: 0, signal: null }).toEqual({ code: 0, signal: null });
    };
    await next();
    const failures: unknown[] = [];
    for (let round = 0; round < 30; round += 1) {
      await new Promise((resolve) => setTimeout(resolve, 35 + round));
      try {
        const client = await at.client();
        const { error } = await client.request('history/list', {});
        if (error !== undefined) failures.push(error);
        client.close();
      } catch (error) {
        // No name, no daemon: what a client does then is start one.
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') await next();
        else failures.push(error);
      }
    }
    expect(failures).toEqual([]);
  });
});

describe('replaced files', () => {
  test('make the daemon drain and leave', async () => {
    const at = home();
    const programs = join(at.root, 'dist');
    mkdirSync(programs);
    const record = (id: string): void => {
      writeFileSync(join(programs, 'draft'), JSON.stringify({ id, version: '1.0.0', builtAt: 1_000 }));
      renameSync(join(programs, 'draft'), join(programs, 'build.json'));
    };
    record('stand-in');
    const daemon = await at.serving({ programDirectory: programs, timings: { tickMs: 40, replacedStopMs: 10_000 } });
    record('stand-in');
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(daemon.ended()).toBeUndefined();
    record('another');
    expect(await daemon.exit).toEqual({ code: 0, signal: null });
    expect(drained(at)).toMatchObject({ deliberate: false, deadlineMs: 8_000 });
    expect(at.log()).toContain('"otherBuild":"another"');
  });
});

test('an unexpected error in a handler is in the log under the id that the client was given, without its message', async () => {
  const at = home();
  await at.serving();
  const { error } = await steer(await at.client(), 'throw');
  expect(error).toMatchObject({ code: -32603, message: 'internal error', data: { kind: 'INTERNAL' } });
  expect(error?.data.traceId).toMatch(/^[0-9a-f]{12}$/);
  const line = at
    .log()
    .split('\n')
    .find((each) => each.includes(error?.data.traceId ?? '-'));
  expect(JSON.parse(line ?? '{}')).toMatchObject({ method: 'history/add', errorClass: 'RangeError' });
  expect(JSON.stringify(error) + at.log()).not.toMatch(new RegExp(`${SECRET}|/home`));
});

describe('a crash', () => {
  for (const how of ['crash', 'reject']) {
    test(`(${how}) ends the process with 1 and says where, not what about`, async () => {
      const at = home();
      const daemon = await at.serving();
      const client = await at.client();
      await steer(client, how);
      expect(await daemon.exit).toEqual({ code: 1, signal: null });
      const crash = join(at.logDir, 'crash.log');
      expect(statSync(crash).mode & 0o777).toBe(0o600);
      const text = readFileSync(crash, 'utf8') + at.log();
      expect(text).toContain('TypeError');
      expect(text).toMatch(/\([\w-]+\.cjs:\d+:\d+\)/);
      expect(text).not.toContain(SECRET);
      expect(text).not.toContain('/home');
      expect(existsSync(at.endpoint.socketPath)).toBe(false);
    });
  }

  test('keeps what Node itself says at the end in crash.log', async () => {
    const at = home();
    await at.serving();
    await steer(await at.client(), 'warn');
    await waitFor('the words', () => at.read(join('logs', 'crash.log')).includes('what Node says by itself'));
  });

  test('three times within a minute puts the brake on, with the reason and what to do', async () => {
    const at = home();
    for (let round = 0; round < 3; round += 1) {
      const daemon = await at.serving();
      await steer(await at.client(), 'crash');
      await daemon.exit;
    }
    const refused = await at.start();
    expect(await refused.exit).toEqual({ code: 69, signal: null });
    expect(at.startFailure()).toMatchObject({
      kind: 'DAEMON_UNAVAILABLE',
      message: 'the daemon has crashed 3 times within a minute (TypeError), so it is not started again for now',
      hint: expect.stringMatching(/crash\.log says where; .* possible at \d\d:\d\d:\d\d\.$/) as string,
    });
  });

  test('of the vault’s thread counts like one of our own', async () => {
    const at = home();
    for (let round = 0; round < 3; round += 1) {
      const daemon = await at.serving();
      await steer(await at.client(), 'lose-vault');
      expect(await daemon.exit).toEqual({ code: 1, signal: null });
    }
    expect(await (await at.start()).exit).toEqual({ code: 69, signal: null });
    expect(at.startFailure()?.message).toContain('(VaultLost)');
  });

  test('before the first handshake brakes after five deaths', async () => {
    const at = home();
    for (let round = 0; round < 5; round += 1) {
      const daemon = await at.start({ environment: { M_TEST_BUILD_FAILURE: 'die' } });
      expect(await daemon.exit).toEqual({ code: null, signal: 'SIGKILL' });
    }
    const refused = await at.start();
    expect(await refused.exit).toEqual({ code: 69, signal: null });
    expect(at.startFailure()?.message).toContain('died 5 times within a minute before it could serve');
  });

  test('by SIGKILL after serving never brakes', async () => {
    const at = home();
    for (let round = 0; round < 7; round += 1) {
      const daemon = await at.serving();
      daemon.process.kill('SIGKILL');
      await daemon.exit;
    }
    await at.serving();
  });
});
