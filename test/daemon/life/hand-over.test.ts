/** A newer daemon takes the place of an older one, and nobody finds the door closed. */
import { linkSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { Lock } from '../../../daemon/life/lock.ts';
import { FrameDecoder, encodeFrame } from '../../../protocol/frame.ts';
import { DaemonHome, waitFor, type RunningDaemon } from '../../support/daemon-process.ts';
import { RawClient, helloParams } from '../../support/raw-client.ts';
import type { Build } from '../../../protocol/version.ts';

const homes: DaemonHome[] = [];

function home(): DaemonHome {
  const made = new DaemonHome();
  homes.push(made);
  return made;
}

afterEach(async () => {
  await Promise.all(homes.splice(0).map((each) => each.remove()));
});

const buildNumber = (number: number): Build => ({ version: '1.0.0', id: `build-${number}`, builtAt: number });
const steer = (client: RawClient, line: string) => client.request('history/add', { line });

async function servedBy(at: DaemonHome, daemon: RunningDaemon): Promise<void> {
  await waitFor('the new daemon', async () => (await at.status())?.['pid'] === daemon.pid);
}

/** An older daemon, as far as another one sees it. @param release what it does when it is asked to let go. */
async function predecessor(at: DaemonHome, release: (lock: Lock) => void): Promise<void> {
  mkdirSync(at.endpoint.runDirectory, { mode: 0o700 });
  const lock = Lock.tryAcquire(at.endpoint.lockPath);
  if (lock === undefined) throw new Error('the lock is taken');
  const answers: Record<string, () => object> = {
    initialize: () => ({ draining: false }),
    'daemon/status': () => ({ runningTurns: 0 }),
    'daemon/release': () => {
      release(lock);
      return {};
    },
  };
  const server = createServer((socket) => {
    const decoder = new FrameDecoder();
    socket
      .on('error', () => undefined)
      .on('data', (chunk) => {
        for (const body of decoder.push(chunk)) {
          const { id, method } = JSON.parse(body.toString('utf8')) as { id: number; method: string };
          socket.write(encodeFrame(JSON.stringify({ jsonrpc: '2.0', id, result: answers[method]?.() })));
        }
      });
  });
  const ownName = join(at.endpoint.socketDirectory, 'old');
  await new Promise<void>((resolve) => server.listen(ownName, resolve));
  renameSync(ownName, at.endpoint.socketPath);
  onTestFinished(() => {
    server.close();
    lock.release();
  });
}

interface Tally {
  answered: number;
  retried: number;
  readonly refused: unknown[];
  readonly daemons: Set<unknown>;
}

/** Connects, asks and leaves again until told to stop, as clients do: whatever is retryable is tried again. */
async function knockUntil(stop: () => boolean, at: DaemonHome, tally: Tally): Promise<void> {
  while (!stop()) {
    let client: RawClient | undefined;
    try {
      client = await at.client();
      const { error } = await client.request('history/list', {});
      if (error === undefined) tally.answered += 1;
      else if (error.data.retryable) tally.retried += 1;
      else tally.refused.push(error);
      const status = await client.request('daemon/status', {});
      tally.daemons.add((status.result as { pid: number } | undefined)?.pid);
    } catch (error) {
      const text = String(error);
      // Greeted, and then told to come back or cut off: a client dials again.
      if (/DRAINING|connection closed|ECONNRESET|EPIPE/.test(text)) tally.retried += 1;
      else tally.refused.push(text);
    } finally {
      client?.close();
    }
  }
}

describe('a hand-over', () => {
  test('refuses no connection, however often it happens', async () => {
    const at = home();
    const tally: Tally = { answered: 0, retried: 0, refused: [], daemons: new Set() };
    let done = false;
    let current = await at.serving({ build: buildNumber(1) });
    const knocking = Array.from({ length: 4 }, () => knockUntil(() => done, at, tally));
    for (let number = 2; number <= 8; number += 1) {
      const before = tally.answered;
      const next = await at.start({ build: buildNumber(number), takeOver: true });
      expect(await current.exit).toEqual({ code: 0, signal: null });
      await servedBy(at, next);
      await waitFor('answers', () => tally.answered > before + 20);
      current = next;
    }
    done = true;
    await Promise.all(knocking);
    expect(tally.refused).toEqual([]);
    expect(at.alive()).toEqual([current]);
    expect(tally.daemons.size).toBeGreaterThanOrEqual(7);
    expect(at.read('notes.txt')).toBe('');
    expect(JSON.parse(at.read('drained.json'))).toMatchObject({ handOver: true, deliberate: false });
  }, 60_000);

  test('ends the connections of the old daemon, so that its clients come to the new one', async () => {
    const at = home();
    const old = await at.serving({ build: buildNumber(1) });
    const client = await at.client();
    await steer(client, 'note hello');
    const next = await at.start({ build: buildNumber(2), takeOver: true });
    expect(await client.closed).toBeUndefined();
    expect(await old.exit).toEqual({ code: 0, signal: null });
    await servedBy(at, next);
  });

  test('frees the store at once and answers those who still come by the old door', async () => {
    const at = home();
    const old = await at.serving({ build: buildNumber(1), timings: { queueGraceMs: 3_000 } });
    const oldDoor = join(at.root, 'old.sock');
    linkSync(at.endpoint.socketPath, oldDoor);
    const next = await at.start({ build: buildNumber(2), takeOver: true });
    await servedBy(at, next);
    const client = await at.client();
    expect((await client.request('history/list', {})).result).toBeDefined();
    expect(old.ended()).toBeUndefined();
    const late = await RawClient.connect(oldDoor);
    expect((await late.request('initialize', helloParams())).error?.data).toMatchObject({
      kind: 'DRAINING',
      retryable: true,
    });
    await late.closed;
    expect(await old.exit).toEqual({ code: 0, signal: null });
    expect(at.read('notes.txt')).toBe('');
  });

  test('does not happen while a turn runs: the old daemon keeps its name', async () => {
    const at = home();
    const old = await at.serving({ build: buildNumber(1) });
    await steer(await at.client(), 'run 1');
    const next = await at.start({ build: buildNumber(2), takeOver: true });
    expect(await next.exit).toEqual({ code: 69, signal: null });
    expect(at.startFailure()).toMatchObject({ kind: 'CONFLICT' });
    expect(await at.status()).toMatchObject({ pid: old.pid });
  });

  test('does not happen for an older build', async () => {
    const at = home();
    const newer = await at.serving({ build: buildNumber(5) });
    const tally: Tally = { answered: 0, retried: 0, refused: [], daemons: new Set() };
    let done = false;
    const knocking = Array.from({ length: 4 }, () => knockUntil(() => done, at, tally));
    for (let round = 0; round < 3; round += 1) {
      const older = await at.start({ build: buildNumber(4), takeOver: true });
      expect(await older.exit).toEqual({ code: 69, signal: null });
      expect(at.startFailure()?.message).toContain('newer build');
    }
    done = true;
    await Promise.all(knocking);
    expect(tally.refused).toEqual([]);
    expect(await at.status()).toMatchObject({ pid: newer.pid });
  });

  test('that breaks off after the name was taken leaves the old daemon reachable', async () => {
    const at = home();
    const old = await at.serving({ build: buildNumber(1) });
    old.process.kill('SIGSTOP');
    // It greets a stopped daemon and waits; killed there, it has done nothing yet.
    const next = await at.start({ build: buildNumber(2), takeOver: true });
    await new Promise((resolve) => setTimeout(resolve, 300));
    next.process.kill('SIGKILL');
    old.process.kill('SIGCONT');
    await next.exit;
    await waitFor('the old daemon', async () => (await at.status())?.['pid'] === old.pid);
  });

  test('stands although the old daemon took the new name away with its own', async () => {
    const at = home();
    await predecessor(at, (lock) => {
      // It had looked whose name it is, and the new one published before it was removed.
      rmSync(at.endpoint.socketPath);
      lock.release();
    });
    const next = await at.start({ takeOver: true });
    await servedBy(at, next);
    expect(next.ended()).toBeUndefined();
  });

  test('without a running daemon is an ordinary start', async () => {
    const at = home();
    const daemon = await at.serving({ takeOver: true });
    expect(await at.status()).toMatchObject({ pid: daemon.pid });
  });

  test('tried by ten at once leaves one daemon', async () => {
    const at = home();
    const old = await at.serving({ build: buildNumber(1) });
    await Promise.all(Array.from({ length: 10 }, () => at.start({ build: buildNumber(2), takeOver: true })));
    await old.exit;
    await waitFor('one to be left', async () => at.alive().length === 1, 30_000);
    expect(await at.status()).toMatchObject({ pid: at.alive()[0]?.pid, build: 'build-2' });
  });
});
