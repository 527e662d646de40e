/** What a turn does to files, and the way back, through a real daemon. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Client } from '../../client/connection/api.ts';
import { JOURNAL_FILE } from '../../daemon/workspace/restore/restore-journal.ts';
import type { RestorePlan, RestoreResult, RestoreTarget } from '../../protocol/snapshot.ts';
import { realHome, waitUntil, type RealHome } from '../support/real-daemon.ts';
import { Watcher } from '../support/watcher.ts';

const before = (turn: number): RestoreTarget => ({ kind: 'turn', turn, phase: 'pre' });

interface Work {
  readonly home: RealHome;
  readonly client: Client;
  readonly me: Watcher;
}

/** A session whose first turn has done this. */
async function worked(prompt: string, files: Record<string, string> = {}, home = realHome()): Promise<Work> {
  for (const [name, content] of Object.entries(files)) writeFileSync(join(home.workspace, name), content);
  const client = await home.client();
  const me = await Watcher.begin(client, { workspace: home.workspace, prompt, mode: 'full' });
  await me.state(1, 'completed');
  return { home, client, me };
}

async function restore(
  { client, me }: Pick<Work, 'client' | 'me'>,
  target: RestoreTarget,
): Promise<{ plan: RestorePlan; result: RestoreResult }> {
  const { sessionId } = me;
  const plan = await client.call('restore/plan', { sessionId, target });
  const result = await client.call('restore/apply', { opId: client.newOpId(), sessionId, planId: plan.planId });
  return { plan, result };
}

function contents({ workspace }: RealHome, ...names: string[]): (string | null)[] {
  return names.map((name) => {
    const path = join(workspace, name);
    return existsSync(path) ? readFileSync(path, 'utf8') : null;
  });
}

describe('a turn that edits and runs a command', () => {
  const PROMPT = 'edit a.txt one two\nwrite new.txt fresh\nrun rm gone.txt && echo made > made.txt';
  const FILES = { 'a.txt': 'one\n', 'gone.txt': 'here\n', 'mine.txt': 'mine\n' };

  test('says what it did, is taken back byte by byte, and the way back is taken back too', async () => {
    const work = await worked(PROMPT, FILES);
    const { home, client, me } = work;
    const after = ['two\n', 'fresh\n', null, 'made\n', 'mine\n'];
    const files = ['a.txt', 'new.txt', 'gone.txt', 'made.txt', 'mine.txt'];
    expect(contents(home, ...files)).toEqual(after);
    const { turns } = await client.call('turn/list', { sessionId: me.sessionId });
    expect(turns).toMatchObject([
      {
        turn: 1,
        state: 'completed',
        snapshot: { restorable: true, reason: '', files: 4, added: 3, removed: 2, byShell: 2, others: 0 },
      },
    ]);
    writeFileSync(join(home.workspace, 'mine.txt'), 'changed by me\n');
    const { result } = await restore(work, before(1));
    expect(result).toMatchObject({ restored: 2, deleted: 2, left: 0 });
    expect(contents(home, ...files)).toEqual(['one\n', null, 'here\n', null, 'changed by me\n']);
    await restore(work, { kind: 'undo' });
    expect(contents(home, ...files)).toEqual([...after.slice(0, 4), 'changed by me\n']);
    await restore(work, { kind: 'undo' });
    expect(contents(home, ...files)).toEqual(['one\n', null, 'here\n', null, 'changed by me\n']);
  });

  test('keeps what the person changed meanwhile out of a plan', async () => {
    const work = await worked('edit a.txt one two', FILES);
    writeFileSync(join(work.home.workspace, 'mine.txt'), 'changed by me\n');
    const plan = await work.client.call('restore/plan', { sessionId: work.me.sessionId, target: before(1) });
    expect(plan.files.map(({ path }) => path)).toEqual(['a.txt']);
    expect(plan.kept).toEqual([{ path: 'mine.txt', reason: 'yours' }]);
  });

  test('leaves a difference between its beginning and its end that says who changed what', async () => {
    const { client, me } = await worked(PROMPT, FILES);
    const point = { kind: 'turn', turn: 1 } as const;
    const { files } = await client.call('snapshot/diff', {
      owner: { kind: 'session', sessionId: me.sessionId },
      from: { ...point, phase: 'pre' },
      to: { ...point, phase: 'post' },
    });
    expect(files.map(({ path, change, by }) => [path, change, by])).toEqual([
      ['a.txt', 'changed', 'tool'],
      ['gone.txt', 'deleted', 'shell'],
      ['made.txt', 'added', 'shell'],
      ['new.txt', 'added', 'tool'],
    ]);
  });
});

