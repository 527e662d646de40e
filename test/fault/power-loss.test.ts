/** Power cuts at every moment of a conversation with the vault, replayed from a trace of its system calls. */
import { describe, expect, test } from 'vitest';
import { chance, faultLoops } from './support/chance.ts';
import type { Chance } from './support/seeded.ts';
import { Planner, type Plan } from './support/power-loss/plan.ts';
import { judge, record } from './support/power-loss/replay.ts';
import { canTrace } from './support/power-loss/trace.ts';

const NO_STRACE = 'strace is not installed, or tracing is not allowed here';
/** Images for each loop. */
const IMAGES = 16;

/** Everything that a vault is asked for in a day, from its creation on. */
function conversation(lots: Chance): Plan {
  const plan = new Planner(lots);
  plan.open();
  const long = plan.create();
  for (let turn = 0; turn < 6; turn += 1) plan.turn(long);
  plan.turn(long, 70_000);
  const others = [plan.create(), plan.create(), plan.create()] as const;
  for (let round = 0; round < 3; round += 1) {
    plan.together(() => {
      for (const session of [long, ...others]) plan.turn(session);
      plan.remember(others[round]);
    });
    plan.pin(others[0]);
  }
  for (let prompt = 0; prompt < 3; prompt += 1) plan.enqueue(others[1]);
  plan.cancelLast(others[1]);
  plan.takeFirst(others[1]);
  plan.draft(long, 1);
  plan.draft(long, 2);
  plan.turn(long);
  plan.secret('provider-key:local', 'one');
  plan.secret('provider-key:local', 'two');
  const first = plan.save(long);
  plan.rename(long);
  const fork = plan.fork(long, 3);
  plan.together(() => {
    plan.turn(fork);
    plan.turn(long);
  });
  const second = plan.save(fork);
  plan.delete(others[2]);
  plan.delete(long);
  plan.turn(fork);
  plan.deleteSave(first);
  plan.secret('provider-key:local', null);
  plan.close();
  plan.open();
  plan.turn(fork);
  plan.remember();
  plan.remember(fork);
  plan.remember(others[0]);
  plan.delete(fork, [second]);
  plan.turn(others[0]);
  plan.close();
  return plan.plan;
}

describe('a power cut', () => {
  test(
    'loses nothing that was acknowledged, whatever became of what was not synced',
    { timeout: 30_000 + faultLoops() * 6_000 },
    async (context) => {
      if (!canTrace()) context.skip(NO_STRACE);
      const lots = chance();
      const { images, failures } = await judge(record(conversation(lots)), lots, faultLoops() * IMAGES);
      process.stdout.write(`power cuts: ${images} images, ${failures.length} failures\n`);
      expect(failures).toEqual([]);
      expect(images).toBeGreaterThan(faultLoops());
    },
  );

  test(
    'leaves a store that can be opened in the middle of its first start',
    { timeout: 30_000 + faultLoops() * 3_000 },
    async (context) => {
      if (!canTrace()) context.skip(NO_STRACE);
      const lots = chance();
      for (const keyFile of [false, true]) {
        const plan = new Planner(lots);
        plan.open();
        plan.create();
        const { images, failures } = await judge(record(plan.plan, { keyFile }), lots, faultLoops() * IMAGES);
        expect(failures).toEqual([]);
        expect(images).toBeGreaterThan(faultLoops());
      }
    },
  );

  test(
    'loses nothing that was acknowledged after an fsync that failed',
    { timeout: 30_000 + faultLoops() * 3_000 },
    async (context) => {
      if (!canTrace()) context.skip(NO_STRACE);
      const lots = chance();
      const whole = record(conversation(lots));
      const syncs = whole.events.filter(({ kind }) => kind === 'sync').length;
      let [images, failures] = [0, [] as string[]];
      for (let loop = 0; loop < Math.ceil(faultLoops() / 2); loop += 1) {
        const which = lots.between(1, syncs);
        const inject = `fsync,fdatasync:error=EIO:when=${which}..${which + lots.pick([0, 0, 1, 3, 6])}`;
        const verdict = await judge(record(conversation(lots), { inject }), lots, IMAGES);
        images += verdict.images;
        failures = [...failures, ...verdict.failures.map((failure) => `fsync ${which}: ${failure}`)];
      }
      process.stdout.write(`power cuts after a failed fsync: ${images} images, ${failures.length} failures\n`);
      expect(failures).toEqual([]);
    },
  );

  test.for(['NORMAL', 'OFF'] as const)(
    'is noticed by this test when the store writes with synchronous=%s',
    { timeout: 60_000 },
    async (synchronous, context) => {
      if (!canTrace()) context.skip(NO_STRACE);
      const lots = chance();
      const { images, failures } = await judge(record(conversation(lots), { synchronous }), lots, 60);
      process.stdout.write(`control ${synchronous}: ${images} images, ${failures.length} failures\n`);
      expect(failures.length).toBeGreaterThan(5);
    },
  );
});
