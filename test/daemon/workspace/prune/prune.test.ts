import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import git from 'isomorphic-git';
import { describe, expect, test } from 'vitest';
import { exportRepository } from '../../../../daemon/workspace/objects/export-repository.ts';
import { GIT_DIRECTORY, gitFileSystem } from '../../../../daemon/workspace/objects/git-file-system.ts';
import { reachable, readCommit } from '../../../../daemon/workspace/objects/object-walk.ts';
import { MissingObject } from '../../../../daemon/workspace/objects/store-errors.ts';
import { prune } from '../../../../daemon/workspace/prune/prune.ts';
import { someKey, temporaryDirectory, writeSnapshot } from '../objects/support/side.ts';
import {
  expectClosed,
  expectWhole,
  open,
  packBytes,
  partsOf,
  pruneNow,
  take,
  type Files,
} from './support/prune-rig.ts';

/** 10 KB that no compression makes smaller. */
const body = () => randomBytes(10_000);

function directoryBytes(directory: string): number {
  return readdirSync(directory).reduce((total, name) => total + statSync(join(directory, name)).size, 0);
}

describe.each([
  ['an encrypted', someKey()],
  ['a plain', undefined],
])('%s side repository', (_, key) => {
  test('case 61: gives up what only snapshots need that go, and keeps what others share with them', () => {
    const directory = temporaryDirectory();
    const opened = open(directory, key);
    const shared = body();
    const first: Files = { shared, own: body(), more: body() };
    const second: Files = { shared, own: body() };
    const gone = take(opened, 'snap/s/1-pre', first);
    take(opened, 'snap/s/2-pre', second);
    const before = directoryBytes(directory);
    const report = pruneNow(opened, { expired: ['snap/s/1-pre', 'snap/not/there'] });
    expect(report).toMatchObject({ expired: ['snap/s/1-pre'], evicted: [], overBytes: 0, damagedObjects: 0 });
    expect(report.freedBytes).toBeGreaterThan(20_000);
    expect(report.leftBytes).toBe(packBytes(opened));
    expect(before - directoryBytes(directory)).toBeGreaterThan(19_000);
    for (const each of [opened, open(directory, key)]) {
      expectWhole(each, new Map([['snap/s/2-pre', second]]));
      expect(() => each.store.read(gone)).toThrow(MissingObject);
    }
  });

  test('says with a dry run what it would do, and does nothing', () => {
    const directory = temporaryDirectory();
    const opened = open(directory, key);
    const kept = new Map<string, Files>();
    for (let turn = 1; turn <= 6; turn += 1) {
      const files = { a: body(), b: body(), [`${turn}`]: body() };
      take(opened, `snap/s/${turn}`, files);
      kept.set(`snap/s/${turn}`, files);
    }
    const parts = { expired: ['snap/s/1'], spare: [['snap/s/6'], ['snap/s/5', 'snap/s/4']], maxBytes: 150_000 };
    const before = readdirSync(directory).map((name) => readFileSync(join(directory, name)));
    const said = pruneNow(opened, { ...parts, dryRun: true });
    expect(readdirSync(directory).map((name) => readFileSync(join(directory, name)))).toEqual(before);
    expectWhole(opened, kept);
    const done = pruneNow(opened, parts);
    expect({ ...said, durationMs: 0 }).toEqual({ ...done, durationMs: 0 });
    expect(said).toMatchObject({ expired: ['snap/s/1'], evicted: ['snap/s/5', 'snap/s/4'] });
  });

  test('case 66: is read by isomorphic-git and, exported, by native git', async () => {
    const opened = open(temporaryDirectory(), key, { limits: { packBytes: 30_000 } });
    const same = body();
    for (let turn = 1; turn <= 8; turn += 1) {
      take(opened, `snap/s/${turn}`, {
        same,
        [`${turn % 3}`]: body(),
        text: Buffer.from(`line ${turn}\n`.repeat(900)),
      });
    }
    pruneNow(opened, { expired: [1, 2, 3, 5, 6].map((turn) => `snap/s/${turn}`) });
    const repository = { fs: gitFileSystem(opened.store, opened.refs), gitdir: GIT_DIRECTORY };
    for (const { name, id } of opened.refs.list()) {
      expect(await git.resolveRef({ ...repository, ref: `refs/${name}` })).toBe(id);
      for (const oid of reachable(opened.store, [id])) {
        const { object } = await git.readObject({ ...repository, oid, format: 'content' });
        expect(opened.store.read(oid).body.equals(object as Uint8Array)).toBe(true);
      }
    }
    const destination = join(temporaryDirectory(), 'export.git');
    exportRepository(opened.store, opened.refs, destination, { aborted: false });
    const env = {
      PATH: process.env['PATH'],
      HOME: destination,
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: '/dev/null',
    };
    const fsck = ['-c', `safe.directory=${destination}`, `--git-dir=${destination}`, 'fsck', '--full', '--strict'];
    expect(execFileSync('git', fsck, { env, encoding: 'utf8', stdio: 'pipe' })).not.toMatch(/missing|dangling/);
  });
});

