/** The write-ahead log as a crash may leave it, cut off anywhere or with wrong bits: what is read is how the store once was. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { VaultPort } from '../../daemon/services/ports.ts';
import { firstTurn, openedVault, temporaryDirectory } from '../support/direct-vault.ts';
import { chance, faultLoops } from './support/chance.ts';
import type { Chance } from './support/seeded.ts';
import { Planner, type Plan, type PlannedCall } from './support/power-loss/plan.ts';
import { compare, explain, look } from './support/power-loss/sight.ts';

const FILES = ['key', 'store/m.db', 'store/m.db-wal'] as const;
const LOG = 'store/m.db-wal';
/** Images of each kind for each loop. */
const IMAGES = 4;

type Files = ReadonlyMap<(typeof FILES)[number], Buffer>;

/** Everything that leaves the log as long as it is: an erasure would empty it. */
function conversation(lots: Chance): Plan {
  const plan = new Planner(lots);
  const sessions = [plan.create(), plan.create()] as const;
  for (let turn = 0; turn < 8; turn += 1) plan.turn(lots.pick(sessions));
  plan.together(() => {
    for (const session of sessions) plan.turn(session);
  });
  plan.enqueue(sessions[0]);
  plan.draft(sessions[1], 1);
  plan.save(sessions[1]);
  plan.turn(plan.fork(sessions[1], 1));
  plan.rename(sessions[1]);
  plan.remember();
  return plan.plan;
}

async function carryOut(vault: VaultPort, plan: Plan): Promise<void> {
  for (const step of plan.steps) {
    const calls = step.map(({ method, args }) =>
      (vault[method] as (...all: readonly unknown[]) => Promise<unknown>)(...args),
    );
    await Promise.all(calls);
  }
}

/** The files of a vault that has been working and did not come to its end. */
async function filesAfter(plan: Plan): Promise<Files> {
  const directory = temporaryDirectory();
  const vault = await openedVault(directory.path);
  try {
    await carryOut(vault, plan);
    return new Map(FILES.map((name) => [name, readFileSync(join(directory.path, name))]));
  } finally {
    await vault.close();
    directory.remove();
  }
}

/** @returns what is wrong with the store that is found; undefined when it is what it once was. */
async function problemWith(files: Files, calls: readonly PlannedCall[]): Promise<string | undefined> {
  const directory = mkdtempSync(join(tmpdir(), 'mt'));
  mkdirSync(join(directory, 'store'), { mode: 0o700 });
  for (const [name, content] of files) writeFileSync(join(directory, name), content, { mode: 0o600 });
  try {
    const vault = await openedVault(directory);
    try {
      const sight = await look(vault, []);
      const isAfter = (end: number): boolean => {
        const done = calls.slice(0, end);
        return compare(sight, done, new Set(done.map(({ number }) => number))).length === 0;
      };
      if (!Array.from({ length: calls.length + 1 }, (_, end) => end).some(isAfter)) return 'it never was like this';
      await vault.append(firstTurn('after'));
      return undefined;
    } finally {
      await vault.close();
    }
  } catch (error) {
    return explain(error);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

test(
  'a log that was cut off or has wrong bits gives back what was there before, in order, and goes on from it',
  { timeout: 30_000 + faultLoops() * 3_000 },
  async () => {
    const lots = chance();
    const plan = conversation(lots);
    const calls = plan.steps.flat();
    const files = await filesAfter(plan);
    const log = files.get(LOG) ?? Buffer.alloc(0);
    expect(log.length).toBeGreaterThan(100_000);
    const cuts = Array.from({ length: faultLoops() * IMAGES }, () => log.subarray(0, lots.between(0, log.length)));
    const flips = Array.from({ length: faultLoops() * IMAGES }, () => {
      const flipped = Buffer.from(log);
      for (let bits = lots.between(1, 3); bits > 0; bits -= 1) {
        const at = lots.between(0, log.length - 1);
        flipped[at] = (flipped[at] ?? 0) ^ (1 << lots.between(0, 7));
      }
      return flipped;
    });
    const problems: string[] = [];
    for (const [index, image] of [log, ...cuts, ...flips].entries()) {
      const problem = await problemWith(new Map([...files, [LOG, image]]), calls);
      if (problem !== undefined) problems.push(`image ${index}: ${problem}`);
    }
    process.stdout.write(`torn logs: ${cuts.length + flips.length + 1} images, ${problems.length} failures\n`);
    expect(problems).toEqual([]);
  },
);
