/** What a restore brings back belongs to whom it belonged when it was replaced, whoever replaced it. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { newStopFlag } from '../../../../daemon/workspace/engine/stop-flag.ts';
import { ALICE, BOB, Workbench } from './support/workbench.ts';

let bench: Workbench;
beforeEach(() => {
  bench = new Workbench();
});
afterEach(() => {
  bench.close();
});

function turn(number: number, path: string, text: string, sessionId = ALICE): void {
  bench.pre(sessionId, number);
  bench.edit({ sessionId, turn: number }, path, text);
  bench.end({ sessionId, turn: number });
}

async function undoAll(newestTurn: number): Promise<void> {
  const params = { sessionId: ALICE, target: { kind: 'undo' }, all: true } as const;
  const { planId } = await bench.workspace.plan({ params, newestTurn }, newStopFlag());
  await bench.workspace.apply(ALICE, planId);
}

it('a file that a turn set back, and a restore saved, is not set back by the next restore', async () => {
  bench.write('a.txt', 'committed');
  turn(1, 'other.txt', 'x');
  bench.write('a.txt', 'mine');
  turn(2, 'a.txt', 'committed');
  await bench.restore(ALICE, 2, 'pre', 2);
  expect(bench.text('a.txt')).toBe('mine');
  const { kept } = await bench.plan(ALICE, 1, 'pre', 2);
  expect(kept).toEqual([{ path: 'a.txt', reason: 'yours' }]);
  await bench.restore(ALICE, 1, 'pre', 2);
  expect(bench.files()).toEqual({ 'a.txt': 'mine' });
});

it('what a restore overwrote before a turn, and an undo brought back after it, is kept when that turn goes', async () => {
  bench.write('mine.txt', 'old');
  bench.write('own.txt', 'old');
  turn(1, 'mine.txt', 'new');
  turn(2, 'own.txt', 'new');
  bench.write('mine.txt', 'mine');
  await bench.restore(ALICE, 1, 'pre', 2, { all: true });
  turn(3, 'mine.txt', 'newer');
  await undoAll(3);
  expect(bench.files()).toEqual({ 'mine.txt': 'mine', 'own.txt': 'new' });
  const { files, kept } = await bench.plan(ALICE, 3, 'pre', 3);
  expect(kept).toEqual([{ path: 'mine.txt', reason: 'conflict' }]);
  expect(files.map(({ path }) => path)).toEqual(['own.txt']);
});

it('what a fork brings back that was overwritten before it was made is nothing of the fork’s', async () => {
  bench.write('a.txt', 'old');
  turn(1, 'a.txt', 'new');
  bench.write('a.txt', 'mine');
  turn(2, 'b.txt', 'b');
  await bench.restore(ALICE, 1, 'pre', 2, { all: true });
  bench.workspace.copySession(ALICE, BOB, 1);
  await bench.undo(BOB, 1);
  expect(bench.text('a.txt')).toBe('mine');
  expect(await bench.plan(BOB, 1, 'pre', 1)).toMatchObject({
    files: [],
    kept: [
      { path: 'a.txt', reason: 'conflict' },
      { path: 'b.txt', reason: 'yours' },
    ],
  });
});

it('what a turn does when it goes on after a restore is the turn’s, and so is what it did before', async () => {
  bench.write('a.txt', 'old');
  bench.write('b.txt', 'old');
  const first = { sessionId: ALICE, turn: 1 };
  bench.pre(ALICE, 1);
  bench.edit(first, 'a.txt', 'new');
  bench.edit(first, 'b.txt', 'new');
  bench.end(first);
  await bench.restore(ALICE, 1, 'pre', 1, { paths: ['a.txt'] });
  for (const text of ['again', 'and again']) {
    bench.pre(ALICE, 1);
    bench.edit(first, 'a.txt', text);
    bench.end(first);
    await bench.restore(ALICE, 1, 'pre', 1, { paths: ['a.txt'] });
    await bench.undo(ALICE, 1);
  }
  expect(bench.text('a.txt')).toBe('and again');
  expect(await bench.plan(ALICE, 1, 'pre', 1)).toMatchObject({
    kept: [],
    files: [{ path: 'a.txt' }, { path: 'b.txt' }],
  });
});

it('a restore that was planned before another turn is carried out after it, and counts so', async () => {
  bench.write('a.txt', 'old');
  turn(1, 'a.txt', 'new');
  const { planId } = await bench.plan(ALICE, 1, 'pre', 1);
  turn(2, 'b.txt', 'b');
  await bench.workspace.apply(ALICE, planId);
  expect(bench.files()).toEqual({ 'a.txt': 'old', 'b.txt': 'b' });
  await bench.restore(ALICE, 2, 'pre', 2);
  expect(bench.files()).toEqual({ 'a.txt': 'new' });
});
