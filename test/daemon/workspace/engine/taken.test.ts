import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { newStopFlag } from '../../../../daemon/workspace/engine/stop-flag.ts';
import { ALICE, BOB, Workbench } from './support/workbench.ts';

const ID = '01J0000000000000000000TAKE';

let bench: Workbench;
beforeEach(() => {
  // The file system keeps real time, which must not be behind.
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 24 * 60 * 60_000 });
  bench = new Workbench();
});
afterEach(() => {
  bench.close();
  vi.useRealTimers();
});

/** Turns, snapshots and restores lie a minute apart. */
function later(): void {
  vi.setSystemTime(Date.now() + 60_000);
}

function take(): void {
  later();
  bench.workspace.take({ sessionId: undefined, point: { kind: 'taken', id: ID } }, newStopFlag());
  later();
}

function turn(sessionId: string, number: number, work: (turn: { sessionId: string; turn: number }) => void): void {
  later();
  bench.pre(sessionId, number);
  work({ sessionId, turn: number });
  later();
  bench.end({ sessionId, turn: number });
}

function plan(newestTurn: number, sessionId = ALICE, all = false) {
  const params = { sessionId, target: { kind: 'taken', id: ID } as const, ...(all ? { all } : {}) };
  return bench.workspace.plan({ params, newestTurn }, newStopFlag());
}

describe('a snapshot that was taken by hand', () => {
  it('gives back what the session has changed since, over any number of turns, and nothing else', async () => {
    bench.write('a.txt', 'zero');
    bench.write('mine.txt', 'mine');
    turn(ALICE, 1, (it) => bench.edit(it, 'a.txt', 'one'));
    take();
    turn(ALICE, 2, (it) => bench.edit(it, 'a.txt', 'two'));
    turn(ALICE, 3, (it) => {
      bench.edit(it, 'a.txt', 'three');
      bench.command(it, () => bench.write('made.txt', 'made'));
    });
    bench.write('mine.txt', 'mine, later');
    const planned = await plan(3);
    expect(planned).toMatchObject({
      files: [
        { path: 'a.txt', action: 'change' },
        { path: 'made.txt', action: 'delete' },
      ],
      kept: [{ path: 'mine.txt', reason: 'yours' }],
      counts: { conflicts: 0 },
    });
    await expect(bench.workspace.apply(ALICE, planned.planId)).resolves.toMatchObject({ restored: 1, deleted: 1 });
    expect(bench.files()).toEqual({ 'a.txt': 'one', 'mine.txt': 'mine, later' });
    await bench.undo(ALICE, 3);
    expect(bench.files()).toEqual({ 'a.txt': 'three', 'made.txt': 'made', 'mine.txt': 'mine, later' });
  });

  it('is not led by what the session did before it: what a person repeats is theirs', async () => {
    bench.write('a.txt', 'old');
    turn(ALICE, 1, (it) => bench.edit(it, 'a.txt', 'new'));
    bench.write('a.txt', 'old');
    take();
    bench.write('a.txt', 'new');
    expect(await plan(1)).toMatchObject({ files: [], kept: [{ path: 'a.txt', reason: 'yours' }] });
  });

  it('is not led by restores from before it either, and takes back those after it', async () => {
    bench.write('a.txt', 'old');
    turn(ALICE, 1, (it) => bench.edit(it, 'a.txt', 'new'));
    later();
    await bench.restore(ALICE, 1, 'pre', 1);
    bench.write('a.txt', 'new');
    take();
    bench.write('a.txt', 'old');
    expect(await plan(1)).toMatchObject({ files: [], kept: [{ path: 'a.txt', reason: 'yours' }] });
    bench.write('a.txt', 'new');
    later();
    await bench.restore(ALICE, 1, 'pre', 1, { all: true });
    expect(await plan(1)).toMatchObject({ files: [{ path: 'a.txt', action: 'change' }], kept: [] });
  });

  it('of the middle of a turn gives back what the turn did after it, and keeps what is not plain', async () => {
    bench.write('both.txt', '1');
    bench.write('later.txt', '1');
    turn(ALICE, 1, (it) => {
      bench.edit(it, 'both.txt', '2');
      take();
      bench.edit(it, 'both.txt', '3');
      bench.edit(it, 'later.txt', '3');
    });
    expect(await plan(1)).toMatchObject({
      files: [{ path: 'later.txt', action: 'change' }],
      kept: [{ path: 'both.txt', reason: 'conflict' }],
    });
    expect(await plan(1, ALICE, true)).toMatchObject({ counts: { change: 2, kept: 0 } });
  });

  it('is one for every session of the workspace, each for its own changes', async () => {
    bench.write('a.txt', '1');
    bench.write('b.txt', '1');
    take();
    turn(ALICE, 1, (it) => bench.edit(it, 'a.txt', '2'));
    turn(BOB, 1, (it) => bench.edit(it, 'b.txt', '2'));
    expect((await plan(1)).files.map(({ path }) => path)).toEqual(['a.txt']);
    expect((await plan(1, BOB)).files.map(({ path }) => path)).toEqual(['b.txt']);
  });

  it('that does not exist is not found', async () => {
    bench.write('a.txt', '1');
    bench.pre(ALICE, 1);
    await expect(plan(1)).rejects.toMatchObject({
      kind: 'NOT_FOUND',
      message: `the files of ${ID} are not in a snapshot`,
    });
  });
});