test('a snapshot that was taken by hand gives back what the session has changed since', async () => {
  const work = await worked('edit a.txt one two', { 'a.txt': 'one\n', 'mine.txt': 'mine\n' });
  const { home, client, me } = work;
  const { snapshot } = await client.call('snapshot/take', { opId: client.newOpId(), workspace: home.workspace });
  if (snapshot.point.kind !== 'taken') throw new Error('a snapshot of a turn');
  await me.submit('edit a.txt two three\nwrite new.txt fresh');
  await me.state(2, 'completed');
  writeFileSync(join(home.workspace, 'mine.txt'), 'changed by me\n');
  const { result } = await restore(work, snapshot.point);
  expect(result).toMatchObject({ restored: 1, deleted: 1, left: 0, kept: 1 });
  expect(contents(home, 'a.txt', 'new.txt', 'mine.txt')).toEqual(['two\n', null, 'changed by me\n']);
  await restore(work, { kind: 'undo' });
  expect(contents(home, 'a.txt', 'new.txt')).toEqual(['three\n', 'fresh\n']);
});

test('the entry about the files stands directly before the end of its turn', async () => {
  const { home, client, me } = await worked('write a.txt hello');
  const types: string[] = [];
  const attachment = await (
    await home.client()
  ).attach(
    me.sessionId,
    {
      opened: ({ events }) => void types.push(...events.map(({ type }) => type)),
      event: () => undefined,
      resumed: () => undefined,
      ended: () => undefined,
    },
    { tail: 500 },
  );
  expect(types.slice(-3)).toEqual(['message', 'snapshot', 'turn']);
  await attachment.detach();
  await client.close();
  expect(await home.finish()).toEqual([]);
});

test('a daemon that is killed in the middle of a command leaves files that can be brought back', async () => {
  const home = realHome();
  writeFileSync(join(home.workspace, 'a.txt'), 'one\n');
  const first = await home.client();
  const prompt = 'write b.txt fresh\nrun echo half > a.txt && sleep 300';
  const { sessionId } = await Watcher.begin(first, { workspace: home.workspace, prompt, mode: 'full' });
  await waitUntil('the command is half done', () => contents(home, 'a.txt')[0] === 'half\n');
  await first.close();
  expect(home.signalDaemons('SIGKILL')).toBe(1);
  await waitUntil('the daemon is gone', () => home.daemonPids().length === 0);

  const client = await home.client();
  const me = await Watcher.join(client, sessionId);
  await me.state(1, 'interrupted');
  const turn = { kind: 'turn', turn: 1 } as const;
  const points = { from: { ...turn, phase: 'pre' }, to: { ...turn, phase: 'post' } } as const;
  await expect(
    client.call('snapshot/diff', { owner: { kind: 'session', sessionId }, ...points }),
  ).rejects.toMatchObject({
    message: 'turn 1 is not over: the files after it are in no snapshot yet',
    hint: 'Compare it with the files as they are: /diff 1 now',
  });
  const plan = await client.call('restore/plan', { sessionId, target: before(1) });
  expect(plan.files.map(({ path }) => path)).toContain('b.txt');
  // Whose half a command's doing is that was cut off, nobody knows.
  const all = await client.call('restore/plan', { sessionId, target: before(1), all: true });
  expect(all.files.map(({ path }) => path)).toEqual(['a.txt', 'b.txt']);
  await client.call('restore/apply', { opId: client.newOpId(), sessionId, planId: all.planId });
  expect(contents(home, 'a.txt', 'b.txt')).toEqual(['one\n', null]);
});

