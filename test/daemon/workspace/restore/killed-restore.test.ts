import { existsSync, mkdirSync, readdirSync, renameSync, rmdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { idOf } from '../../../../daemon/workspace/objects/object.ts';
import { resumeRestore } from '../../../../daemon/workspace/restore/apply-restore.ts';
import { areOthers, WorkspaceMoved } from '../../../../daemon/workspace/restore/held-root.ts';
import { realDisk } from '../../../../daemon/workspace/restore/restore-disk.ts';
import { RestoreJournal } from '../../../../daemon/workspace/restore/restore-journal.ts';
import type { RestorePlan } from '../../../../daemon/workspace/restore/restore-plan.ts';
import type { RestoreResult } from '../../../../daemon/workspace/restore/restore-result.ts';
import { chance, faultLoops } from '../../../fault/support/chance.ts';
import type { SampleFile } from '../support/memory-objects.ts';
import { directoriesOf } from '../support/sample-directory.ts';
import { after, file, KEY, link, program, RestoreRig } from './support/restore-rig.ts';
import { hooked, Killed, StoppingDisks } from './support/stopping-disk.ts';

interface Scene {
  readonly rig: RestoreRig;
  readonly plan: RestorePlan;
  readonly before: Map<string, SampleFile>;
  readonly wanted: Map<string, SampleFile>;
}

/** A restore in which everything happens that can. */
function scene(): Scene {
  const rig = new RestoreRig({
    changed: file('1'),
    gone: file('2'),
    'far/down/gone': program('3'),
    script: file('4'),
    typed: file('5'),
    link: link('changed'),
    lost: link('nowhere'),
    'dir/x': file('6'),
    'file now dir': file('7'),
    kept: file('8'),
  });
  const target = rig.tree();
  rig.session('changed', file('1b'));
  rig.session('gone', undefined);
  rig.session('far', undefined);
  rig.session('script', program('4'));
  rig.session('typed', link('kept'));
  rig.session('link', link('gone'));
  rig.session('lost', undefined);
  rig.session('dir', file('now a file'));
  rig.session('file now dir', undefined);
  rig.session('file now dir/a/b', file('9'));
  rig.session('new/n', file('10'));
  rig.user('new/mine', file('11'));
  rig.user('kept', file('8b'));
  const plan = rig.plan(target);
  const before = rig.files();
  return { rig, plan, before, wanted: after(before, plan, rig.objects) };
}

async function killedAt(step: number, { rig, plan }: Scene): Promise<boolean> {
  const disks = new StoppingDisks(step);
  const journal = new RestoreJournal(rig.side, KEY, disks.store);
  try {
    await rig.apply(plan, { disk: disks.work, journal });
  } catch (error) {
    expect(error).toBeInstanceOf(Killed);
  }
  return disks.isDead;
}

test('case 52: a restore that is killed at any step is completed, and nothing else is touched', async () => {
  let step = 0;
  for (let wasKilled = true; wasKilled; step += 1) {
    const here = scene();
    const { rig, before, wanted } = here;
    const stamps = rig.stampsOf(['kept', 'new/mine']);
    wasKilled = await killedAt(step, here);
    const hadBegun = rig.journal.isThere();
    const result = await resumeRestore(rig.root, rig.journal, rig.objects);
    expect(result === undefined).toBe(!hadBegun);
    if (result === undefined) {
      const now = rig.files();
      // Before the journal was durable, or after it had gone.
      expect(now).toEqual(now.get('changed')?.content === '1b' ? before : wanted);
    } else {
      expect(result).toMatchObject({ resumed: true, skipped: [], unfinished: false });
      expect(result.restored.length).toBe(here.plan.writes.length);
      expect(result.deleted.length).toBe(here.plan.deletes.length);
      expect(rig.files()).toEqual(wanted);
      expect(directoriesOf(rig.root)).toEqual(['dir', 'far', 'far/down', 'new']);
    }
    expect(rig.stampsOf(['kept', 'new/mine'])).toEqual(stamps);
    expect(rig.leftovers().filter((name) => !name.startsWith('tmp_journal_'))).toEqual([]);
    expect(rig.journal.isThere()).toBe(false);
  }
  expect(step).toBeGreaterThan(40);
}, 60_000);

test('case 52: what was killed and killed again while it was completed can be undone', async () => {
  const random = chance();
  for (let round = 0; round < faultLoops(); round += 1) {
    const here = scene();
    const { rig, before, wanted } = here;
    await killedAt(random.between(6, 50), here);
    if (!rig.journal.isThere()) continue;
    for (let kills = random.between(0, 3); kills > 0; kills -= 1) {
      const disks = new StoppingDisks(random.between(0, 40));
      const journal = new RestoreJournal(rig.side, KEY, disks.store);
      await resumeRestore(rig.root, journal, rig.objects, { disk: disks.work }).catch((error: unknown) => {
        expect(error).toBeInstanceOf(Killed);
      });
    }
    const result = await resumeRestore(rig.root, rig.journal, rig.objects);
    expect(rig.files()).toEqual(wanted);
    if (result === undefined) continue;
    await rig.undo(result);
    expect(rig.files()).toEqual(before);
  }
});

test('what was done is kept before the journal goes, and again after a crash in between', async () => {
  const { rig, plan, wanted } = scene();
  const kept: RestoreResult[] = [];
  const keep = (result: RestoreResult): void => {
    expect(rig.journal.isThere()).toBe(true);
    kept.push(result);
    if (kept.length === 1) throw new Killed();
  };
  await expect(rig.apply(plan, { keep })).rejects.toThrow(Killed);
  await resumeRestore(rig.root, rig.journal, rig.objects, { keep });
  expect(rig.journal.isThere()).toBe(false);
  expect(rig.files()).toEqual(wanted);
  const [first, second] = kept.map(({ restored, deleted }) => ({ restored, deleted }));
  expect(second).toEqual(first);
});

test('case 52: what somebody edited after the crash is left and told', async () => {
  const here = scene();
  const { rig, plan, wanted } = here;
  const disk = hooked(realDisk, (step) => {
    if (step === 'link') throw new Killed();
  });
  await expect(rig.apply(plan, { disk })).rejects.toThrow(Killed);
  rig.user('gone', file('mine'));
  rig.user('changed', file('mine too'));
  rig.user('far', file('in the way'));
  const result = await resumeRestore(rig.root, rig.journal, rig.objects);
  expect(result?.skipped.map(({ path, reason }) => [path, reason])).toEqual([
    ['changed', 'changed'],
    ['far/down/gone', 'parent-not-directory'],
    ['gone', 'changed'],
  ]);
  const expected = new Map(wanted).set('gone', file('mine')).set('changed', file('mine too'));
  expected.set('far', file('in the way')).delete('far/down/gone');
  expect(rig.files()).toEqual(expected);
  expect(rig.leftovers()).toEqual([]);
});

test('content that has been lost since the crash is told, and the rest is completed', async () => {
  const rig = new RestoreRig({ a: file('1'), b: file('1b') });
  const target = rig.tree();
  rig.session('a', file('2'));
  rig.session('b', file('2'));
  const disk = hooked(realDisk, (step) => {
    if (step === 'rename') throw new Killed();
  });
  await expect(rig.apply(rig.plan(target), { disk })).rejects.toThrow(Killed);
  rig.objects.objects.delete(idOf('blob', Buffer.from('1b')));
  const result = await resumeRestore(rig.root, rig.journal, rig.objects);
  expect(result?.skipped).toMatchObject([{ path: 'b', reason: 'content-lost' }]);
  expect(rig.files()).toEqual(
    new Map([
      ['a', file('1')],
      ['b', file('2')],
    ]),
  );
  expect(rig.journal.isThere()).toBe(false);
});

test('a root that goes away in the middle is waited for', async () => {
  const { rig, plan, wanted } = scene();
  const away = join(rig.outside, 'away');
  let moved = false;
  const disk = hooked(realDisk, (step) => {
    if (step !== 'link' || moved) return;
    moved = true;
    renameSync(rig.root, away);
    symlinkSync(rig.outside, rig.root);
  });
  await expect(rig.apply(plan, { disk })).rejects.toThrow(WorkspaceMoved);
  await expect(resumeRestore(rig.root, rig.journal, rig.objects)).rejects.toThrow(WorkspaceMoved);
  expect(readdirSync(rig.outside)).toEqual(['away']);
  renameSync(rig.root, join(rig.outside, 'link'));
  renameSync(away, rig.root);
  await resumeRestore(rig.root, rig.journal, rig.objects);
  expect(rig.files()).toEqual(wanted);
  expect(existsSync(join(rig.side, 'restore-journal'))).toBe(false);
});

test('a directory that has come in the place of the root is not touched, and the way out is named', async () => {
  const { rig, plan, wanted } = scene();
  const away = join(rig.outside, 'away');
  const disk = hooked(realDisk, (step) => {
    if (step === 'link') throw new Killed();
  });
  await expect(rig.apply(plan, { disk })).rejects.toThrow(Killed);
  renameSync(rig.root, away);
  mkdirSync(rig.root);
  const resumed = resumeRestore(rig.root, rig.journal, rig.objects);
  await expect(resumed).rejects.toThrow(`or give the rest of it up: end the daemon and remove ${rig.journal.path}`);
  await expect(resumed).rejects.toBeInstanceOf(WorkspaceMoved);
  expect(readdirSync(rig.root)).toEqual([]);
  rmdirSync(rig.root);
  renameSync(away, rig.root);
  await resumeRestore(rig.root, rig.journal, rig.objects);
  expect(rig.files()).toEqual(wanted);
});

test('a directory is another one by number and time of birth, where the system knows that', () => {
  const [one, two] = [
    { inode: '1', bornAt: '10' },
    { inode: '2', bornAt: '20' },
  ] as const;
  expect(areOthers(one, two)).toBe(true);
  expect(areOthers(one, { ...one, inode: '2' })).toBe(false);
  expect(areOthers(one, { ...one, bornAt: '20' })).toBe(false);
  expect(areOthers(one, { ...two, bornAt: '0' })).toBe(false);
});
