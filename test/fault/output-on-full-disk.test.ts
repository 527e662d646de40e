/** A command that prints more than the disk of the store has room for, under the real daemon. */
import { execFileSync } from 'node:child_process';
import { expect, onTestFinished, test } from 'vitest';
import { realHome, waitUntil, type RealHome } from '../support/real-daemon.ts';
import { Watcher } from '../support/watcher.ts';
import { submit, untilStatus } from './support/turns.ts';

/** @returns whether the data directory is now a file system of limited size. */
function limitSize(home: RealHome): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m,mode=0700', 'tmpfs', home.dataDir], { stdio: 'ignore' });
  } catch {
    return false;
  }
  onTestFinished(() => {
    execFileSync('umount', ['-l', home.dataDir]);
  });
  return true;
}

test('what a command prints does not fill the disk of the store', { timeout: 120_000 }, async (context) => {
  const home = realHome();
  if (!limitSize(home)) context.skip('a file system of limited size can only be mounted by root');
  const client = await home.client();
  const command = 'head -c 40000000 /dev/urandom | base64';
  const me = await Watcher.begin(client, { workspace: home.workspace, prompt: `run ${command}`, mode: 'full' });
  await waitUntil('the turn is over', () => me.conversation.turns.get(1)?.state === 'completed', 90_000);
  const [result] = await me.results();
  expect(result?.output).toMatch(/could not be kept beyond its first [1-9]\d+ bytes because the disk is nearly full/);
  expect(result?.output).toContain('[exit code 0 after');
  expect((await client.call('daemon/status', {})).storage.state).toBe('saved');
  await submit(client, me.sessionId, 'echo after');
  await untilStatus(client, me.sessionId, 'idle');

  home.signalDaemons('SIGKILL');
  await waitUntil('the daemon is gone', () => home.daemonPids().length === 0);
  const listed = home.mctl(['sessions', 'list']);
  expect(await listed.exit).toMatchObject({ code: 0 });
  expect(listed.stdout()).toContain(me.sessionId.slice(0, 6));
  const after = await home.client();
  expect((await after.call('session/verify', { sessionId: me.sessionId })).problems).toEqual([]);
  await submit(after, me.sessionId, 'echo again');
  await untilStatus(after, me.sessionId, 'idle');
  expect(await home.finish()).toEqual([]);
});
