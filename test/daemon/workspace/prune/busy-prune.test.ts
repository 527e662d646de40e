import { randomBytes } from 'node:crypto';
import git from 'isomorphic-git';
import { expect, test } from 'vitest';
import { chooseSnapshots, type RetainedName } from '../../../../daemon/domain/snapshot-retention.ts';
import { GIT_DIRECTORY, gitFileSystem } from '../../../../daemon/workspace/objects/git-file-system.ts';
import { reachable, readCommit } from '../../../../daemon/workspace/objects/object-walk.ts';
import { prune } from '../../../../daemon/workspace/prune/prune.ts';
import { recompress } from '../../../../daemon/workspace/prune/recompress.ts';
import { chance, faultLoops } from '../../../fault/support/chance.ts';
import type { Chance } from '../../../fault/support/seeded.ts';
import { someKey, temporaryDirectory, writeSnapshot } from '../objects/support/side.ts';
import { expectWhole, open, packBytes, partsOf, pruneNow, take, type Files, type Opened } from './support/prune-rig.ts';

const files = (own: Buffer): Files => ({ own, text: Buffer.alloc(5000, 'same text') });

test('case 63: a snapshot between any two slices keeps all that it needs, also what was about to go', () => {
  const [a, b, c] = [randomBytes(9000), randomBytes(9000), randomBytes(9000)];
  for (let at = 0; ; at += 1) {
    const directory = temporaryDirectory();
    const opened = open(directory, undefined);
    take(opened, 'old', files(a));
    take(opened, 'older', files(b));
    take(opened, 'stays', files(c));
    const run = prune(partsOf(opened, { expired: ['old', 'older'], thorough: true }), 0);
    let done = false;
    for (let step = 0; step < at && !done; step += 1) done = run.step() !== undefined;
    if (done) break;
    // The very files of one that goes; of the other only a tree, without a name.
    take(opened, 'new', files(a));
    const batch = opened.store.begin('fast');
    writeSnapshot(batch, files(b));
    batch.commit();
    run.finish();
    const expected = new Map([
      ['new', files(a)],
      ['stays', files(c)],
    ]);
    for (const each of [opened, open(directory, undefined)]) expectWhole(each, expected);
    pruneNow(opened, { thorough: true });
    expectWhole(opened, expected);
    expect(packBytes(opened)).toBeLessThan(20_000);
    if (at > 500) expect.fail('it never ends');
  }
});

test('case 63: a tree that comes without a name between two slices is whole as long as it is found', () => {
  const [a, b] = [randomBytes(9000), randomBytes(9000)];
  for (let at = 0, done = false; !done; at += 1) {
    const directory = temporaryDirectory();
    const opened = open(directory, undefined);
    take(opened, 'old', files(a));
    take(opened, 'stays', files(b));
    const run = prune(partsOf(opened, { expired: ['old'] }), 0);
    for (let step = 0; step < at && !done; step += 1) done = run.step() !== undefined;
    if (done) break;
    const batch = opened.store.begin('fast');
    writeSnapshot(batch, { ...files(a), new: Buffer.from('new') });
    batch.commit();
    run.finish();
    for (const each of [opened, open(directory, undefined)]) expectWhole(each, new Map([['stays', files(b)]]));
  }
});

test('case 63: snapshots again and again do not keep it from ending', () => {
  const opened = open(temporaryDirectory(), someKey());
  const expected = new Map<string, Files>();
  for (let turn = 0; turn < 5; turn += 1) take(opened, `old/${turn}`, files(randomBytes(9000)));
  const run = prune(partsOf(opened, { expired: [0, 1, 2, 3, 4].map((turn) => `old/${turn}`) }), 0);
  let steps = 0;
  for (; run.step() === undefined; steps += 1) {
    if (steps % 6 !== 0) continue;
    expected.set(`new/${steps}`, files(randomBytes(100)));
    take(opened, `new/${steps}`, expected.get(`new/${steps}`)!);
  }
  expect(steps).toBeLessThan(1000);
  expectWhole(opened, expected);
});

const DAY = 24 * 60 * 60 * 1000;

interface Taken extends RetainedName {
  readonly files: Files;
}

/** Sessions at work in one directory, for weeks, with clearing up in between. */
class Weeks {
  readonly directory = temporaryDirectory();
  readonly key = someKey();
  readonly taken = new Map<string, Taken>();
  readonly #random: Chance;
  #files: Files = {};
  #now = Date.UTC(2026, 0, 1);
  #turn = 0;
  opened: Opened = open(this.directory, this.key);

