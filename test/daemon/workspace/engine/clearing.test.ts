/** Old snapshots go, with the room that only they needed, and the others stay whole. */
import { randomBytes } from 'node:crypto';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { PruneOrder, PruneOutcome } from '../../../../daemon/services/snapshot-port.ts';
import { comeTooLate, filesReadBy, newStopFlag } from '../../../../daemon/workspace/engine/stop-flag.ts';
import { ALICE, BOB, point, Workbench } from './support/workbench.ts';

const DAY = 24 * 60 * 60 * 1000;
const NOW = Date.UTC(2026, 5, 1);

let bench: Workbench;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] });
  bench = new Workbench();
});

afterEach(() => {
  bench.close();
  vi.useRealTimers();
});

function order(more: Partial<PruneOrder> = {}): PruneOrder {
  vi.setSystemTime(NOW);
  return {
    protections: { pinned: new Set(), live: new Set(), saves: [] },
    now: NOW,
    seen: NOW,
    maxAgeMs: 7 * DAY,
    maxBytes: Infinity,
    thorough: true,
    dryRun: false,
    ...more,
  };
}

/** A turn so many days ago, which writes a file that nothing makes smaller. */
function turn(days: number, sessionId: string, number: number): string {
  vi.setSystemTime(NOW - days * DAY);
  bench.pre(sessionId, number);
  const text = randomBytes(50_000).toString('base64');
  bench.command({ sessionId, turn: number }, () => bench.write('big.txt', text));
  bench.end({ sessionId, turn: number });
  return text;
}

function prune(wanted: PruneOrder, between: () => void = () => undefined): PruneOutcome {
  bench.workspace.beginPrune(wanted);
  for (;;) {
    const done = bench.workspace.stepPrune();
    if (done !== undefined) return done;
    between();
  }
}

const listed = (sessionId?: string) => bench.workspace.list(sessionId, 100, undefined).snapshots.length;

