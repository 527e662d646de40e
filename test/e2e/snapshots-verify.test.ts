/** What is stored is checked by a real daemon, for a person at `mctl`: what is damaged, and how that is said. */
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Client } from '../../client/connection/api.ts';
import type { ResultOf } from '../../protocol/methods.ts';
import { realHome, waitUntil, type RealHome } from '../support/real-daemon.ts';
import { Watcher } from '../support/watcher.ts';

interface Work {
  readonly home: RealHome;
  readonly client: Client;
  readonly me: Watcher;
}

async function worked(config = ''): Promise<Work> {
  const home = realHome({ config });
  writeFileSync(join(home.workspace, 'a.txt'), 'one\n');
  const client = await home.client();
  const prompt = 'edit a.txt one two\nrun head -c 300000 /dev/urandom > big.bin';
  const me = await Watcher.begin(client, { workspace: home.workspace, prompt, mode: 'full' });
  await me.state(1, 'completed');
  await me.submit('edit a.txt two three');
  await me.state(2, 'completed');
  return { home, client, me };
}

async function verify(home: RealHome, ...args: string[]) {
  const program = home.mctl(['snapshots', 'verify', ...args]);
  const { code } = await program.exit;
  return { code, out: program.stdout(), err: program.stderr() };
}

/** Where the snapshots of the one workspace are. */
function store({ dataDir }: RealHome): string {
  const all = join(dataDir, 'workspaces');
  return join(all, readdirSync(all)[0] ?? '');
}

function largestPack(directory: string): string {
  const packs = readdirSync(directory).filter((name) => name.endsWith('.pack'));
  const size = (name: string) => statSync(join(directory, name)).size;
  return packs.toSorted((left, right) => size(right) - size(left))[0] ?? '';
}

function flip(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

test.each([
  ['encrypted', ''],
  ['plain', 'snapshots_encrypt = false\n'],
])('a whole %s store is read by both readers, and a damage is named with the turn that it hurts', async (_, config) => {
  const { home, client, me } = await worked(config);
  const clean = await verify(home);
  expect(clean.out).toMatch(
    /^4 snapshots, 2 records of turns and restores, \d+ objects in \d packs, .*: all read by both readers\n$/,
  );
  expect(clean).toMatchObject({ code: 0, err: '' });
  const directory = store(home);
  const pack = largestPack(directory);
  flip(join(directory, pack), 100_000);
  const { code, out } = await verify(home, me.sessionId);
  expect(code).toBe(1);
  expect(out).toContain(`objects in pack ${pack} cannot be read: chunk 1 does not verify`);
  expect(out).toContain(`session ${me.sessionId}: the files after turn 1: CANNOT BE READ: 1 path: big.bin\n`);
  expect(out).not.toContain('the files before turn 1');
  expect(out).toContain(directory);
  const json = await verify(home, '--json');
  expect(JSON.parse(json.out)).toMatchObject({ workspace: home.workspace, directory, encrypted: config === '' });
  // The next snapshot brings what is still there again, under the same id.
  await client.call('snapshot/take', { opId: client.newOpId(), workspace: home.workspace });
  expect((await verify(home)).out).toContain('Every snapshot can be brought back as it was.');
  expect(await home.finish()).toEqual([]);
});

test('a store whose list of names is damaged is named too, whether it is open or not', async () => {
  const { home, client } = await worked();
  const refs = join(store(home), 'refs');
  flip(refs, 70);
  const open = await verify(home);
  expect(open).toMatchObject({ code: 1, out: expect.stringContaining('mctl snapshots take') });
  await client.call('snapshot/take', { opId: client.newOpId(), workspace: home.workspace });
  expect((await verify(home)).code).toBe(0);
  flip(refs, 70);
  await home.mctl(['daemon', 'restart']).exit;
  const closed = await verify(home);
  expect(closed.code).toBe(1);
  expect(closed.out).toMatch(/^The list of snapshots .*refs is damaged .*\nnothing else could be looked at\n$/);
});

test('where nothing is stored, and who is unknown, is said as elsewhere', async () => {
  const home = realHome();
  await home.client();
  expect(await verify(home)).toMatchObject({ code: 3, err: expect.stringContaining('there are no snapshots of') });
  expect(await verify(home, '01J00000000000000000000000')).toMatchObject({ code: 3 });
});

test('a turn comes in between, it tells how far it is, and ends with who asked for it', async () => {
  const home = realHome();
  for (let index = 0; index < 2_000; index += 1) {
    writeFileSync(join(home.workspace, `f${index}`), randomBytes(2_000));
  }
  const client = await home.client();
  const { workspace } = home;
  const me = await Watcher.begin(client, { workspace, prompt: 'write new.txt 1', mode: 'full' });
  await me.state(1, 'completed');
  const owner = { kind: 'workspace', workspace } as const;
  let total = 0;
  const isGoingOn = async () => {
    const { verifying } = await client.call('snapshot/status', { workspace });
    total = Math.max(total, verifying?.total ?? 0);
    return verifying !== undefined;
  };
  let isOver = false;
  const checked: Promise<ResultOf<'snapshot/verify'>> = client.call('snapshot/verify', { owner }).finally(() => {
    isOver = true;
  });
  await waitUntil('it has begun', async () => isOver || (await isGoingOn()));
  await me.submit('write new.txt 2');
  await me.state(2, 'completed');
  expect(await checked).toMatchObject({ problems: [], hurt: [], snapshots: 2 });
  // Somebody who asks and leaves.
  const mctl = home.mctl(['snapshots', 'verify']);
  await waitUntil('it has begun', async () => mctl.ended() !== undefined || (await isGoingOn()));
  mctl.process.kill('SIGINT');
  await mctl.exit;
  await waitUntil('it has ended', async () => !(await isGoingOn()));
  expect(total).toBeGreaterThan(2_000);
  expect(await client.call('snapshot/verify', { owner })).toMatchObject({ problems: [], hurt: [], snapshots: 4 });
  expect(await home.finish()).toEqual([]);
});

test('what somebody has deleted of it is missed', async () => {
  const { home, me } = await worked();
  const directory = store(home);
  rmSync(join(directory, largestPack(directory)));
  const { code, out } = await verify(home);
  expect(code).toBe(1);
  expect(out).toContain(`session ${me.sessionId}: the files after turn 1: CANNOT BE READ: `);
});