test('a restore that a kill has cut off is complete when the next daemon answers', async () => {
  const count = 500;
  const home = realHome();
  const names = Array.from({ length: count }, (_, index) => `f${index}`);
  for (const name of names) writeFileSync(join(home.workspace, name), `${name} before\n`);
  const work = await worked(`run for f in f*; do echo after > "$f"; done`, {}, home);
  const { client, me } = work;
  const { sessionId } = me;
  const { planId, files, filesMore } = await client.call('restore/plan', { sessionId, target: before(1) });
  expect(files.length + filesMore).toBe(count);
  const isUnderWay = (): boolean =>
    readdirSync(join(home.dataDir, 'workspaces')).some((side) =>
      existsSync(join(home.dataDir, 'workspaces', side, JOURNAL_FILE)),
    );
  const opId = client.newOpId();
  const applied = client.call('restore/apply', { opId, sessionId, planId }).catch(() => undefined);
  await waitUntil('the restore has begun', isUnderWay);
  home.signalDaemons('SIGKILL');
  await applied;
  const restored = () => names.filter((name) => contents(home, name)[0] === `${name} before\n`);
  await (await home.client()).call('session/get', { sessionId });
  expect(restored()).toHaveLength(count);
  expect(isUnderWay()).toBe(false);
});

test('a store that is locked shows no snapshots, and shows them again when it is unlocked', async () => {
  const { client, me } = await worked('write a.txt hello');
  const owner = { kind: 'session', sessionId: me.sessionId } as const;
  const { snapshots } = await client.call('snapshot/list', { owner });
  await client.call('key/lock', {});
  await expect(client.call('snapshot/list', { owner })).rejects.toMatchObject({ kind: 'KEY_LOCKED' });
  await client.call('key/unlock', {});
  expect(await client.call('snapshot/list', { owner })).toEqual({ snapshots, nextCursor: null });
});

test('two turns are taken back one after the other, or both at once', async () => {
  const work = await worked('edit a.txt one two', { 'a.txt': 'one\n' });
  const { home, me } = work;
  await me.submit('edit a.txt two three');
  await me.state(2, 'completed');
  await restore(work, before(2));
  expect(contents(home, 'a.txt')).toEqual(['two\n']);
  await restore(work, before(1));
  expect(contents(home, 'a.txt')).toEqual(['one\n']);
  await restore(work, { kind: 'turn', turn: 2, phase: 'post' });
  expect(contents(home, 'a.txt')).toEqual(['three\n']);
});

test('a restore that is asked for twice is done once, and refused while a turn runs', async () => {
  const work = await worked('edit a.txt one two', { 'a.txt': 'one\n' });
  const { home, client, me } = work;
  const { sessionId } = me;
  const { planId } = await client.call('restore/plan', { sessionId, target: before(1) });
  const request = { opId: client.newOpId(), sessionId, planId };
  const first = await client.call('restore/apply', request);
  writeFileSync(join(home.workspace, 'a.txt'), 'mine\n');
  expect(await client.call('restore/apply', request)).toEqual(first);
  expect(contents(home, 'a.txt')).toEqual(['mine\n']);
  await me.submit('run sleep 300');
  await me.state(2, 'running');
  const planned = client.call('restore/plan', { sessionId, target: before(1) });
  await expect(planned).rejects.toMatchObject({ kind: 'CONFLICT' });
  await client.call('turn/cancel', { sessionId });
});

test('a fork has the snapshots of the turns that it shares, also when the session is gone', async () => {
  const { home, client, me } = await worked('edit a.txt one two', { 'a.txt': 'one\n' });
  const { sessionId } = me;
  const { session: fork } = await client.call('session/fork', { opId: client.newOpId(), sessionId });
  await client.call('session/delete', { opId: client.newOpId(), sessionId, saves: 'refuse' });
  const owner = { kind: 'session', sessionId: fork.id } as const;
  const { snapshots } = await client.call('snapshot/list', { owner });
  expect(snapshots.map(({ point }) => point)).toEqual([
    { kind: 'turn', turn: 1, phase: 'post' },
    { kind: 'turn', turn: 1, phase: 'pre' },
  ]);
  const gone = client.call('snapshot/list', { owner: { kind: 'session', sessionId } });
  await expect(gone).rejects.toMatchObject({ kind: 'NOT_FOUND' });
  await restore({ client, me: await Watcher.join(client, fork.id) }, before(1));
  expect(contents(home, 'a.txt')).toEqual(['one\n']);
});

