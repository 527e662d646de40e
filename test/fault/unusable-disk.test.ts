/** A disk that can no longer be written, or no longer be read, under a daemon that runs: said, survived, nothing lost. */
import { expect, test } from 'vitest';
import { realHome, waitUntil } from '../support/real-daemon.ts';
import { promptFor } from './support/demo-prompts.ts';
import { breakDisk, type Fault } from './support/faulty-disk.ts';
import { Follower } from './support/follower.ts';
import { canTrace } from './support/power-loss/trace.ts';

const PATIENCE_MS = 30_000;

const UNUSABLE: readonly (readonly [what: string, fault: Fault])[] = [
  ['became read-only', { calls: 'pwrite64,fsync,fdatasync,ftruncate', error: 'EROFS', when: '1+' }],
  ['cannot be read', { calls: 'pread64,pwrite64,fsync,fdatasync', error: 'EIO', when: '1+' }],
];

test.for(UNUSABLE)(
  'a disk that %s is told with what to do; what was saved is there, and a turn in its middle goes on when the disk does',
  { timeout: 120_000 },
  async ([_what, fault], context) => {
    if (!canTrace()) context.skip('strace is not installed, or tracing is not allowed here');
    const home = realHome();
    const client = await home.client({ kind: 'chat' });
    const say = (target: object, text: string, opId = client.newOpId()) =>
      client.call('turn/submit', { opId, target: target as never, prompt: [{ type: 'text', text }] });
    const { sessionId } = await say({ kind: 'new', workspace: home.workspace }, 'first');
    const follower = await Follower.attach(await home.client(), sessionId, 'ben');
    await follower.untilOver(1);
    await say({ kind: 'session', sessionId }, promptFor(600));
    const [pid = 0] = home.daemonPids();
    const repair = await breakDisk(pid, home.dataDir, fault);
    const other = client.newOpId();
    let failed: number;
    try {
      // Its reply is complete by then and cannot be stored.
      await waitUntil(
        'the daemon says that something is not saved',
        async () => (await client.call('daemon/status', {})).storage.state !== 'saved',
        PATIENCE_MS,
      );
      expect((await client.call('daemon/status', {})).storage.reason).toMatch(/disk reported an error|cannot be/);
      await expect(say({ kind: 'new', workspace: home.workspace }, 'refused', other)).rejects.toMatchObject({
        kind: 'STORAGE_FAILED',
        retryable: true,
        hint: expect.stringContaining('mctl doctor'),
      });
      if (fault.error === 'EROFS') {
        expect((await client.call('session/messages', { sessionId })).messages[0]?.parts).toEqual([
          { type: 'text', text: 'first' },
        ]);
      }
      expect(home.daemonPids()).toEqual([pid]);
    } finally {
      failed = await repair();
    }
    expect(failed).toBeGreaterThan(0);
    await follower.untilOver(2);
    expect(follower.ends.get(2)).toMatchObject({ state: 'completed' });
    expect(follower.problems).toEqual([]);
    const { messages } = await client.call('session/messages', { sessionId });
    expect(messages.map(({ turn, role }) => [turn, role])).toEqual([
      [1, 'user'],
      [1, 'assistant'],
      [2, 'user'],
      [2, 'assistant'],
    ]);
    const again = await say({ kind: 'new', workspace: home.workspace }, 'refused', other);
    expect(again.sessionId).not.toBe(sessionId);
    expect((await client.call('session/list', {})).sessions).toHaveLength(2);
    expect((await client.call('session/verify', { sessionId })).problems).toEqual([]);
    expect((await client.call('store/verify', {})).problems).toEqual([]);
    expect((await client.call('daemon/status', {})).storage).toEqual({ state: 'saved', reason: '' });
  },
);