  constructor(random: Chance) {
    this.#random = random;
  }

  take(): void {
    const random = this.#random;
    this.#turn += 1;
    this.#now += random.between(0, DAY);
    for (let count = random.between(0, 4); count > 0; count -= 1) this.#edit();
    const session = `s${random.between(0, 3)}`;
    const name = `snap/${session}/${this.#turn}-pre`;
    take(this.opened, name, this.#files, random.percent(50) ? 'fast' : 'compressed');
    const number = this.#turn;
    this.taken.set(name, { name, kind: 'snap', session, number, at: this.#now, files: this.#files });
  }

  /** A snapshot without a name, as a comparison with the files of now leaves it. */
  leave(): void {
    this.#edit();
    const batch = this.opened.store.begin('fast');
    writeSnapshot(batch, this.#files);
    batch.commit();
  }

  clearUp(): void {
    const random = this.#random;
    const { expired, spare } = chooseSnapshots(
      [...this.taken.values()],
      { pinned: new Set(['s1']), live: new Set(['s2']), saves: [] },
      { now: this.#now, seen: this.#now, maxAge: random.between(2, 9) * DAY },
    );
    const run = prune(
      partsOf(this.opened, {
        expired: expired.map(({ name }) => name),
        spare: spare.map((names) => names.map(({ name }) => name)),
        maxBytes: random.percent(30) ? random.between(50_000, 800_000) : Infinity,
        thorough: random.percent(30),
      }),
      0,
    );
    const before = new Set(this.taken.keys());
    for (;;) {
      const done = run.step();
      if (random.percent(3)) this.take();
      if (random.percent(2)) this.leave();
      if (done === undefined) continue;
      for (const name of [...done.value.expired, ...done.value.evicted]) {
        expect(before.has(name)).toBe(true);
        this.taken.delete(name);
      }
      return;
    }
  }

  recompress(): void {
    const run = recompress(this.opened.store, 0);
    while (run.step() === undefined) if (this.#random.percent(3)) this.take();
  }

  reopen(): void {
    this.opened.store.close();
    this.opened = open(this.directory, this.key);
  }

  #edit(): void {
    const path = `file-${this.#random.between(0, 12)}`;
    const { [path]: _, ...others } = this.#files;
    if (this.#random.percent(20)) this.#files = others;
    // Few contents, so that some come back that had gone.
    else
      this.#files = {
        ...others,
        [path]: Buffer.alloc(this.#random.between(1, 20_000), `${this.#random.between(0, 9)}`),
      };
  }
}

test('weeks by chance of snapshots and clearing up lose no file of a snapshot that stays, and keep nothing else', async () => {
  const random = chance();
  for (let loop = 0; loop < Math.ceil(faultLoops() / 4); loop += 1) {
    const weeks = new Weeks(random);
    for (let round = 0; round < 30; round += 1) {
      const act = random.between(0, 9);
      if (act < 5) weeks.take();
      else if (act === 5) weeks.leave();
      else if (act < 8) weeks.clearUp();
      else if (act === 8) weeks.recompress();
      else weeks.reopen();
      if (act > 5) expectWhole(weeks.opened, new Map([...weeks.taken].map(([name, each]) => [name, each.files])));
    }
    const { opened } = weeks;
    const before = packBytes(opened);
    const { freedBytes } = pruneNow(opened, { thorough: true });
    expect(packBytes(opened)).toBe(before - freedBytes);
    const needed = reachable(
      opened.store,
      opened.refs.list().map(({ id }) => id),
    );
    const there = opened.store.packs().flatMap(({ name }) => [...opened.store.objectsOf(name)].map(({ id }) => id));
    expect(there.toSorted()).toEqual([...needed].toSorted());
    expect(opened.store.verify({ aborted: false }).damage).toEqual([]);
    const repository = { fs: gitFileSystem(opened.store, opened.refs), gitdir: GIT_DIRECTORY };
    for (const { id } of opened.refs.list()) {
      const { commit } = await git.readCommit({ ...repository, oid: id });
      expect(commit.tree).toBe(readCommit(opened.store, id).tree);
      for (const { oid, type } of (await git.readTree({ ...repository, oid: commit.tree })).tree) {
        if (type === 'blob') await git.readBlob({ ...repository, oid });
      }
    }
    opened.store.close();
  }
});
