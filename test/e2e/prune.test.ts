/** Old snapshots go through a real daemon, what is protected stays, and a directory that was moved is found again. */
import { existsSync, readdirSync, readFileSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { realHome, type RealHome } from '../support/real-daemon.ts';
import { Watcher } from '../support/watcher.ts';

const MB = 1_000_000;

/** On the disk, of all workspaces. */
function stored({ dataDir }: RealHome): number {
  const all = join(dataDir, 'workspaces');
  const directories = existsSync(all) ? readdirSync(all) : [];
  const files = directories.flatMap((name) => readdirSync(join(all, name)).map((file) => join(all, name, file)));
  return files.reduce((bytes, path) => bytes + statSync(path).size, 0);
}

test('what there is no room for goes, a saved turn can still be brought back, and a deletion frees the rest', async () => {
  const home = realHome();
  const client = await home.client();
  const fill = 'run head -c 1500000 /dev/urandom > big.bin';
  const me = await Watcher.begin(client, { workspace: home.workspace, prompt: fill, mode: 'full' });
  await me.state(1, 'completed');
  const { sessionId } = me;
  const saved = readFileSync(join(home.workspace, 'big.bin'));
  await client.call('save/create', { opId: client.newOpId(), sessionId });
  for (let turn = 2; turn <= 5; turn += 1) {
    await me.submit(fill);
    await me.state(turn, 'completed');
  }
  const before = stored(home);
  expect(before).toBeGreaterThan(7 * MB);
  await client.call('config/set', { key: 'snapshots_max_stored_megabytes', value: '1' });
  const forecast = await client.call('snapshot/prune', { dryRun: true });
  expect(forecast).toMatchObject({ removed: 6, kept: 4 });
  const pruned = await client.call('snapshot/prune', {});
  expect(pruned).toMatchObject({ removed: 6, kept: 4, workspaces: [{ exists: true, problem: '' }] });
  expect(pruned.overBytes).toBeGreaterThan(MB);
  expect(before - stored(home)).toBeGreaterThan(2.5 * MB);
  const usage = await client.call('snapshot/usage', { all: true });
  expect(usage.storedBytes).toBeGreaterThan(usage.snapshotBytes);
  expect(usage).toMatchObject({
    snapshotBytes: pruned.leftBytes,
    maxStoredBytes: 1024 * 1024,
    prunedAt: expect.any(String),
    workspaces: [{ workspace: home.workspace, snapshots: 4 }],
  });
  const plan = await client.call('restore/plan', { sessionId, target: { kind: 'turn', turn: 1, phase: 'post' } });
  await client.call('restore/apply', { opId: client.newOpId(), sessionId, planId: plan.planId });
  expect(readFileSync(join(home.workspace, 'big.bin')).equals(saved)).toBe(true);
  await client.call('session/delete', { opId: client.newOpId(), sessionId, saves: 'delete' });
  expect(stored(home)).toBe(0);
});

test('a directory that was moved goes on with its sessions and snapshots at the new path', async () => {
  const home = realHome();
  const client = await home.client();
  const prompt = 'write a.txt one';
  const me = await Watcher.begin(client, { workspace: home.workspace, prompt, mode: 'full' });
  await me.state(1, 'completed');
  const { sessionId } = me;
  const moved = `${home.workspace}-moved`;
  renameSync(home.workspace, moved);
  expect((await client.call('snapshot/usage', { all: true })).workspaces).toMatchObject([
    { exists: false, snapshots: 2 },
  ]);
  const relink = { opId: client.newOpId(), from: home.workspace, to: moved };
  expect(await client.call('snapshot/relink', relink)).toEqual({ sessions: 1 });
  expect((await client.call('session/get', { sessionId })).session.workspace).toBe(moved);
  await me.submit('edit a.txt one two');
  await me.state(2, 'completed');
  expect(readFileSync(join(moved, 'a.txt'), 'utf8')).toBe('two\n');
  const plan = await client.call('restore/plan', { sessionId, target: { kind: 'turn', turn: 1, phase: 'pre' } });
  await client.call('restore/apply', { opId: client.newOpId(), sessionId, planId: plan.planId });
  expect(readdirSync(moved)).toEqual([]);
  expect((await client.call('session/verify', { sessionId })).problems).toEqual([]);
});
