/** The end of a connection that broke the rules, told to a peer that does not stop writing. */
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { takeLeave } from '../../protocol/leave.ts';

// A test that is held up must not find the limits passed. Those of the promises go on.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});

afterEach(() => {
  vi.useRealTimers();
});

interface Pair {
  readonly server: Socket;
  readonly peer: Socket;
  /** What the peer was told. */
  said(): string;
  error(): string | undefined;
}

async function pair(): Promise<Pair> {
  const directory = mkdtempSync(join(tmpdir(), 'ml'));
  const path = join(directory, 's');
  const listener = createServer();
  await new Promise<void>((resolve) => listener.listen(path, resolve));
  const accepted = new Promise<Socket>((resolve) => listener.once('connection', resolve));
  const peer = connect(path);
  const server = await accepted;
  onTestFinished(() => {
    peer.destroy();
    server.destroy();
    listener.close();
    rmSync(directory, { recursive: true, force: true });
  });
  let said = '';
  let error: string | undefined;
  peer.pause();
  peer.on('data', (chunk: Buffer) => (said += chunk.toString()));
  peer.on('error', ({ code }: NodeJS.ErrnoException) => (error = code));
  server.on('error', () => undefined);
  return { server, peer, said: () => said, error: () => error };
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('it did not come true');
    await sleep(2);
  }
}

async function write(peer: Socket, bytes: number): Promise<void> {
  await new Promise<unknown>((resolve) => peer.write(Buffer.alloc(bytes, 'x'), resolve));
}

test('a peer that writes on is told why all the same', async () => {
  const { server, peer, said, error } = await pair();
  await write(peer, 10);
  takeLeave(server, Promise.resolve(), () => server.write('because'));
  await until(() => server.writableFinished);
  for (let round = 0; round < 20; round += 1) await write(peer, 10_000);
  peer.resume();
  await until(() => peer.closed);
  expect(said()).toBe('because');
  expect(error()).toBeUndefined();
});

test('a peer that never stops is left when its time is up', async () => {
  const { server, peer } = await pair();
  takeLeave(server, Promise.resolve(), () => server.write('because'));
  await until(() => server.writableFinished);
  await write(peer, 10);
  expect(server.destroyed).toBe(false);
  vi.advanceTimersByTime(250);
  expect(server.destroyed).toBe(true);
});

test('no more than a megabyte is read of it', async () => {
  const { server, peer } = await pair();
  takeLeave(server, Promise.resolve(), () => server.write('because'));
  peer.write(Buffer.alloc(3 * 1024 * 1024));
  await until(() => server.destroyed);
  expect(server.bytesRead).toBeLessThan(2 * 1024 * 1024);
});

test('the last words wait for what is still to be answered, but not for long', async () => {
  const { server, peer, said } = await pair();
  const answered = Promise.withResolvers<void>();
  takeLeave(server, answered.promise, () => server.write('because'));
  peer.resume();
  server.write('answer, ');
  await until(() => said() === 'answer, ');
  answered.resolve();
  await until(() => said() === 'answer, because');

  const late = await pair();
  takeLeave(late.server, new Promise(() => undefined), () => late.server.write('because'));
  late.peer.resume();
  vi.advanceTimersByTime(250);
  await until(() => late.said() === 'because');
});
