/** Scans while somebody writes, and what is on the disk once he has paused. */
import { once } from 'node:events';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Chance } from '../../../../fault/support/seeded.ts';
import type { WatchBench } from './watch-bench.ts';
import type { WriterSettings } from './writing-worker.ts';

const SCRIPT = join(import.meta.dirname, 'writing-worker.ts');

/**
 * @param until milliseconds of `performance.now()`. @param scans at most, between two pauses.
 * @returns how often both engines were compared with the disk.
 */
export async function storm(bench: WatchBench, chance: Chance, until: number, scans: number): Promise<number> {
  let pauses = 0;
  do {
    const stop = new SharedArrayBuffer(4);
    const settings: WriterSettings = { root: bench.root, seed: chance.between(0, 2 ** 31), stop };
    const writer = new Worker(SCRIPT, { workerData: settings });
    const ended = once(writer, 'exit');
    await once(writer, 'online');
    for (let left = chance.between(1, scans); left > 0; left -= 1) {
      bench.scan({ relist: chance.percent(5) });
      // Ends of threads are heard of between two scans.
      await new Promise((resolve) => setImmediate(resolve));
    }
    Atomics.store(new Int32Array(stop), 0, 1);
    await ended;
    pauses += 1;
    bench.compare(`pause ${pauses}`);
  } while (performance.now() < until);
  return pauses;
}
