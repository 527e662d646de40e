/** Random edits, scan after scan; what is on the disk decides, and git gives a second opinion. */
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname } from 'node:path';
import { expect, test } from 'vitest';
import { Chance } from '../../../fault/support/seeded.ts';
import { pictureOf, diskPicture, ScanBench } from './support/scan-bench.ts';

const LOOPS = Number(process.env['M_FAULT_LOOPS'] ?? 10);
const SEED = Number(process.env['M_FAULT_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const ROUNDS = 12;

const NAMES = ['a', 'b', 'c.txt', 'foo', 'foo.bar', 'foo0', '\u00e9', 'sp ace', 'B'];

function edit(bench: ScanBench, pick: (limit: number) => number): void {
  const path = () => Array.from({ length: 1 + pick(3) }, () => NAMES[pick(NAMES.length)] ?? 'a').join('/');
  const one = bench.at(path());
  const other = bench.at(path());
  const actions: (() => void)[] = [
    () => writeFileSync(one, `content ${pick(5)}`),
    () => writeFileSync(one, `content ${pick(5)}`),
    () => (mkdirSync(dirname(one), { recursive: true }), writeFileSync(one, 'x'.repeat(pick(300)))),
    () => rmSync(one, { recursive: true, force: true }),
    () => renameSync(one, other),
    () => symlinkSync(path(), one),
    () => chmodSync(one, pick(2) === 0 ? 0o755 : 0o644),
    () => linkSync(one, other),
    () => mkdirSync(one, { recursive: true }),
    () => {
      const bytes = readFileSync(one);
      writeFileSync(one, bytes.reverse());
      utimesSync(one, 1_700_000_000, 1_700_000_000);
    },
  ];
  try {
    actions[pick(actions.length)]?.();
  } catch {
    // It is not there, or something else is: the next edit will find something.
  }
}

test.each(Array.from({ length: LOOPS }, (_, index) => SEED + index))(
  'after any edits a scan is what is on the disk (seed %i)',
  (seed) => {
    const chance = new Chance(seed);
    const pick = (limit: number) => chance.between(0, limit - 1);
    const bench = new ScanBench(pick(2) === 0 && existsSync('/dev/shm') ? '/dev/shm' : tmpdir());
    try {
      for (let round = 0; round < ROUNDS; round += 1) {
        for (let left = 1 + pick(12); left > 0; left -= 1) edit(bench, pick);
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
