import { existsSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { connectWith } from '../../../client/connection/client.ts';
import { askDaemon, endDaemonProcess, stopDaemon } from '../../../client/connection/daemon-control.ts';
import { findDaemonProcess } from '../../../client/connection/daemon-identity.ts';
import { ProtocolError } from '../../../protocol/errors.ts';
import { rejection } from './support/rejection.ts';
import { FakeDaemon } from './support/fake-daemon.ts';
import { program } from './support/programs.ts';
import { scratch, type Scratch } from './support/scratch.ts';
import { signalDaemon } from './support/signal.ts';

async function running(where: Scratch, body = 'serve();'): Promise<number> {
  const client = await connectWith({ kind: 'other', environment: where.environment }, program(where, body));
  const { pid } = client.daemon.daemon;
  await client.close();
  onTestFinished(() => {
    signalDaemon(where, pid, 'SIGKILL');
  });
  return pid;
}

test('asking and stopping start no daemon and make no directory', async () => {
  const where = scratch();
  expect(await askDaemon(where)).toBeUndefined();
  expect(await stopDaemon({}, where)).toBe(false);
  expect(await endDaemonProcess(where)).toBeUndefined();
  expect(existsSync(where.locations.dataDirectory)).toBe(false);
});

test('a daemon of any protocol is asked, without a word about keys', async () => {
  const where = scratch();
  const daemon = await FakeDaemon.listen(where.locations);
  daemon.greeting = { protocol: 77 };
  daemon.answers['daemon/status'] = () => ({ running: true, pid: 5 });
  expect(await askDaemon(where)).toEqual({ running: true, pid: 5 });
  expect(daemon.hellos[0]).not.toHaveProperty('key');
});

test('a stop is over when the daemon has gone', async () => {
  const where = scratch();
  const daemon = await FakeDaemon.listen(where.locations);
  daemon.answers['daemon/shutdown'] = () => {
    setTimeout(() => void daemon.stop(), 50);
    return { stopping: true };
  };
  expect(await stopDaemon({ deliberate: true }, where)).toBe(true);
  expect(daemon.asked).toMatchObject([{ method: 'daemon/shutdown', params: { deliberate: true } }]);
  expect(await askDaemon(where)).toBeUndefined();
});

test('a refusal to stop is passed on', async () => {
  const where = scratch();
  const daemon = await FakeDaemon.listen(where.locations);
  daemon.answers['daemon/shutdown'] = () => {
    throw new ProtocolError('CONFLICT', 'the daemon is not idle');
  };
  expect(await rejection(stopDaemon({ onlyIfIdle: true }, where))).toMatchObject({ kind: 'CONFLICT' });
});

test('a stopped process is wedged to those who ask, and is ended by force', async () => {
  const where = scratch();
  const pid = await running(where);
  signalDaemon(where, pid, 'SIGSTOP');
  expect(await rejection(askDaemon(where))).toMatchObject({
    kind: 'DAEMON_WEDGED',
    message: expect.stringContaining(String(pid)) as unknown,
  });
  expect(await endDaemonProcess(where)).toBe(pid);
  expect(findDaemonProcess(where.locations)).toBeUndefined();
});

test('a process that ends by itself when asked is not killed', async () => {
  const where = scratch();
  const pid = await running(
    where,
    `serve(); process.on('SIGTERM', () => { writeFileSync(join(data, 'ended-in-order'), ''); process.exit(0); });`,
  );
  expect(await endDaemonProcess(where)).toBe(pid);
  expect(existsSync(`${where.locations.dataDirectory}/ended-in-order`)).toBe(true);
});

test('a process that only has the number of a daemon is left alone', async () => {
  const where = scratch();
  const pid = await running(where);
  const other = scratch();
  await running(other);
  expect(findDaemonProcess(where.locations)).toBe(pid);
  // As after a restart of the machine: the record names a process that is something else by now.
  const { writeFileSync } = await import('node:fs');
  const record = JSON.stringify({ starts: [{ at: 1, pid: process.pid, outcome: 'served' }] });
  writeFileSync(`${where.locations.endpoint.runDirectory}/starts.json`, record);
  expect(findDaemonProcess(where.locations)).toBeUndefined();
  expect(await rejection(endDaemonProcess(where))).toMatchObject({
    kind: 'DAEMON_WEDGED',
    message: expect.stringContaining('process is unknown') as unknown,
  });
  signalDaemon(where, pid, 'SIGKILL');
});