describe('clearing up', () => {
  it('removes what is too old and frees its room, and what stays can still be brought back', async () => {
    for (let number = 1; number <= 6; number += 1) turn(20, ALICE, number);
    const text = turn(2, ALICE, 7);
    turn(1, ALICE, 8);
    const before = bench.workspace.status().storedBytes;
    const outcome = prune(order());
    expect(outcome).toMatchObject({ removed: 12, kept: 0, damaged: 0 });
    expect(outcome.freedBytes).toBeGreaterThan(200_000);
    expect(before - bench.workspace.status().storedBytes).toBeGreaterThan(200_000);
    expect(listed()).toBe(4);
    bench.leave();
    expect(await bench.restore(ALICE, 8, 'pre', 8)).toMatchObject({ restored: 1 });
    expect(bench.text('big.txt')).toBe(text);
  });

  it('says the same beforehand without doing it', () => {
    for (let number = 1; number <= 4; number += 1) turn(20, ALICE, number);
    turn(1, ALICE, 5);
    const forecast = prune(order({ dryRun: true }));
    expect(listed()).toBe(10);
    const outcome = prune(order());
    expect(forecast).toMatchObject({ removed: outcome.removed, names: outcome.names });
    expect(Math.abs(forecast.freedBytes - outcome.freedBytes)).toBeLessThan(1000);
  });

  it('keeps what a person has named, pinned sessions and the newest turn of a session that lives', async () => {
    turn(30, BOB, 1);
    turn(30, BOB, 2);
    const saved = turn(30, ALICE, 1);
    for (let number = 2; number <= 4; number += 1) turn(30, ALICE, number);
    const protections = { pinned: new Set([BOB]), live: new Set([ALICE]), saves: [{ session: ALICE, turn: 1 }] };
    expect(prune(order({ protections }))).toMatchObject({ removed: 4, kept: 8 });
    expect([listed(ALICE), listed(BOB)]).toEqual([4, 4]);
    // What the turns between changed is known although their files are gone.
    expect(await bench.restore(ALICE, 1, 'post', 4)).toMatchObject({ restored: 1, kept: 0 });
    expect(bench.text('big.txt')).toBe(saved);
  });

  it('leaves nothing of a directory in which everything is too old, not even the newest snapshot', () => {
    turn(30, ALICE, 1);
    turn(29, ALICE, 2);
    expect(prune(order())).toMatchObject({ removed: 4, names: 0, leftBytes: 0, newestAt: null });
    expect(bench.workspace.status()).toMatchObject({ snapshots: 0, lastAt: null });
    expect(turn(0, ALICE, 3)).not.toBe('');
    expect(listed()).toBe(2);
  });

  it('lets the oldest go when there is no room, and keeps what is protected all the same', () => {
    for (let number = 1; number <= 5; number += 1) turn(6 - number, ALICE, number);
    const { leftBytes } = prune(order({ dryRun: true }));
    const outcome = prune(order({ maxBytes: Math.floor(leftBytes / 2) }));
    expect(outcome.leftBytes).toBeLessThanOrEqual(leftBytes / 2);
    expect(outcome.removed).toBeGreaterThan(3);
    expect(bench.workspace.show(point(ALICE, 5, 'post'))).toBeDefined();
    const protections = { pinned: new Set([ALICE]), live: new Set<string>(), saves: [] };
    expect(prune(order({ maxBytes: 1, protections }))).toMatchObject({ removed: 0 });
  });

  it('keeps what a restore needs that was planned before, and a snapshot that is taken in between', async () => {
    const old = turn(20, ALICE, 1);
    for (let number = 2; number <= 3; number += 1) turn(20, ALICE, number);
    const { planId } = await bench.plan(ALICE, 1, 'post', 3, { all: true });
    let taken = 0;
    prune(order(), () => {
      taken += 1;
      bench.pre(BOB, taken);
    });
    await bench.workspace.apply(ALICE, planId);
    expect(bench.text('big.txt')).toBe(old);
    for (let number = 1; number <= taken; number += 1)
      expect(bench.workspace.show(point(BOB, number, 'pre'))).toBeDefined();
  });

  it.each([['in the same thread'], ['after another start']])(
    'has no file read again that has not changed since it was last looked at: %s',
    async (when) => {
      for (let file = 0; file < 20; file += 1) bench.write(`f${file}`, String(file));
      turn(1, ALICE, 1);
      // What is younger than the clock can tell is read in any case.
      const later = performance.timeOrigin + performance.now() + DAY;
      vi.setSystemTime(later);
      for (const text of ['one', 'two']) {
        bench.write('f0', text);
        bench.workspace.diff(ALICE, { from: point(ALICE, 1, 'pre').point });
      }
      if (when === 'after another start') bench.leave();
      prune(order({ protections: { pinned: new Set(), live: new Set([ALICE]), saves: [] }, thorough: false }));
      vi.setSystemTime(later);
      const flag = newStopFlag();
      bench.workspace.take(point(ALICE, 2, 'pre'), flag);
      expect(filesReadBy(flag)).toBe(0);
      expect(await bench.restore(ALICE, 1, 'pre', 2, { all: true })).toMatchObject({ restored: 1 });
      expect(bench.text('f0')).toBe('0');
    },
  );

  it('lets no snapshot go for what was only looked at', () => {
    for (let number = 1; number <= 3; number += 1) turn(3, ALICE, number);
    bench.write('big.txt', randomBytes(50_000).toString('base64'));
    bench.workspace.diff(ALICE, { from: point(ALICE, 1, 'pre').point });
    const recent = order({ thorough: false, maxAgeMs: Infinity });
    const { leftBytes } = prune({ ...recent, dryRun: true });
    expect(prune({ ...recent, maxBytes: leftBytes - 40_000 })).toMatchObject({ removed: 0 });
  });

  it('that was cut off says so, and can be begun again', () => {
    turn(20, ALICE, 1);
    bench.workspace.beginPrune(order());
    bench.crash();
    expect(() => bench.workspace.stepPrune()).toThrow('cut off');
    expect(prune(order())).toMatchObject({ removed: 2 });
  });

  it('knows how many snapshots there are and from when', () => {
    turn(20, ALICE, 1);
    turn(1, ALICE, 2);
    const inDays = (at: number | null) => Math.round((NOW - (at ?? 0)) / DAY);
    const { snapshots, oldestAt, newestAt } = bench.workspace.use();
    expect([snapshots, inDays(oldestAt), inDays(newestAt)]).toEqual([4, 20, 1]);
  });
});

describe('a list of names that is lost', () => {
  const packs = (): string[] => readdirSync(bench.directory).filter((name) => name.endsWith('.pack'));

  it('does not look as if nothing were kept: nothing is cleared up, and it is said', () => {
    turn(1, ALICE, 1);
    bench.leave();
    rmSync(join(bench.directory, 'refs'));
    const before = packs();
    for (const dryRun of [true, false]) {
      expect(() => prune(order({ dryRun }))).toThrow('the list of its snapshots (the file refs in the data directory)');
    }
    expect(packs()).toEqual(before);
  });

  it('is not one without any name, as when the first snapshot of all came too late', () => {
    bench.write('big.txt', randomBytes(50_000));
    const flag = newStopFlag();
    comeTooLate(flag);
    expect(() => bench.workspace.take(point(ALICE, 1, 'pre'), flag)).toThrow('not ready');
    expect(packs()).toHaveLength(1);
    bench.leave();
    expect(prune(order())).toMatchObject({ names: 0, removed: 0 });
    expect(packs()).toEqual([]);
  });
});
