/** Errors of the disk at every system call of a conversation with the vault, by fault injection. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openedVault } from '../support/direct-vault.ts';
import { chance, faultLoops } from './support/chance.ts';
import type { Chance } from './support/seeded.ts';
import { Planner, type Plan } from './support/power-loss/plan.ts';
import { compare, explain, look, secretsOf } from './support/power-loss/sight.ts';
import { canTrace } from './support/power-loss/trace.ts';

const CHILD = join(import.meta.dirname, 'support', 'power-loss', 'plan-child.ts');
const DEADLINE_MS = 60_000;
const NO_STRACE = 'strace is not installed, or tracing is not allowed here';
/** Runs for each loop; 200 loops are enough for every call. */
const RUNS = 1.2;

/** System calls that fail together, with what they may fail with. */
const FAULTS = [
  { calls: 'fsync,fdatasync', errors: ['EIO', 'ENOSPC'] },
  { calls: 'pwrite64', errors: ['EIO', 'ENOSPC'] },
  { calls: 'pread64', errors: ['EIO'] },
  { calls: 'ftruncate', errors: ['EIO', 'ENOSPC'] },
  { calls: 'unlink,unlinkat', errors: ['EIO'] },
  { calls: 'link,linkat,rename', errors: ['EIO', 'ENOSPC'] },
  { calls: 'mkdir', errors: ['EIO', 'ENOSPC'] },
] as const;

interface Place {
  readonly calls: string;
  readonly error: string;
  /** As strace is told it: the first and the last time. */
  readonly when: string;
}

interface Run {
  readonly problems: readonly string[];
  readonly refusals: readonly string[];
  /** Names of the calls that were made, in order. */
  readonly calls: readonly string[];
}

/** From the creation of a store to its last word: every kind of call, some of them together. */
function conversation(lots: Chance): Plan {
  const plan = new Planner(lots);
  plan.open();
  const first = plan.create();
  const second = plan.create();
  plan.turn(first);
  plan.together(() => {
    plan.turn(first);
    plan.turn(second);
    plan.create();
    plan.remember(first);
    plan.remember(second);
  });
  plan.enqueue(second);
  plan.enqueue(second);
  plan.cancelLast(second);
  plan.takeFirst(second);
  plan.draft(first, 1);
  plan.turn(first, 9_000);
  plan.save(first);
  plan.turn(plan.fork(first, 2));
  plan.rename(first);
  plan.pin(second);
  plan.secret('provider-key:local', 'one');
  plan.delete(first);
  plan.turn(second);
  plan.close();
  plan.open();
  plan.turn(second);
  plan.close();
  return plan.plan;
}

/** Only what happens to the files of the store is traced, and fails. */
function straceOf(directory: string, log: string, calls: string, inject: readonly string[]): string[] {
  const files = ['d', 'd/key', 'd/store', 'd/store/m.db', 'd/store/m.db-wal', 'd/store/m.db-journal'];
  const paths = files.flatMap((file) => ['-P', join(directory, file)]);
  return ['-f', '-qq', '-s', '0', '-o', log, ...paths, '-e', `trace=${calls}`, ...inject];
}

/** Carries the plan out, and looks at what it has left. */
async function carryOut(plan: Plan, place?: Place): Promise<Run> {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'me')));
  const [root, planFile, log] = [join(directory, 'd'), join(directory, 'plan.json'), join(directory, 'trace')];
  try {
    mkdirSync(root, { mode: 0o700 });
    writeFileSync(planFile, JSON.stringify(plan));
    const all = FAULTS.map(({ calls }) => calls).join(',');
    const inject = place === undefined ? [] : ['-e', `inject=${place.calls}:error=${place.error}:when=${place.when}`];
    const strace = straceOf(directory, log, all, inject);
    const [program, ...args] = ['strace', ...strace, process.execPath, CHILD, planFile, root] as const;
    const env = { PATH: process.env['PATH'] };
    const { status, signal, stdout, stderr } = spawnSync(program, args, {
      env,
      encoding: 'utf8',
      timeout: DEADLINE_MS,
    });
    const said = stdout.split('\n');
    const problems = said.filter((line) => line.startsWith('problem '));
    if (status !== 0) problems.push(`it ended with ${signal ?? status}: ${stderr.slice(0, 500)}`);
    else problems.push(...(await finalProblems(root, plan)));
    const refusals = said.filter((line) => line.startsWith('refused '));
    return { problems, refusals, calls: readFileSync(log, 'utf8').match(/(?<=^\d+ +)\w+(?=\()/gm) ?? [] };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Everything is there in the end, once. */
async function finalProblems(root: string, plan: Plan): Promise<string[]> {
  const calls = plan.steps.flat();
  try {
    const vault = await openedVault(root);
    const sight = await look(vault, secretsOf(calls));
    await vault.close();
    return compare(sight, calls, new Set(calls.map(({ number }) => number)));
  } catch (error) {
    return [explain(error)];
  }
}

/** Every call that may fail, each with what it may fail with, for as long as chance wants it. */
function placesOf(calls: readonly string[], lots: Chance): Place[] {
  const places: (Place & { order: number })[] = [];
  for (const fault of FAULTS) {
    const count = calls.filter((name) => fault.calls.split(',').includes(name)).length;
    for (let first = 1; first <= count; first += 1) {
      const error = fault.errors[Math.floor(lots.next() * fault.errors.length)] ?? 'EIO';
      const when = `${first}..${first + lots.pick([0, 0, 0, 1, 3, 10])}`;
      // The rare calls first: there are few of them, and each is a case of its own.
      places.push({ calls: fault.calls, error, when, order: lots.next() * count });
    }
  }
  return places.sort((left, right) => left.order - right.order);
}

test(
  'an error of the disk is answered with its reason, leaves nothing behind, and harms nothing that comes after it',
  { timeout: 60_000 + faultLoops() * 6_000 },
  async (context) => {
    if (!canTrace()) context.skip(NO_STRACE);
    const lots = chance();
    const plan = conversation(lots);
    const whole = await carryOut(plan);
    expect(whole.problems).toEqual([]);
    const places = placesOf(whole.calls, lots).slice(0, faultLoops() * RUNS);
    const problems: string[] = [];
    const refusals: string[] = [];
    for (const place of places) {
      const run = await carryOut(plan, place);
      refusals.push(...run.refusals);
      problems.push(...run.problems.map((problem) => `${place.calls} ${place.error} ${place.when}: ${problem}`));
    }
    process.stdout.write(
      `disk errors: ${places.length} runs, ${refusals.length} refusals, ${problems.length} failures\n`,
    );
    expect(problems).toEqual([]);
    const reasons = refusals.map((line) => line.replace(/^refused \d+ /, ''));
    for (const reason of reasons) expect(reason).toMatch(/^STORAGE_(FULL|FAILED) .*: ./);
    expect(reasons.length).toBeGreaterThan(0);
  },
);
