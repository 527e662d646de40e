/** What the daemon does about a public name or a lock that somebody takes away. */
import { lstatSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { DaemonHome, waitFor } from '../../support/daemon-process.ts';
import { RawClient, helloParams } from '../../support/raw-client.ts';

const homes: DaemonHome[] = [];

function home(): DaemonHome {
  const made = new DaemonHome();
  homes.push(made);
  return made;
}

afterEach(async () => {
  await Promise.all(homes.splice(0).map((each) => each.remove()));
});

describe('a socket that was removed', () => {
  test('is published again, and clients that were connected notice nothing', async () => {
    const at = home();
    const daemon = await at.serving();
    const client = await at.client();
    for (let round = 0; round < 5; round += 1) {
      rmSync(at.endpoint.socketPath);
      await waitFor('the socket', async () => (await at.status())?.['pid'] === daemon.pid);
      expect(lstatSync(at.endpoint.socketPath).mode & 0o777).toBe(0o600);
    }
    expect((await client.request('history/list', {})).result).toBeDefined();
  });

  test('is published again while a second daemon tries to start', async () => {
    const at = home();
    const daemon = await at.serving();
    rmSync(at.endpoint.socketPath);
    const second = await at.start();
    expect(await second.exit).toEqual({ code: 0, signal: null });
    expect(await at.status()).toMatchObject({ pid: daemon.pid });
  });

  test('and replaced by a file is published again', async () => {
    const at = home();
    const daemon = await at.serving();
    rmSync(at.endpoint.socketPath);
    writeFileSync(at.endpoint.socketPath, 'not a socket');
    await waitFor('the socket', async () => (await at.status())?.['pid'] === daemon.pid);
  });

  test('and replaced by the socket of a stranger is published again', async () => {
    const at = home();
    const daemon = await at.serving();
    const strange = join(at.root, 'strange.sock');
    const stranger = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => stranger.listen(strange, resolve));
    renameSync(strange, at.endpoint.socketPath);
    await waitFor('the socket', async () => (await at.status())?.['pid'] === daemon.pid);
    stranger.close();
    expect(await at.status()).toMatchObject({ pid: daemon.pid });
  });
});

test('a daemon that dies after it took the name, before it asked for the store, leaves the old one reachable', async () => {
  const at = home();
  const daemon = await at.serving();
  const other = await at.client({ kind: 'daemon' });
  const strange = join(at.root, 'strange.sock');
  const stranger = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => stranger.listen(strange, resolve));
  renameSync(strange, at.endpoint.socketPath);
  // Its name is respected for the moment that the question takes.
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(await at.status()).toBeUndefined();
  other.close();
  stranger.close();
  await waitFor('the socket', async () => (await at.status())?.['pid'] === daemon.pid);
});

test('a lock file that was removed makes the daemon leave before another one can share its store', async () => {
  const at = home();
  const daemon = await at.serving();
  rmSync(at.endpoint.lockPath);
  expect(await daemon.exit).toEqual({ code: 0, signal: null });
  expect(JSON.parse(at.read('drained.json'))).toMatchObject({ deliberate: false });
  const next = await at.serving();
  expect(await at.status()).toMatchObject({ pid: next.pid });
});

test('a daemon that was stopped for long serves the clients that waited', async () => {
  const at = home();
  const daemon = await at.serving({ timings: { helloMs: 300 } });
  const client = await RawClient.connect(at.endpoint.socketPath);
  await waitFor('the connection to be counted', async () => (await at.status())?.['clients'] === 2);
  daemon.process.kill('SIGSTOP');
  const waiting = at.client();
  const greeting = client.request('initialize', helloParams());
  await new Promise((resolve) => setTimeout(resolve, 600));
  daemon.process.kill('SIGCONT');
  expect((await greeting).result).toBeDefined();
  await waiting;
  expect((await client.request('history/list', {})).result).toBeDefined();
});
