/** Trees, edits of a session and of a user by chance; who may lose what is told by a history that the plan does not see. */
import { mkdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { expect, test } from 'vitest';
import { toBytes } from '../../../../daemon/workspace/byte-text.ts';
import { hasAncestor } from '../../../../daemon/workspace/diff/path-scope.ts';
import { chance, faultLoops } from '../../../fault/support/chance.ts';
import type { ObjectId } from '../../../../daemon/workspace/objects/object.ts';
import type { Chance } from '../../../fault/support/seeded.ts';
import type { SampleFile } from '../support/memory-objects.ts';
import { after, file, link, program, RestoreRig } from './support/restore-rig.ts';

type Names = readonly [string, ...string[]];
const NAMES: Names = ['a', 'b', 'c.txt', '\xff', 'a-b'];
const IGNORED = ['inow', 'ithen'];

interface Step {
  readonly isUser: boolean;
  readonly sample: SampleFile | undefined;
}

/** What happened to each path since the target, and how it was then. */
class History {
  readonly #target: ReadonlyMap<string, SampleFile>;
  readonly #steps = new Map<string, Step[]>();

  constructor(target: ReadonlyMap<string, SampleFile>) {
    this.#target = target;
  }

  note(isUser: boolean, before: ReadonlyMap<string, SampleFile>, now: ReadonlyMap<string, SampleFile>): void {
    for (const path of new Set([...before.keys(), ...now.keys()])) {
      if (same(before.get(path), now.get(path))) continue;
      const steps = this.#steps.get(path) ?? [];
      this.#steps.set(path, [...steps, { isUser, sample: now.get(path) }]);
    }
  }

  /**
   * Whether the user has had a hand in it since it last was as the target has it. What he did and took back himself before
   * the session came again is nothing that could be lost.
   */
  isOfUser(path: string): boolean {
    const wanted = this.#target.get(path);
    let isOfUser = false;
    let beforeUser = wanted;
    const steps = this.#steps.get(path) ?? [];
    for (const [index, { isUser, sample }] of steps.entries()) {
      if (isUser && steps[index + 1]?.isUser === true) continue;
      if (same(sample, wanted)) isOfUser = false;
      else if (isUser && !same(sample, beforeUser)) isOfUser = true;
      beforeUser = sample;
    }
    return isOfUser;
  }
}

function same(left: SampleFile | undefined, right: SampleFile | undefined): boolean {
  return left?.mode === right?.mode && left?.content === right?.content;
}

function randomPath(random: Chance, names: Names): string {
  return Array.from({ length: random.pick([1, 1, 2, 2, 3]) }, () => random.pick(names)).join('/');
}

function randomFile(random: Chance): SampleFile | undefined {
  const content = String(random.between(0, 3));
  return random.pick([file(content), file(content), program(content), link(content), undefined]);
}

/** Makes room for a path as a person would. */
function makeRoom(rig: RestoreRig, path: string): void {
  const above = dirname(path);
  if (above !== '.') makeRoom(rig, above);
  if (above === '.' || rig.files().get(above) === undefined) return;
  rmSync(toBytes(`${rig.root}/${above}`), { recursive: true, force: true });
  mkdirSync(toBytes(`${rig.root}/${above}`), { recursive: true });
}

function edit(rig: RestoreRig, history: History | undefined, random: Chance, names: Names): void {
  const before = rig.files();
  const [first, ...others] = before.keys();
  const path = random.percent(50) && first !== undefined ? random.pick([first, ...others]) : randomPath(random, names);
  const isUser = random.percent(35);
  const start = rig.changes.length;
  // One act: what is in the way goes with it.
  rig.act(isUser ? undefined : random.pick(['tool', 'shell']), () => {
    makeRoom(rig, path);
    rig.user(path, randomFile(random));
  });
  if (isUser) expect(rig.changes.length).toBe(start);
  history?.note(isUser, before, rig.files());
}

interface Round {
  readonly rig: RestoreRig;
  readonly history: History;
  readonly target: ObjectId;
  readonly wanted: ReadonlyMap<string, SampleFile>;
}

function randomRound(random: Chance, names: Names): Round {
  const rig = new RestoreRig();
  for (let count = random.between(0, 12); count > 0; count -= 1) edit(rig, undefined, random, names);
  rig.changes.length = 0;
  const target = rig.tree();
  const wanted = rig.files();
  const history = new History(wanted);
  for (let count = random.between(1, 14); count > 0; count -= 1) edit(rig, history, random, names);
  return { rig, history, target, wanted };
}

test('a restore does what its plan says, touches nothing else and loses no work of the user', async () => {
  const random = chance();
  for (let round = 0; round < 12 * faultLoops(); round += 1) {
    const { rig, history, target, wanted } = randomRound(random, [...NAMES, ...IGNORED]);
    const before = rig.files();
    const skipped = new Set(random.percent(30) ? [randomPath(random, NAMES)] : []);
    const within = random.percent(30) ? [randomPath(random, NAMES), randomPath(random, NAMES)] : undefined;
    const all = random.percent(25);
    const plan = rig.plan(target, { all, skipped, ...(within === undefined ? {} : { within }) });
    const expected = after(before, plan, rig.objects);
    const untouched = [...before.keys()].filter((path) => expected.get(path) === before.get(path));
    const stamps = rig.stampsOf(untouched);

    const result = await rig.apply(plan);
    const now = rig.files();
    expect(result.skipped).toEqual([]);
    expect(now).toEqual(expected);
    expect(rig.stampsOf(untouched)).toEqual(stamps);
    expect(rig.leftovers()).toEqual([]);
    const blocked = new Set(plan.kept.filter(({ reason }) => reason === 'blocked').map(({ path }) => path));
    const isOutside = (path: string): boolean =>
      within !== undefined && !within.includes(path) && !hasAncestor(path, new Set(within));
    for (const path of new Set([...before.keys(), ...wanted.keys()])) {
      const isSkipped = skipped.has(path) || hasAncestor(path, skipped);
      const isUsers = history.isOfUser(path) && !all;
      const isIgnored = /(^|\/)i(now|then)/.test(path);
      const isLeft = isOutside(path) || isSkipped || isUsers || blocked.has(path);
      if (isLeft || (isIgnored && !wanted.has(path))) expect([path, now.get(path)]).toEqual([path, before.get(path)]);
      else if (!isIgnored) expect([path, now.get(path)]).toEqual([path, wanted.get(path)]);
    }
  }
}, 120_000);

test('case 53: what a restore did is undone, and what an undo did as well', async () => {
  const random = chance();
  for (let round = 0; round < 3 * faultLoops(); round += 1) {
    const { rig, target } = randomRound(random, NAMES);
    const before = rig.files();
    const result = await rig.apply(rig.plan(target, { all: random.percent(50) }));
    const restored = rig.files();
    const undone = await rig.undo(result);
    expect(rig.files()).toEqual(before);
    await rig.undo(undone);
    expect(rig.files()).toEqual(restored);
  }
}, 120_000);