describe('clearing up', () => {
  test('thoroughly leaves no byte of a session that is deleted', () => {
    const directory = temporaryDirectory();
    const opened = open(directory, undefined);
    const secret = Buffer.from('a secret of the session '.repeat(9));
    const batch = opened.store.begin('fast');
    const ids = [writeSnapshot(batch, { secret }), writeSnapshot(batch, { other: body() })];
    batch.commit();
    opened.refs.change(ids.map((id, index) => ({ name: `snap/s${index}/1`, id })));
    const holding = () => readdirSync(directory).filter((name) => readFileSync(join(directory, name)).includes(secret));
    opened.refs.change([{ name: 'snap/s0/1', id: undefined }]);
    pruneNow(opened);
    expect(holding()).toHaveLength(1);
    pruneNow(opened, { thorough: true });
    expect(holding()).toEqual([]);
    expect(opened.store.has(ids[1]!)).toBe(true);
    expectClosed(opened);
  });

  test('rolls many small packs into one, as they are', () => {
    const opened = open(temporaryDirectory(), someKey());
    const kept = new Map<string, Files>();
    for (let turn = 1; turn <= 33; turn += 1) {
      kept.set(`snap/s/${turn}`, { own: body() });
      if (turn === 33) expect(pruneNow(opened).freedBytes).toBe(0);
      take(opened, `snap/s/${turn}`, kept.get(`snap/s/${turn}`)!);
    }
    expect(opened.store.packs()).toHaveLength(33);
    pruneNow(opened);
    expect(opened.store.packs()).toHaveLength(1);
    expectWhole(opened, kept);
  });

  test('keeps what is held without a name', () => {
    const opened = open(temporaryDirectory(), someKey());
    const id = take(opened, 'a', { a: body() });
    take(opened, 'b', { b: body() });
    const { tree } = readCommit(opened.store, id);
    pruneNow(opened, { expired: ['a'], held: () => [tree], thorough: true });
    expect(opened.store.has(id)).toBe(false);
    for (const each of reachable(opened.store, [tree])) opened.store.read(each);
    pruneNow(opened, { thorough: true });
    expect(opened.store.has(tree)).toBe(false);
  });

  test('hides what nobody needs in a pack that stays, also when the store is opened again, until it is brought again', () => {
    const directory = temporaryDirectory();
    const key = someKey();
    let opened = open(directory, key);
    const [a, b] = [body(), body()];
    const small = { a: Buffer.from('small') };
    const batch = opened.store.begin('fast');
    const [gone, stays] = [writeSnapshot(batch, small), writeSnapshot(batch, { a, b })];
    batch.commit();
    opened.refs.change([{ name: 'stays', id: stays }]);
    const pack = opened.store.packs()[0]?.name;
    pruneNow(opened);
    for (let times = 0; times < 2; times += 1) {
      expect(opened.store.packs().map(({ name }) => name)).toEqual([pack]);
      expect([opened.store.has(gone), opened.store.has(stays)]).toEqual([false, true]);
      expect(opened.store.verify({ aborted: false }).damage).toEqual([]);
      opened = open(directory, key);
    }
    expect(take(opened, 'again', small)).toBe(gone);
    expect(opened.store.packs()).toHaveLength(2);
    opened = open(directory, key);
    expectWhole(
      opened,
      new Map<string, Files>([
        ['again', small],
        ['stays', { a, b }],
      ]),
    );
    pruneNow(opened, { thorough: true });
    expectWhole(
      opened,
      new Map<string, Files>([
        ['again', small],
        ['stays', { a, b }],
      ]),
    );
    expect(readdirSync(directory).toSorted()).toEqual(
      [...opened.store.packs().map(({ name }) => name), 'hidden', 'refs'].toSorted(),
    );
    pruneNow(opened);
    expect(readdirSync(directory)).not.toContain('hidden');
  });

  test('goes on hiding what an earlier time has hidden in the same pack', () => {
    const directory = temporaryDirectory();
    const key = someKey();
    const opened = open(directory, key);
    const batch = opened.store.begin('fast');
    const [first, second] = ['first', 'second'].map((text) => writeSnapshot(batch, { text: Buffer.from(text) }));
    const stays = writeSnapshot(batch, { a: body() });
    batch.commit();
    opened.refs.change([
      { name: 'second', id: second },
      { name: 'stays', id: stays },
    ]);
    pruneNow(opened);
    pruneNow(opened, { expired: ['second'] });
    const { store } = open(directory, key);
    expect([first, second, stays].map((id) => store.has(id!))).toEqual([false, false, true]);
  });

  test('case 65: removes what a crash has left under temporary names', () => {
    const directory = temporaryDirectory();
    const key = someKey();
    take(open(directory, key), 'a', { a: body() });
    const again = open(directory, key);
    for (const kind of ['pack', 'removal', 'hidden']) writeFileSync(join(directory, `tmp_${kind}_0123`), 'left');
    pruneNow(again);
    expect(readdirSync(directory).filter((name) => name.startsWith('tmp_'))).toEqual([]);
  });

  test('does nothing when the list of names is lost', () => {
    const directory = temporaryDirectory();
    const key = someKey();
    take(open(directory, key), 'a', { a: body() });
    rmSync(join(directory, 'refs'));
    const opened = open(directory, key);
    for (const dryRun of [true, false]) expect(pruneNow(opened, { thorough: true, dryRun }).freedBytes).toBe(0);
    expect(opened.store.packs()).toHaveLength(1);
  });

  test('that is stopped leaves what was there, and can begin again', () => {
    const directory = temporaryDirectory();
    const opened = open(directory, someKey());
    const kept = new Map<string, Files>([['b', { b: body() }]]);
    take(opened, 'a', { a: body() });
    take(opened, 'b', kept.get('b')!);
    for (let steps = 1; ; steps += 1) {
      const run = prune(partsOf(opened, { expired: ['a'], thorough: true }), 0);
      let finished = false;
      for (let step = 0; step < steps && !finished; step += 1) finished = run.step() !== undefined;
      run.stop();
      expect(readdirSync(directory).filter((name) => name.startsWith('tmp_'))).toEqual([]);
      expectClosed(opened);
      if (finished) break;
    }
    expectWhole(opened, kept);
    expect(opened.store.packs()).toHaveLength(1);
  });
});
