/** A daemon that is killed at any moment while snapshots are cleared up: those that are listed are whole. */
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Client } from '../../client/connection/api.ts';
import { realHome, type RealHome } from '../support/real-daemon.ts';
import { chance, faultLoops } from './support/chance.ts';

const BYTES = 400_000;

const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** Contents that are new, and whose snapshot says so later. */
async function take(client: Client, { workspace }: RealHome, taken: Map<string, string>): Promise<void> {
  const bytes = randomBytes(BYTES);
  writeFileSync(join(workspace, 'big.bin'), bytes);
  const { snapshot } = await client.call('snapshot/take', { opId: client.newOpId(), workspace });
  if (snapshot.point.kind === 'taken') taken.set(snapshot.point.id, digest(bytes));
}

function git(home: RealHome, directory: string, ...args: string[]): Buffer {
  const env = { PATH: process.env['PATH'], HOME: home.root, GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' };
  return execFileSync('git', ['--git-dir', directory, ...args], { env, maxBuffer: 10 * BYTES, stdio: 'pipe' });
}

/** Every snapshot that is listed holds what was there when it was taken, by another program's reading. */
async function expectWhole(client: Client, home: RealHome, taken: Map<string, string>, round: number): Promise<number> {
  const { workspace } = home;
  const { snapshots } = await client.call('snapshot/list', { owner: { kind: 'workspace', workspace } });
  const destination = join(home.root, `export-${round}`);
  await client.call('snapshot/export', { workspace, destination });
  git(home, destination, 'fsck', '--full', '--strict');
  const refs = git(home, destination, 'for-each-ref', '--format=%(objectname) %(refname)')
    .toString()
    .trim()
    .split('\n');
  expect(refs).toHaveLength(snapshots.length);
  for (const line of refs) {
    const [commit = '', name = ''] = line.split(' ');
    const id = name.slice(name.lastIndexOf('/') + 1);
    expect(digest(git(home, destination, 'cat-file', 'blob', `${commit}:big.bin`))).toBe(taken.get(id));
  }
  return snapshots.length;
}

function bytesStored({ dataDir }: RealHome): number {
  const all = join(dataDir, 'workspaces');
  const files = readdirSync(all).flatMap((name) => readdirSync(join(all, name)).map((file) => join(all, name, file)));
  return files.reduce((bytes, path) => bytes + statSync(path).size, 0);
}

test('snapshots that are listed are whole, whenever the daemon was killed', { timeout: 600_000 }, async () => {
  const random = chance();
  const home = realHome({ config: 'snapshots_max_stored_megabytes = 1\n' });
  const taken = new Map<string, string>();
  for (let round = 0; round < Math.ceil(faultLoops() / 2); round += 1) {
    const client = await home.client();
    for (let count = random.between(2, 5); count > 0; count -= 1) await take(client, home, taken);
    const pruned = client.call('snapshot/prune', {}).catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, random.between(0, 60)));
    home.signalDaemons('SIGKILL');
    await pruned;
    expect(await expectWhole(client, home, taken, round)).toBeGreaterThan(0);
    await client.close();
  }
  const client = await home.client();
  await client.call('snapshot/prune', {});
  expect(await expectWhole(client, home, taken, -1)).toBe(2);
  expect(bytesStored(home)).toBeLessThan(1.3 * 1024 * 1024);
  await client.close();
  expect(await home.finish()).toEqual([]);
});
