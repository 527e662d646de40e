import { spawn } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { dial } from '../../../client/connection/dial.ts';
import { makeHello } from '../../../client/connection/hello.ts';
import { prepareDirectories, type Locations } from '../../../client/connection/locations.ts';
import type { InitializeParams } from '../../../protocol/admin.ts';
import { ProtocolError } from '../../../protocol/errors.ts';
import { FakeDaemon, NO_ANSWER } from './support/fake-daemon.ts';
import { program } from './support/programs.ts';
import { scratch, until } from './support/scratch.ts';

const isRoot = process.geteuid?.() === 0;

function hello(): InitializeParams {
  return makeHello({ kind: 'other', allowKeyfile: false, environment: {}, terminal: false });
}

async function refusal(locations: Locations): Promise<ProtocolError> {
  const thrown: unknown = await dial(locations.endpoint, hello()).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(thrown instanceof ProtocolError)) throw new Error('dial did not refuse');
  return thrown;
}

test('a daemon that greets is greeted, and nothing that follows the greeting is lost', async () => {
  const { locations } = scratch();
  const daemon = await FakeDaemon.listen(locations);
  daemon.answers['initialize'] = (asked) => {
    queueMicrotask(() => {
      daemon.write(asked.connection, 'Content-Length: 2\r\n\r\n{}Content-Le');
    });
    return { protocol: 1, daemon: { build: { version: '9', id: 'x', builtAt: 1 }, pid: 7, startedAt: '' } };
  };
  const result = await dial(locations.endpoint, hello());
  if (result.kind !== 'greeted') throw new Error(result.kind);
  onTestFinished(() => void result.greeting.socket.destroy());
  expect(result.greeting.result.daemon.pid).toBe(7);
  const { decoder, bodies } = result.greeting.early;
  const later = await new Promise<Buffer>((resolve) => {
    if (bodies.length > 0 || decoder.pendingBytes > 0) resolve(Buffer.alloc(0));
    else result.greeting.socket.once('data', resolve).resume();
  });
  const all = [...bodies, ...decoder.push(later)];
  expect(all.map(String)).toEqual(['{}']);
  expect(decoder.pendingBytes).toBe('Content-Le'.length);
});

test('without a data directory, without a socket and with a dead socket there is no daemon', async () => {
  const { locations } = scratch();
  expect(await dial(locations.endpoint, hello())).toEqual({ kind: 'absent' });
  prepareDirectories(locations);
  expect(await dial(locations.endpoint, hello())).toEqual({ kind: 'absent' });

  const { socketPath } = locations.endpoint;
  const server = createServer().listen(`${socketPath}.x`);
  await new Promise((resolve) => server.once('listening', resolve));
  renameSync(`${socketPath}.x`, socketPath);
  await new Promise((resolve) => server.close(resolve));
  expect(await dial(locations.endpoint, hello())).toEqual({ kind: 'absent' });
});

test('a daemon that accepts and says nothing is silent after the deadline', async () => {
  const { locations } = scratch();
  const daemon = await FakeDaemon.listen(locations);
  daemon.answers['initialize'] = () => NO_ANSWER;
  const begun = performance.now();
  expect(await dial(locations.endpoint, hello(), { greetingMs: 200 })).toEqual({ kind: 'silent' });
  expect(performance.now() - begun).toBeGreaterThanOrEqual(199);
  expect(daemon.connections).toBe(1);
});

test('a connection that is reset before the greeting is tried again', async () => {
  const { locations } = scratch();
  const daemon = await FakeDaemon.listen(locations);
  daemon.answers['initialize'] = () => {
    if (daemon.connections < 4) daemon.cut();
    else delete daemon.answers['initialize'];
    if (daemon.connections < 4) return NO_ANSWER;
    return { protocol: 1, daemon: { build: { version: '9', id: 'x', builtAt: 1 }, pid: 7, startedAt: '' } };
  };
  const result = await dial(locations.endpoint, hello());
  expect(result.kind).toBe('greeted');
  if (result.kind === 'greeted') result.greeting.socket.destroy();
  expect(daemon.connections).toBe(4);
});

test('an error is handed on as it was said', async () => {
  const { locations } = scratch();
  const daemon = await FakeDaemon.listen(locations);
  daemon.answers['initialize'] = () => {
    throw new ProtocolError('DRAINING', 'leaving', { retryable: true, retryAfterMs: 70, hint: 'wait' });
  };
  const result = await dial(locations.endpoint, hello());
  expect(result).toMatchObject({
    kind: 'refused',
    error: { kind: 'DRAINING', retryable: true, retryAfterMs: 70, hint: 'wait' },
  });
});

