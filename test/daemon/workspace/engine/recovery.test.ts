import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeRecord, type RestoreRecord } from '../../../../daemon/workspace/engine/records.ts';
import { SideRepository } from '../../../../daemon/workspace/engine/side-repository.ts';
import { newStopFlag } from '../../../../daemon/workspace/engine/stop-flag.ts';
import { planRestore } from '../../../../daemon/workspace/restore/plan-restore.ts';
import { ALICE, BOB, point, Workbench } from './support/workbench.ts';

const NO_RULES = { isIgnored: () => false };

let bench: Workbench;
beforeEach(() => {
  bench = new Workbench();
});
afterEach(() => {
  bench.close();
});

const turn = { sessionId: ALICE, turn: 1 };

/** As a restore leaves it that is killed when its journal is there and nothing is done. */
function beginRestore(): void {
  const side = new SideRepository(bench.directory, bench.key, true);
  const [before, after] = [side.snapshot(point(ALICE, 1, 'pre')), side.snapshot(point(ALICE, 1, 'post'))];
  const record: RestoreRecord = {
    kind: 'restore',
    at: Date.now(),
    sessionId: ALICE,
    afterTurn: 1,
    done: false,
    changes: [],
    skipped: [],
    skippedMore: 0,
  };
  const batch = side.store.begin('compressed');
  const commit = writeRecord(batch, after.tree, 'before a restore', record);
  batch.commit();
  side.refs.change([{ name: `restore/${ALICE}/1`, id: commit }]);
  const { writes, deletes, directories } = planRestore({
    source: side.store,
    current: after.tree,
    target: before.tree,
    changes: [],
    currentRules: NO_RULES,
    targetRules: NO_RULES,
    skipped: new Set(),
    all: true,
  });
  const order = {
    session: ALICE,
    turn: 1,
    phase: 'pre',
    safety: { tree: after.tree, commit },
    target: before.tree,
    started: 0,
  } as const;
  side.journal.begin({ order, mark: 'feed', writes, deletes, directories });
  side.close();
}

describe('a restore that was cut off', () => {
  beforeEach(() => {
    bench.write('a.txt', 'old');
    bench.pre(ALICE, 1);
    bench.edit(turn, 'a.txt', 'new');
    bench.edit(turn, 'b.txt', 'b');
    bench.end(turn);
    bench.crash();
    beginRestore();
  });

  it('is completed, told of, and can be undone', async () => {
    expect(await bench.workspace.recover()).toBe(
      `a restore of ${bench.root} that was cut off is complete now: 1 files restored, 1 deleted, 0 left as they are`,
    );
    expect(bench.files()).toEqual({ 'a.txt': 'old' });
    expect(await bench.workspace.recover()).toBeUndefined();
    await bench.undo(ALICE, 1);
    expect(bench.files()).toEqual({ 'a.txt': 'new', 'b.txt': 'b' });
  });

  it('is completed before another one is planned', async () => {
    const { counts } = await bench.plan(ALICE, 1, 'pre', 1);
    expect(counts).toMatchObject({ create: 0, change: 0, delete: 0 });
    expect(bench.files()).toEqual({ 'a.txt': 'old' });
  });
});

/** What was stored while this was done is damaged. */
function damageWhatStores(work: () => void): void {
  const before = new Set(packsOf());
  work();
  bench.crash();
  for (const name of packsOf()) if (!before.has(name)) writeFileSync(join(bench.directory, name), 'damaged');
}

function packsOf(): string[] {
  return readdirSync(bench.directory).filter((name) => name.endsWith('.pack'));
}

