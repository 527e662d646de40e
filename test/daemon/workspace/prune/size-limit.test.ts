import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { someKey, temporaryDirectory, writeSnapshot } from '../objects/support/side.ts';
import { expectWhole, open, packBytes, pruneNow, take, type Files } from './support/prune-rig.ts';

/** 10 KB that no compression makes smaller. */
const body = () => randomBytes(10_000);

describe('case 67: a limit', () => {
  function filled() {
    const directory = temporaryDirectory();
    const opened = open(directory, someKey());
    const same = body();
    const kept = new Map<string, Files>();
    for (let turn = 1; turn <= 20; turn += 1) {
      kept.set(`snap/s/${turn}`, { same, own: body() });
      take(opened, `snap/s/${turn}`, kept.get(`snap/s/${turn}`)!);
    }
    return { directory, opened, kept, spare: [...kept.keys()].map((name) => [name]).toReversed() };
  }

  test('is kept to by letting the oldest go first, and no more than needed', () => {
    const { opened, kept, spare } = filled();
    const report = pruneNow(opened, { spare, maxBytes: 100_000 });
    expect(report).toMatchObject({ expired: [], overBytes: 0 });
    expect(report.evicted).toEqual([...kept.keys()].slice(0, report.evicted.length).toReversed());
    expect(packBytes(opened)).toBeLessThanOrEqual(100_000);
    expect(packBytes(opened)).toBeGreaterThan(85_000);
    for (const name of report.evicted) kept.delete(name);
    expectWhole(opened, kept);
    expect(pruneNow(opened, { spare, maxBytes: 100_000 })).toMatchObject({ evicted: [], freedBytes: 0 });
  });

  test('that cannot be kept to is told, and what is protected stays', () => {
    const { opened, kept } = filled();
    const spare = [['snap/s/2', 'snap/s/9'], ['snap/s/1']];
    const report = pruneNow(opened, { spare, maxBytes: 100_000 });
    expect(report.evicted).toEqual(spare.flat());
    expect(report.overBytes).toBe(packBytes(opened) - 100_000);
    expect(report.overBytes).toBeGreaterThan(50_000);
    for (const name of spare.flat()) kept.delete(name);
    expectWhole(opened, kept);
  });

  test('has packs rewritten of which less than half is dead, when that is enough', () => {
    const opened = open(temporaryDirectory(), someKey());
    const batch = opened.store.begin('fast');
    const [a, b, c] = [body(), body(), body()];
    const gone = writeSnapshot(batch, { a });
    const stays = writeSnapshot(batch, { b, c });
    batch.commit();
    opened.refs.change([
      { name: 'gone', id: gone },
      { name: 'stays', id: stays },
    ]);
    expect(pruneNow(opened, { expired: ['gone'] }).freedBytes).toBe(0);
    expect(opened.store.has(gone)).toBe(false);
    expect(pruneNow(opened, { spare: [['stays']], maxBytes: 25_000 })).toMatchObject({ evicted: [], overBytes: 0 });
    expectWhole(opened, new Map([['stays', { b, c }]]));
  });
});
