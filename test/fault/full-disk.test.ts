/** A disk that fills up while a reply streams, under the real daemon with real clients. */
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Client } from '../../client/connection/api.ts';
import type { SessionEvent } from '../../protocol/event.ts';
import { realHome, waitUntil, type RealHome } from '../support/real-daemon.ts';
import { allSessions, checkLog, readLog } from './support/audit.ts';
import { answerTo } from './support/demo-prompts.ts';
import { Follower } from './support/follower.ts';
import { submit, textsOf } from './support/turns.ts';

/** Room for the store, the logs and the rest of a data directory. */
const SIZE = '6m';

/** @returns whether the data directory is now a file system of limited size. */
function limitSize(home: RealHome): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE},mode=0700`, 'tmpfs', home.dataDir], { stdio: 'ignore' });
  } catch {
    return false;
  }
  onTestFinished(() => {
    execFileSync('umount', ['-l', home.dataDir]);
  });
  return true;
}

/** Takes all the room that is left. @returns what gives it back. */
function fill(home: RealHome): () => void {
  const ballast = join(home.dataDir, 'ballast');
  const descriptor = openSync(ballast, 'w', 0o600);
  try {
    const page = Buffer.alloc(4096, 1);
    for (;;) writeSync(descriptor, page);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    closeSync(descriptor);
  }
  return () => {
    rmSync(ballast);
  };
}

/** What a client is told of the disk. */
async function storageNews(client: Client, sessionId: string): Promise<(SessionEvent & { type: 'storage' })['data'][]> {
  const news: (SessionEvent & { type: 'storage' })['data'][] = [];
  const handlers = {
    opened: () => undefined,
    resumed: () => undefined,
    event: (event: SessionEvent) => {
      if (event.type === 'storage') news.push(event.data);
    },
    ended: () => undefined,
  };
  await client.attach(sessionId, handlers, { tail: 0 });
  return news;
}

function prompt(client: Client, sessionId: string, text: string) {
  return {
    opId: client.newOpId(),
    target: { kind: 'session' as const, sessionId },
    prompt: [{ type: 'text' as const, text }],
  };
}

test(
  'a full disk is named to everybody, keeps the reply on screen, takes no prompt, and everything is saved once when there is room',
  { timeout: 90_000 },
  async (context) => {
    const home = realHome();
    if (!limitSize(home)) context.skip('a file system of limited size can only be mounted by root');
    const client = await home.client({ kind: 'chat' });
    const { sessionId } = await submit(client, home, 'echo before');
    const follower = await Follower.attach(client, sessionId, 'ada');
    await follower.untilOver(1);
    const news = await storageNews(await home.client(), sessionId);

    const counting = 'count to 150 every 10 ms';
    await submit(client, sessionId, counting);
    await follower.untilShown(2, ' 20');
    const makeRoom = fill(home);
    await waitUntil('the clients are told', () => news.some(({ state }) => state === 'unsaved'));
    expect(news.at(-1)?.reason).toMatch(/the disk is full$/);
    expect((await client.call('daemon/status', {})).storage).toMatchObject({
      state: 'unsaved',
      reason: news.at(-1)?.reason,
    });
    expect((await client.call('session/get', { sessionId })).session.status).toBe('waiting');

    // The whole reply is on the screen, also on that of whoever comes now, and nothing of what was there is out of reach.
    await follower.untilShown(2, ' 150');
    const late = await Follower.attach(await home.client(), sessionId, 'ben');
    await late.untilShown(2, ' 150');
    expect(await textsOf(client, sessionId)).toEqual(['echo before', answerTo('echo before'), counting]);

    const waiting = prompt(client, sessionId, 'echo waited');
    const fresh = { ...waiting, opId: client.newOpId(), target: { kind: 'new' as const, workspace: home.workspace } };
    for (const refused of [waiting, fresh, waiting]) {
      await expect(client.call('turn/submit', refused)).rejects.toMatchObject({
        kind: 'STORAGE_FULL',
        retryable: true,
      });
    }
    await expect(
      client.call('session/rename', { opId: client.newOpId(), sessionId, title: 'too late' }),
    ).rejects.toMatchObject({ kind: 'STORAGE_FULL' });
    expect(follower.ends.has(2)).toBe(false);

    makeRoom();
    await follower.untilOver(2);
    await waitUntil('the clients are told again', () => news.at(-1)?.state === 'saved');
    expect((await client.call('daemon/status', {})).storage.state).toBe('saved');
    for (const again of [waiting, fresh, fresh]) await client.call('turn/submit', again);
    await follower.untilOver(3);
    await late.untilOver(3);
    expect([...follower.problems, ...late.problems]).toEqual([]);
    expect(await textsOf(client, sessionId)).toEqual(
      ['echo before', counting, 'echo waited'].flatMap((text) => [text, answerTo(text)]),
    );
    await waitUntil('all is quiet', async () => (await allSessions(client)).every(({ status }) => status === 'idle'));

    home.signalDaemons('SIGKILL');
    const after = await home.client();
    const sessions = await allSessions(after);
    expect(sessions).toHaveLength(2);
    for (const session of sessions) {
      expect(checkLog(session, await readLog(after, session.id))).toEqual([]);
      expect((await after.call('session/verify', { sessionId: session.id })).problems).toEqual([]);
    }
    expect(await home.finish()).toEqual([]);
  },
);