test.each([
  ['bytes that are no frame', 'HTTP/1.1 400 Bad Request\r\n\r\n'],
  ['a frame that is no JSON', 'Content-Length: 3\r\n\r\n<a>'],
  ['a greeting without a daemon', `Content-Length: 35\r\n\r\n{"jsonrpc":"2.0","id":1,"result":1}`],
  [
    'a protocol that was not offered',
    'Content-Length: 71\r\n\r\n{"result":{"protocol":99,"daemon":{"pid":1,"build":{"id":"x"}}},"id":11}',
  ],
])('%s is refused with the way to find out what listens there', async (_what, bytes) => {
  const { locations } = scratch();
  const daemon = await FakeDaemon.listen(locations);
  daemon.answers['initialize'] = ({ connection }) => {
    daemon.write(connection, bytes);
    return NO_ANSWER;
  };
  const result = await dial(locations.endpoint, hello());
  expect(result).toMatchObject({ kind: 'refused', error: { kind: 'DAEMON_UNAVAILABLE', retryable: false } });
  expect(result.kind === 'refused' && result.error.hint).toContain('mctl doctor');
});

test('an abort ends the wait at once with its reason', async () => {
  const { locations } = scratch();
  const daemon = await FakeDaemon.listen(locations);
  daemon.answers['initialize'] = () => NO_ANSWER;
  const abort = new AbortController();
  const dialled = dial(locations.endpoint, hello(), { signal: abort.signal });
  const reason = new Error('enough');
  setTimeout(() => {
    abort.abort(reason);
  }, 20);
  await expect(dialled).rejects.toThrow('enough');
});

test('a run directory that others can enter is refused before a word is spoken', async () => {
  const { locations } = scratch();
  const daemon = await FakeDaemon.listen(locations);
  chmodSync(locations.endpoint.runDirectory, 0o755);
  const error = await refusal(locations);
  expect(error.kind).toBe('UNSAFE_DIRECTORY');
  expect(error.message).toContain('0755');
  expect(error.hint).toContain(`chmod 700 '${locations.endpoint.runDirectory}'`);
  expect(daemon.connections).toBe(0);
});

test('a run directory behind a symbolic link is refused', async () => {
  const { locations, directory } = scratch();
  mkdirSync(locations.dataDirectory, { mode: 0o700 });
  mkdirSync(join(directory, 'elsewhere'), { mode: 0o700 });
  symlinkSync(join(directory, 'elsewhere'), locations.endpoint.runDirectory);
  expect(await refusal(locations)).toMatchObject({
    kind: 'UNSAFE_DIRECTORY',
    message: expect.stringContaining('symbolic link') as unknown,
  });
});

test.runIf(isRoot)('a run directory and a socket of another user are refused with the command to use', async () => {
  const { locations } = scratch();
  const daemon = await FakeDaemon.listen(locations);
  chownSync(locations.endpoint.runDirectory, 65_534, 65_534);
  const error = await refusal(locations);
  expect(error).toMatchObject({ kind: 'UNSAFE_DIRECTORY' });
  expect(error.message).toContain('belongs to user 65534');
  expect(error.hint).toContain("sudo -u '#65534'");
  chownSync(locations.endpoint.runDirectory, 0, 0);
  chownSync(locations.endpoint.socketPath, 65_534, 65_534);
  expect(await refusal(locations)).toMatchObject({ kind: 'UNSAFE_DIRECTORY' });
  expect(daemon.connections).toBe(0);
});

test('something else in the place of the socket is refused', async () => {
  const { locations } = scratch();
  prepareDirectories(locations);
  writeFileSync(locations.endpoint.socketPath, '');
  expect(await refusal(locations)).toMatchObject({ kind: 'UNSAFE_DIRECTORY' });
  rmSync(locations.endpoint.socketPath);
});

test('a daemon that dies with our connection in its queue is absent, not broken', async () => {
  const place = scratch();
  const { locations } = place;
  prepareDirectories(locations);
  const args = ['--data-dir', locations.dataDirectory, '--log-dir', locations.logDirectory];
  const daemon = spawn(process.execPath, [program(place, 'serve();'), ...args], { stdio: 'ignore' });
  onTestFinished(() => void daemon.kill('SIGKILL'));
  await until(() => existsSync(locations.endpoint.socketPath), 'the socket');
  daemon.kill('SIGSTOP');
  // The kernel has accepted the connection as soon as the hello can be written.
  const dialled = dial(locations.endpoint, hello(), { meanwhile: () => void daemon.kill('SIGKILL') });
  expect(await dialled).toEqual({ kind: 'absent' });
});
