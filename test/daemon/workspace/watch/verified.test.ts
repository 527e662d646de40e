/** Whether the watches tell all there is to tell is found out from time to time. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { KINDS, WatchBench } from './support/watch-bench.ts';

const SCRIPT = join(import.meta.dirname, 'support', 'deaf-worker.ts');

interface Deaf {
  readonly bench: WatchBench;
  /** Lets as much time go by as the watches are believed, and scans. */
  later(): void;
}

function deaf(): Deaf {
  let now = 0;
  const bench = new WatchBench(tmpdir(), { kind: KINDS.streams, script: SCRIPT, now: () => now });
  // What was written lately is looked at in any case.
  bench.bench.now = () => Date.now() + 150_000;
  onTestFinished(() => bench.dispose());
  for (const path of ['a/f', 'b/f']) bench.bench.file(path);
  bench.bench.settle();
  bench.settle();
  return {
    bench,
    later: () => {
      now += KINDS.streams.verifiedFor;
      bench.compare('a scan of everything');
    },
  };
}

describe('watches that tell nothing', () => {
  test('are given up when changes of two times were not told, and the reason is told', () => {
    const { bench, later } = deaf();
    bench.bench.file('a/f', 'changed');
    expect(bench.scan()).toMatchObject({ isWhole: false, changedDirectories: 0 });
    later();
    expect(bench.watched.choice.engine).toBe('watch');
    bench.bench.file('b/f', 'changed');
    later();
    const reason = 'changes in it were told by no watch, 2 times by now';
    expect(bench.watched.choice).toEqual({ engine: 'scan', reason });
    bench.bench.file('b/f', 'changed again');
    expect(bench.compare('scanned').isWhole).toBe(true);
  });

  test('are kept while there was nothing to tell but what a scan sees for itself', () => {
    const { bench, later } = deaf();
    for (let round = 0; round < 4; round += 1) {
      bench.bench.file(`a/new-${round}`);
      rmSync(join(bench.root, 'b'), { recursive: true });
      bench.bench.file('b/f', `made anew ${round}`);
      later();
    }
    expect(bench.watched.choice.engine).toBe('watch');
    expect(bench.scan().isWhole).toBe(false);
  });

  test('are kept when something was told while everything was scanned: that may have been it', () => {
    const { bench, later } = deaf();
    mkdirSync(join(bench.bench.base, 'side'), { recursive: true });
    writeFileSync(join(bench.bench.base, 'side', 'told'), '');
    for (let round = 0; round < 4; round += 1) {
      bench.bench.file('a/f', `changed ${round}`);
      later();
    }
    expect(bench.watched.choice.engine).toBe('watch');
  });
});
