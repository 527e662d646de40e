/** Turns by chance: two sessions and a person change files; restores lose nothing of what others did. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { chance, faultLoops } from '../../../fault/support/chance.ts';
import type { Chance } from '../../../fault/support/seeded.ts';
import { ALICE, BOB, Workbench } from './support/workbench.ts';

const NAMES = ['a', 'b', 'd/c', 'd/e', 'd/f/g', 'h'] as const;

let bench: Workbench;
beforeEach(() => {
  bench = new Workbench();
});
afterEach(() => {
  bench.close();
});

/** Each has files of its own, and what is written tells by whom. */
class Story {
  readonly #random: Chance;
  #last = 0;

  constructor(random: Chance) {
    this.#random = random;
  }

  change(who: string): void {
    const path = `${who}/${this.#random.pick(NAMES)}`;
    this.#last += 1;
    if (bench.text(path) !== undefined && this.#random.percent(25)) bench.remove(path);
    else bench.write(path, `${who} ${this.#last}`);
  }

  turn(sessionId: string, turn: number): void {
    const ref = { sessionId, turn };
    for (let call = this.#random.between(0, 3); call > 0; call -= 1) {
      if (this.#random.percent(30)) this.change('person');
      if (this.#random.percent(30)) bench.edit(ref, `${sessionId}/${this.#random.pick(NAMES)}`, `${this.#last}`);
      else bench.command(ref, () => this.change(sessionId));
      // Between two calls a daemon may die: what the calls changed is known all the same.
      if (this.#random.percent(10)) bench.crash();
    }
  }
}

function of(who: string): Record<string, string> {
  return Object.fromEntries(Object.entries(bench.files()).filter(([path]) => path.startsWith(`${who}/`)));
}

describe('sessions and a person in one workspace', () => {
  it('a restore brings a session to where it was, and nobody else is touched; undone, all is as before', async () => {
    const random = chance();
    for (let round = 0; round < Math.ceil(faultLoops() / 2); round += 1) {
      bench.close();
      bench = new Workbench(random.percent(50));
      const story = new Story(random);
      for (const who of ['person', ALICE, BOB]) for (let file = 0; file < 3; file += 1) story.change(who);
      const points: Record<string, string>[] = [];
      const turns = random.between(1, 4);
      for (let turn = 1; turn <= turns; turn += 1) {
        bench.pre(ALICE, turn);
        points.push(of(ALICE));
        story.turn(ALICE, turn);
        bench.end({ sessionId: ALICE, turn });
        bench.pre(BOB, turn);
        story.turn(BOB, turn);
        bench.end({ sessionId: BOB, turn });
        story.change('person');
      }
      for (let restore = random.between(1, 3); restore > 0; restore -= 1) {
        const turn = random.between(1, turns);
        const [before, person, bob] = [bench.files(), of('person'), of(BOB)];
        const plan = await bench.plan(ALICE, turn, 'pre', turns);
        expect(plan.counts.conflicts).toBe(0);
        expect(bench.files()).toEqual(before);
        await bench.workspace.apply(ALICE, plan.planId);
        expect(of(ALICE)).toEqual(points[turn - 1]);
        expect([of('person'), of(BOB)]).toEqual([person, bob]);
        if (random.percent(50) && plan.files.length > 0) {
          await bench.undo(ALICE, turns);
          expect(bench.files()).toEqual(before);
        }
      }
    }
  }, 600_000);
});
