/** A storm of edits against both engines for half an hour: M_SOAK_SECONDS says how long, three seconds where it does not. */
import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { storm } from '../daemon/workspace/watch/support/storm.ts';
import { WatchBench } from '../daemon/workspace/watch/support/watch-bench.ts';
import { chance } from './support/chance.ts';

const SECONDS = Number(process.env['M_SOAK_SECONDS'] ?? 3);

test.skipIf(process.platform !== 'linux')(
  'whatever is written meanwhile, the watches lead to what is on the disk',
  { timeout: SECONDS * 1_000 + 60_000 },
  async () => {
    const bench = new WatchBench(tmpdir());
    try {
      bench.settle();
      const pauses = await storm(bench, chance(), performance.now() + SECONDS * 1_000);
      expect(pauses).toBeGreaterThan(0);
      expect(bench.partial).toBeGreaterThan(pauses / 4);
    } finally {
      await bench.dispose();
    }
  },
);