describe('what a turn changed, when the record of it is damaged,', () => {
  const second = { sessionId: ALICE, turn: 2 };

  beforeEach(() => {
    bench.write('a.txt', '0');
    bench.write('yours.txt', '0');
    bench.pre(ALICE, 1);
    bench.edit(turn, 'a.txt', '1');
    damageWhatStores(() => bench.end(turn));
    bench.pre(ALICE, 2);
    bench.edit(second, 'a.txt', '2');
    bench.end(second);
    bench.write('yours.txt', 'yours');
  });

  it('keeps a plan that needs it from being made, which names the way out', async () => {
    await expect(bench.plan(ALICE, 1, 'pre', 2)).rejects.toMatchObject({
      kind: 'TAMPERED',
      message: expect.stringContaining('what turn 1 changed is damaged'),
      hint: expect.stringContaining('--all'),
    });
    expect(bench.files()).toEqual({ 'a.txt': '2', 'yours.txt': 'yours' });
  });

  it('is not needed where everything is brought back, and the plan says what nobody can tell', async () => {
    const { warnings } = await bench.plan(ALICE, 1, 'pre', 2, { all: true });
    expect(warnings).toEqual([expect.stringMatching(/^what turn 1 changed is damaged .* it is brought back$/)]);
    await bench.restore(ALICE, 1, 'pre', 2, { all: true });
    expect(bench.files()).toEqual({ 'a.txt': '0', 'yours.txt': '0' });
    await bench.undo(ALICE, 2);
    expect(bench.files()).toEqual({ 'a.txt': '2', 'yours.txt': 'yours' });
  });

  it('is not needed for a later turn', async () => {
    await bench.restore(ALICE, 2, 'pre', 2);
    expect(bench.files()).toEqual({ 'a.txt': '1', 'yours.txt': 'yours' });
  });

  it('is as if it were of after a snapshot that was taken by hand, since nobody knows when it was', async () => {
    const id = '01J0000000000000000000000Z';
    const point = { kind: 'taken', id } as const;
    bench.workspace.take({ sessionId: undefined, point }, newStopFlag());
    bench.write('yours.txt', 'changed since');
    const params = { sessionId: ALICE, target: point };
    const planned = (all: boolean) =>
      bench.workspace.plan({ params: { ...params, all }, newestTurn: 2 }, newStopFlag());
    await expect(planned(false)).rejects.toMatchObject({ kind: 'TAMPERED' });
    expect((await planned(true)).files).toMatchObject([{ path: 'yours.txt', action: 'change' }]);
  });
});

it('a turn ends with its files captured when the record of a call is damaged, and nobody says who changed what', () => {
  bench.write('a.txt', '0');
  bench.pre(ALICE, 1);
  damageWhatStores(() => bench.edit(turn, 'a.txt', '1'));
  expect(() => bench.end(turn)).toThrow('what turn 1 changed is damaged');
  const [from, to] = [point(ALICE, 1, 'pre').point, point(ALICE, 1, 'post').point];
  const { files } = bench.workspace.diff(ALICE, { from, to });
  expect(files).toMatchObject([{ path: 'a.txt', by: null }]);
});

it('a mark of a command that was cut off keeps nobody from the workspace when it is damaged', async () => {
  bench.write('a.txt', '0');
  bench.pre(ALICE, 1);
  bench.write('b.txt', 'yours');
  damageWhatStores(() => bench.workspace.beginCall(turn, { kind: 'command', callId: 'C' }));
  bench.write('a.txt', 'by the command');
  expect(bench.workspace.list(ALICE, 10, undefined).snapshots).toHaveLength(1);
  const { files, kept } = await bench.plan(ALICE, 1, 'pre', 1);
  expect([files, kept.map(({ reason }) => reason)]).toEqual([[], ['yours', 'yours']]);
  await bench.restore(ALICE, 1, 'pre', 1, { all: true });
  expect(bench.files()).toEqual({ 'a.txt': '0' });
});