test('a fork in another directory works there, and its snapshots begin there', async () => {
  const { home, client, me } = await worked('edit a.txt one two', { 'a.txt': 'one\n' });
  const workspace = join(home.root, 'elsewhere');
  const { sessionId } = me;
  const written = await client.call('snapshot/writeOut', { sessionId, turn: 1, phase: 'post', destination: workspace });
  expect(written).toMatchObject({ files: 1 });
  const request = { opId: client.newOpId(), sessionId, workspace };
  const { session: fork } = await client.call('session/fork', request);
  expect(fork.workspace).toBe(workspace);
  const there = await Watcher.join(client, fork.id);
  await there.submit('edit a.txt two three');
  await there.state(2, 'completed');
  expect(readFileSync(join(workspace, 'a.txt'), 'utf8')).toBe('three\n');
  expect(contents(home, 'a.txt')).toEqual(['two\n']);
  await restore({ client, me: there }, before(2));
  expect(readFileSync(join(workspace, 'a.txt'), 'utf8')).toBe('two\n');
  const planned = client.call('restore/plan', { sessionId: fork.id, target: before(1) });
  await expect(planned).rejects.toMatchObject({ kind: 'NOT_FOUND', hint: expect.stringContaining(sessionId) });
});

test('the home directory is not captured; the question about a change says so, and so does the turn', async () => {
  const home = realHome();
  const workspace = realpathSync(join(home.root, 'h'));
  const client = await home.client();
  const me = await Watcher.begin(client, { workspace, prompt: 'write a.txt hello', mode: 'ask' });
  const { question } = await me.asked();
  expect(question.reasons).toEqual([expect.stringMatching(/^The files cannot be brought back afterwards: .*home/)]);
  await me.answer(question.callId, { decision: 'allow' });
  await me.state(1, 'completed');
  const { turns } = await client.call('turn/list', { sessionId: me.sessionId });
  expect(turns).toMatchObject([{ snapshot: { restorable: false, reason: expect.stringContaining('home'), files: 1 } }]);
  expect(await client.call('snapshot/status', { workspace })).toMatchObject({ state: 'refused' });
  expect(existsSync(join(home.dataDir, 'workspaces'))).toBe(false);
});

test('nothing is captured where snapshots are switched off, and it can be switched on again', async () => {
  const home = realHome({ config: 'snapshots_enabled = false\n' });
  const { client, me } = await worked('write a.txt hello', {}, home);
  const { sessionId } = me;
  expect((await client.call('turn/list', { sessionId })).turns).toMatchObject([{ snapshot: null }]);
  const { workspace } = home;
  expect(await client.call('snapshot/status', { workspace })).toMatchObject({ state: 'off' });
  const taken = client.call('snapshot/take', { opId: client.newOpId(), workspace });
  await expect(taken).rejects.toMatchObject({ kind: 'REFUSED' });
  await client.call('config/set', { key: 'snapshots_enabled', value: 'true' });
  await me.submit('write a.txt again');
  await me.state(2, 'completed');
  expect((await client.call('turn/list', { sessionId })).turns[0]).toMatchObject({ snapshot: { restorable: true } });
  expect(await client.call('snapshot/status', { workspace })).toMatchObject({ state: 'on', encrypted: true });
});

test('a snapshot that a person has taken can be listed, compared with the files as they are, and exported', async () => {
  const home = realHome();
  const { workspace } = home;
  mkdirSync(join(workspace, 'src'));
  writeFileSync(join(workspace, 'src', 'a.txt'), 'one\n');
  const client = await home.client();
  const owner = { kind: 'workspace', workspace } as const;
  expect(await client.call('snapshot/list', { owner })).toEqual({ snapshots: [], nextCursor: null });
  const { snapshot } = await client.call('snapshot/take', { opId: client.newOpId(), workspace });
  expect((await client.call('snapshot/list', { owner })).snapshots).toEqual([snapshot]);
  rmSync(join(workspace, 'src'), { recursive: true });
  const { files } = await client.call('snapshot/diff', { owner, from: snapshot.point });
  expect(files).toMatchObject([{ path: 'src/a.txt', change: 'deleted', by: null }]);
  const destination = join(home.root, 'export');
  expect(await client.call('snapshot/export', { workspace, destination })).toMatchObject({ snapshots: 1 });
  expect(existsSync(join(destination, 'HEAD'))).toBe(true);
});

test('no file name and no content is in clear in the data directory', async () => {
  const { home } = await worked('write name-canary-81.txt content-canary-82');
  const found = execFileSync('sh', ['-c', 'grep -rlE "canary-8[12]" "$1" || true', 'sh', home.dataDir]);
  expect(String(found)).toBe('');
});
