/** A storm of edits against both engines for half an hour: M_SOAK_SECONDS says how long, three seconds where it does not. */
import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { storm } from '../daemon/workspace/watch/support/storm.ts';
import { KINDS, WatchBench } from '../daemon/workspace/watch/support/watch-bench.ts';
import { chance } from './support/chance.ts';

const SECONDS = Number(process.env['M_SOAK_SECONDS'] ?? 3);

test.skipIf(process.platform !== 'linux').each([
  ['directories', 20],
  // A library tells nothing for half a second while somebody writes.
  ['streams', 4],
] as const)(
  'whatever is written meanwhile, the watches of %s lead to what is on the disk',
  { timeout: SECONDS * 1_000 + 60_000 },
  async (kind, scans) => {
    const bench = new WatchBench(tmpdir(), { kind: KINDS[kind] });
    try {
      bench.settle();
      const pauses = await storm(bench, chance(), performance.now() + SECONDS * 1_000, scans);
      expect(pauses).toBeGreaterThan(0);
      expect(bench.partial).toBeGreaterThan(pauses / 4);
    } finally {
      await bench.dispose();
    }
  },
);