describe('a restore', () => {
  it('does not begin while one before it is not complete', async () => {
    bench.write('a.txt', 'old');
    bench.pre(ALICE, 1);
    bench.edit(turn, 'a.txt', 'new');
    bench.end(turn);
    const { planId } = await bench.plan(ALICE, 1, 'pre', 1);
    beginRestore();
    await expect(bench.workspace.apply(ALICE, planId)).rejects.toThrow('is not complete');
    expect(bench.files()).toEqual({ 'a.txt': 'new' });
  });

  it('of a session that is deleted is not carried out any more', async () => {
    bench.pre(ALICE, 1);
    bench.edit(turn, 'a.txt', 'new');
    bench.end(turn);
    const { planId } = await bench.plan(ALICE, 1, 'pre', 1);
    bench.workspace.forgetSession(ALICE);
    await expect(bench.workspace.apply(ALICE, planId)).rejects.toMatchObject({ kind: 'NOT_FOUND' });
    expect(bench.workspace.status()).toMatchObject({ snapshots: 0, lastAt: null });
  });
});

describe('what is stored of a workspace', () => {
  it('is captured anew when a part of it is damaged, and says so', async () => {
    bench.write('a.txt', 'a');
    const { ctimeMs } = statSync(join(bench.root, 'a.txt'));
    // What has only just been written is read again in any case.
    await expect.poll(() => Date.now() - ctimeMs).toBeGreaterThan(50);
    bench.pre(ALICE, 1);
    const packs = readdirSync(bench.directory).filter((name) => name.endsWith('.pack'));
    bench.write('b.txt', 'b');
    bench.pre(ALICE, 2);
    bench.workspace.saveCache();
    bench.crash();
    // The newest tree is whole, and one of the files in it is not.
    for (const name of packs) writeFileSync(join(bench.directory, name), 'damaged');
    const id = '01J0000000000000000000000Z';
    const name = { sessionId: undefined, point: { kind: 'taken', id } } as const;
    bench.workspace.take(name, newStopFlag());
    expect(bench.workspace.show(name).remarks).toEqual([
      '1 of the stored packs is damaged: all files were captured anew',
    ]);
    bench.write('a.txt', 'changed');
    const { files } = bench.workspace.diff(undefined, { from: name.point });
    expect(files).toMatchObject([{ path: 'a.txt', added: 1, removed: 1 }]);
    expect(() => bench.workspace.show(point(ALICE, 1, 'pre'))).toThrow('is missing');
  });

  it.each(['damaged', 'gone'])('is listed and exported as far as it is whole, when a part of it is %s', (how) => {
    bench.write('a.txt', 'a');
    bench.pre(ALICE, 1);
    const packs = readdirSync(bench.directory).filter((name) => name.endsWith('.pack'));
    bench.write('a.txt', 'b');
    bench.pre(ALICE, 2);
    bench.crash();
    for (const name of packs) {
      if (how === 'gone') rmSync(join(bench.directory, name));
      else writeFileSync(join(bench.directory, name), 'damaged');
    }
    for (const session of [ALICE, undefined]) {
      const { snapshots, unreadable } = bench.workspace.list(session, 10, undefined);
      expect([snapshots.map(({ point: { kind } }) => kind), unreadable]).toEqual([['turn'], 1]);
    }
    expect(bench.workspace.list(ALICE, 1, undefined).unreadable).toBeUndefined();
    const destination = bench.beside('export.git');
    expect(bench.workspace.exportTo(destination, newStopFlag())).toMatchObject({ snapshots: 1, damaged: 1 });
    const git = (...args: string[]) => execFileSync('git', ['--git-dir', destination, ...args], { encoding: 'utf8' });
    expect(git('fsck', '--strict')).toBe('');
    bench.write('a.txt', 'c');
    bench.pre(ALICE, 3);
    expect(bench.workspace.status()).toMatchObject({ snapshots: 3, files: 1 });
    expect(bench.workspace.status().damagedPacks).toBe(how === 'gone' ? undefined : 1);
  });

  it.each(['damaged', 'gone'])('is captured anew as soon as a pack is found %s, without a new start', (how) => {
    for (let file = 0; file < 20; file += 1) bench.write(`d/f${file}`, `${file}`);
    bench.pre(ALICE, 1);
    for (const name of readdirSync(bench.directory).filter((each) => each.endsWith('.pack'))) {
      const path = join(bench.directory, name);
      const bytes = readFileSync(path);
      bytes.fill(7, 64, 128);
      if (how === 'gone') rmSync(path);
      else writeFileSync(path, bytes);
    }
    bench.write('d/f0', 'changed');
    // Reads what is damaged.
    expect(() => bench.workspace.diff(ALICE, { from: point(ALICE, 1, 'pre').point })).toThrow(/is damaged|is missing/);
    bench.pre(ALICE, 2);
    expect(bench.workspace.show(point(ALICE, 2, 'pre')).remarks).toEqual([expect.stringContaining('captured anew')]);
    const whole = bench.workspace.exportTo(bench.beside('export.git'), newStopFlag());
    expect(whole).toMatchObject({ snapshots: 1, damaged: 1 });
    bench.pre(ALICE, 3);
    expect(bench.workspace.show(point(ALICE, 3, 'pre')).remarks).toEqual([]);
  });

  it('lets later turns be taken back when the record of a restore is damaged, and undoes no other one instead', async () => {
    bench.write('a.txt', '0');
    for (const number of [1, 2]) {
      bench.pre(ALICE, number);
      bench.edit({ sessionId: ALICE, turn: number }, 'a.txt', `${number}`);
      bench.end({ sessionId: ALICE, turn: number });
      await bench.restore(ALICE, number, 'pre', number);
    }
    for (const name of readdirSync(bench.directory).filter((each) => each.endsWith('.pack'))) {
      writeFileSync(join(bench.directory, name), 'damaged');
    }
    bench.crash();
    await expect(bench.planUndo(ALICE, 2)).rejects.toMatchObject({
      kind: 'TAMPERED',
      message: 'what the last restore did is damaged in the store, so it cannot be undone',
    });
    bench.pre(ALICE, 3);
    bench.edit({ sessionId: ALICE, turn: 3 }, 'a.txt', '3');
    bench.end({ sessionId: ALICE, turn: 3 });
    await bench.restore(ALICE, 3, 'pre', 3);
    expect(bench.text('a.txt')).toBe('0');
    await bench.undo(ALICE, 3);
    expect(bench.text('a.txt')).toBe('3');
  });

  it('tells its state also when the newest snapshot cannot be read', () => {
    bench.write('a.txt', 'a');
    bench.pre(ALICE, 1);
    bench.crash();
    for (const name of readdirSync(bench.directory).filter((each) => each.endsWith('.pack'))) {
      writeFileSync(join(bench.directory, name), 'damaged');
    }
    expect(bench.workspace.status()).toMatchObject({ snapshots: 1, lastAt: null, damagedPacks: 1 });
    expect(() => bench.workspace.exportTo(bench.beside('export.git'), newStopFlag())).toThrow('is missing');
    expect(existsSync(bench.beside('export.git'))).toBe(false);
  });

  it('goes out as a repository that git finds whole, with the snapshots of every session', async () => {
    for (const sessionId of [ALICE, BOB]) {
      bench.pre(sessionId, 1);
      bench.edit({ sessionId, turn: 1 }, `${sessionId}.txt`, sessionId);
      bench.command({ sessionId, turn: 1 }, () => bench.write('shared/x', sessionId));
      bench.end({ sessionId, turn: 1 });
    }
    await bench.restore(BOB, 1, 'pre', 1);
    const destination = bench.beside('export.git');
    const report = bench.workspace.exportTo(destination, newStopFlag());
    expect(report.snapshots).toBe(4);
    const env = {
      PATH: process.env['PATH'],
      HOME: bench.home,
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: '/dev/null',
    };
    const git = (...args: string[]): string =>
      execFileSync('git', ['-C', destination, ...args], { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    git('fsck', '--full', '--strict');
    expect(git('for-each-ref', '--format=%(refname)').split('\n')).toHaveLength(5);
    expect(existsSync(join(destination, 'objects/pack'))).toBe(true);
    expect(() => bench.workspace.exportTo(destination, newStopFlag())).toThrow('is not an empty directory');
  });
});
