/** Random edits, scan after scan; what is on the disk decides, and git gives a second opinion. */
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { Chance } from '../../../fault/support/seeded.ts';
import { edit } from './support/random-edits.ts';
import { pictureOf, diskPicture, ScanBench } from './support/scan-bench.ts';

const LOOPS = Number(process.env['M_FAULT_LOOPS'] ?? 10);
const SEED = Number(process.env['M_FAULT_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const ROUNDS = 12;

test.each(Array.from({ length: LOOPS }, (_, index) => SEED + index))(
  'after any edits a scan is what is on the disk (seed %i)',
  (seed) => {
    const chance = new Chance(seed);
    const pick = (limit: number) => chance.between(0, limit - 1);
    const bench = new ScanBench(pick(2) === 0 && existsSync('/dev/shm') ? '/dev/shm' : tmpdir());
    try {
      for (let round = 0; round < ROUNDS; round += 1) {
        for (let left = 1 + pick(12); left > 0; left -= 1) edit(bench.root, pick);
        const turn = pick(6);
        if (turn === 0) bench.scanner.saveCache();
        if (turn === 1) bench.restart();
        if (turn === 2) bench.settle();
        const result = bench.scan({ relist: pick(4) === 0 });
        const expected = diskPicture(bench.root);
        expect(pictureOf(bench.store, result.tree), `round ${round}`).toEqual(expected);
        expect(result.files).toBe(Object.keys(expected).length);
        if (round === ROUNDS - 1) expect(result.tree).toBe(bench.nativeTree());
      }
    } finally {
      bench.dispose();
    }
  },
);
