/** Random edits, scan after scan, by both engines; what is on the disk decides. */
import { existsSync, linkSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Chance } from '../../../fault/support/seeded.ts';
import { edit } from '../scan/support/random-edits.ts';
import { pictureOf } from '../scan/support/scan-bench.ts';
import { KINDS, WatchBench } from './support/watch-bench.ts';

const LOOPS = Number(process.env['M_FAULT_LOOPS'] ?? 10);
const SEED = Number(process.env['M_FAULT_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const SEEDS = Array.from({ length: LOOPS }, (_, index) => SEED + index);
const ROUNDS = 40;
/** An answer of the library takes a tenth of a second, so it is asked in fewer runs. */
const RUNS = [
  ...SEEDS.map((seed) => ['directories', seed] as const),
  ...SEEDS.filter((_, index) => index % 10 === 0).map((seed) => ['streams', seed] as const),
];

function benchOf(kind: keyof typeof KINDS, parent: string): WatchBench {
  const bench = new WatchBench(parent, { kind: KINDS[kind] });
  // By streams, what was written lately is looked at in any case: nothing was.
  if (kind === 'streams') bench.bench.now = () => Date.now() + 150_000;
  return bench;
}

/**
 * Directories that go out of the workspace and come back, or take each other's place; files with two names.
 *
 * @returns whether a file may have got a further name.
 */
function moveAbout(bench: WatchBench, pick: (limit: number) => number): boolean {
  const top = () => join(bench.root, ['a', 'b', 'foo', 'B'][pick(4)] ?? 'a');
  const [one, other, away] = [top(), top(), join(bench.bench.base, `away-${pick(2)}`)];
  const link = () => {
    rmSync(join(other, 'link'), { force: true });
    linkSync(join(one, 'c.txt'), join(other, 'link'));
    if (pick(2) === 0) writeFileSync(join(other, 'link'), `through ${pick(9)}`);
  };
  const moves = [
    () => renameSync(one, away),
    () => renameSync(away, one),
    () => {
      renameSync(one, `${away}-t`);
      renameSync(other, one);
      renameSync(`${away}-t`, other);
    },
    () => {
      renameSync(one, `${away}-t`);
      writeFileSync(join(`${away}-t`, 'a'), `moved ${pick(9)}`);
      renameSync(`${away}-t`, one);
    },
    link,
    () => writeFileSync(join(one, 'link'), `through ${pick(9)}`),
    () => {
      mkdirSync(one, { recursive: true });
      writeFileSync(join(one, 'c.txt'), `content ${pick(9)}`);
    },
  ];
  const move = moves[pick(moves.length)];
  try {
    move?.();
  } catch {
    // It is not there, or something else is.
  }
  return move === link;
}

test.skipIf(process.platform !== 'linux').each(RUNS)(
  'after any edits the watches of %s lead to what is on the disk (seed %i)',
  { timeout: 60_000 },
  async (kind, seed) => {
    const chance = new Chance(seed);
    const pick = (limit: number) => chance.between(0, limit - 1);
    const parent = pick(2) === 0 && existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
    const bench = benchOf(kind, parent);
    try {
      bench.settle();
      for (let round = 0; round < ROUNDS; round += 1) {
        for (let left = pick(12); left > 0; left -= 1) {
          const hasLinked = pick(3) === 0 ? moveAbout(bench, pick) : edit(bench.root, pick);
          // What is written through a name that comes and goes between two scans is told nowhere.
          if (hasLinked) break;
        }
        bench.compare(`round ${round}`, { relist: pick(20) === 0 });
      }
      // A link with a further name makes a scan of everything, and so does every twentieth round.
      expect(bench.partial).toBeGreaterThan(ROUNDS / 4);
    } finally {
      await bench.dispose();
    }
  },
);

/** Rules and the paths in an index decide about directories that nothing has happened in. */
test.skipIf(process.platform !== 'linux').each(RUNS)(
  'after any change of rules the watches of %s lead to the same tree as a scan of everything (seed %i)',
  { timeout: 60_000 },
  async (kind, seed) => {
    const chance = new Chance(seed);
    const pick = (limit: number) => chance.between(0, limit - 1);
    const bench = benchOf(kind, tmpdir());
    const patterns = ['a', '*.txt', '!c.txt', 'b/', '/foo', 'foo*', '!foo.bar', 'a/b', '**/B', ''];
    const text = () => `${patterns[pick(patterns.length)] ?? ''}\n${patterns[pick(patterns.length)] ?? ''}\n`;
    const places = ['', 'a', 'b', 'b/a', 'foo'];
    const actions = [
      () => writeFileSync(join(bench.root, places[pick(5)] ?? '', '.gitignore'), text()),
      () => rmSync(join(bench.root, places[pick(5)] ?? '', '.gitignore')),
      () => writeFileSync(join(bench.root, '.git', 'info', 'exclude'), text()),
      () => bench.bench.git('add', '-A', '-f', places[1 + pick(4)] ?? 'a'),
      () => bench.bench.git('rm', '-rq', '--cached', '-f', '.'),
      () => writeFileSync(join(bench.bench.home, '.config', 'git', 'ignore'), text()),
      () => bench.bench.git('init', '-q', join(bench.root, places[1 + pick(4)] ?? 'a')),
      () => rmSync(join(bench.root, places[1 + pick(4)] ?? 'a', '.git'), { recursive: true }),
    ];
    try {
      mkdirSync(join(bench.bench.home, '.config', 'git'), { recursive: true });
      bench.bench.git('init', '-q', '.');
      bench.settle();
      for (let round = 0; round < ROUNDS / 2; round += 1) {
        for (let left = pick(8); left > 0; left -= 1) edit(bench.root, pick);
        if (pick(2) === 0) attempt(actions[pick(actions.length)]);
        const result = bench.scan();
        const alone = bench.alone.scan();
        expect(pictureOf(bench.bench.store, result.tree), `round ${round}`).toEqual(
          pictureOf(bench.alone.store, alone.tree),
        );
        expect([result.tree, result.files, result.bytes]).toEqual([alone.tree, alone.files, alone.bytes]);
        expect([result.rulesHash, result.directories]).toEqual([alone.rulesHash, alone.directories]);
      }
      expect(bench.partial).toBeGreaterThan(0);
    } finally {
      await bench.dispose();
    }
  },
);

function attempt(action: (() => void) | undefined): void {
  try {
    action?.();
  } catch {
    // Git refuses, or there is nothing to remove: the rounds go on with what is there.
  }
}
