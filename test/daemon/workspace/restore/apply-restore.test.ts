import {
  chmodSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { applyRestore, resumeRestore } from '../../../../daemon/workspace/restore/apply-restore.ts';
import { WorkspaceMoved } from '../../../../daemon/workspace/restore/held-root.ts';
import { realDisk } from '../../../../daemon/workspace/restore/restore-disk.ts';
import { RestoreUnfinished } from '../../../../daemon/workspace/restore/restore-journal.ts';
import { MissingObject } from '../../../../daemon/workspace/objects/store-errors.ts';
import { directoriesOf, lookAt } from '../support/sample-directory.ts';
import { after, file, link, program, RestoreRig } from './support/restore-rig.ts';
import { hooked, systemError } from './support/stopping-disk.ts';

const skippedAs = (result: { skipped: readonly { path: string; reason: string }[] }) =>
  result.skipped.map(({ path, reason }) => `${path}: ${reason}`);

test('cases 46, 47 and 57: files that were added go with their directories, others come back, as the plan says', async () => {
  const rig = new RestoreRig({ a: file('1'), 'd/gone': program('2'), 'd/l': link('../a'), 'e/f': file('3') });
  const target = rig.tree();
  const wanted = rig.files();
  rig.session('a', file('1b'));
  rig.session('d', undefined);
  rig.session('e', file('a file now'));
  rig.session('n/o/p', file('4'));
  rig.user('n/mine', file('5'));
  const plan = rig.plan(target);
  const expected = after(rig.files(), plan, rig.objects);
  const result = await rig.apply(plan);
  expect(rig.files()).toEqual(expected);
  expect(rig.files()).toEqual(new Map([...wanted, ['n/mine', file('5')]]));
  expect(directoriesOf(rig.root)).toEqual(['d', 'e', 'n']);
  expect(result).toMatchObject({ skipped: [], unfinished: false, resumed: false });
  expect(result.restored.map(({ path }) => path)).toEqual(['a', 'd/gone', 'd/l', 'e/f']);
  expect(result.deleted.map(({ path }) => path)).toEqual(['n/o/p', 'e']);
  expect(rig.leftovers()).toEqual([]);
});

test('a plan with nothing in it writes no journal', async () => {
  const rig = new RestoreRig({ a: file('1') });
  const plan = rig.plan(rig.tree());
  rig.journal.begin = () => {
    throw systemError('EIO');
  };
  expect(await rig.apply(plan)).toMatchObject({ restored: [], deleted: [], skipped: [], unfinished: false });
});

test('a directory that was there at the target stays, though the deletion leaves it empty', async () => {
  const rig = new RestoreRig({ 'd/old': file('1') });
  const target = rig.tree();
  rig.session('d/new', file('2'));
  rig.user('d/old', undefined);
  await rig.apply(rig.plan(target));
  expect(directoriesOf(rig.root)).toEqual(['d']);
});

test('an empty directory in the place of a file is no obstacle, one that holds anything is', async () => {
  const rig = new RestoreRig({ d: file('1'), e: file('1') });
  const target = rig.tree();
  rig.session('d', undefined);
  rig.session('e', undefined);
  const plan = rig.plan(target);
  mkdirSync(join(rig.root, 'd'));
  mkdirSync(join(rig.root, 'e'));
  writeFileSync(join(rig.root, 'e/ignored'), 'precious');
  const result = await rig.apply(plan);
  expect(skippedAs(result)).toEqual(['e: directory-in-the-way']);
  expect(rig.files()).toEqual(
    new Map([
      ['d', file('1')],
      ['e/ignored', file('precious')],
    ]),
  );
});

test('cases 50 and 51: rights are kept, time stamps of what is not in the plan too', async () => {
  const rig = new RestoreRig({
    a: file('1'),
    secret: file('1'),
    script: program('1'),
    flipped: file('same'),
    still: file('1'),
  });
  const target = rig.tree();
  for (const path of ['a', 'secret', 'script'])
    rig.session(path, { ...(rig.files().get(path) ?? file('')), content: '2' });
  rig.session('flipped', program('same'));
  chmodSync(join(rig.root, 'secret'), 0o600);
  chmodSync(join(rig.root, 'a'), 0o444);
  chmodSync(join(rig.root, 'script'), 0o710);
  utimesSync(join(rig.root, 'flipped'), 1000, 1000);
  utimesSync(join(rig.root, 'still'), 1000, 1000);
  const stamps = rig.stampsOf(['flipped', 'still']);
  const result = await rig.apply(rig.plan(target));
  expect(result.skipped).toEqual([]);
  const modes = ['a', 'secret', 'script', 'flipped'].map((path) =>
    (statSync(join(rig.root, path)).mode & 0o777).toString(8),
  );
  expect(modes).toEqual(['444', '600', '710', '644']);
  expect(rig.stampsOf(['flipped', 'still'])).toEqual(stamps);
});

test('a file that comes back, and its directory, are as open as the directory they are in', async () => {
  const rig = new RestoreRig({ 'd/e/script': program('1'), 'd/e/text': file('1') });
  chmodSync(rig.root, 0o750);
  const target = rig.tree();
  rig.session('d', undefined);
  await rig.apply(rig.plan(target));
  const modes = ['d', 'd/e', 'd/e/script', 'd/e/text'].map((path) =>
    (statSync(join(rig.root, path)).mode & 0o777).toString(8),
  );
  expect(modes).toEqual(['750', '750', '750', '640']);
});

test('what comes back to a directory that everybody may write in is not for everybody to write', async () => {
  const rig = new RestoreRig({ 'd/a': program('1') });
  chmodSync(rig.root, 0o777);
  const target = rig.tree();
  rig.session('d', undefined);
  await rig.apply(rig.plan(target));
  expect(['d', 'd/a'].map((path) => (statSync(join(rig.root, path)).mode & 0o777).toString(8))).toEqual(['775', '775']);
});

test('case 53: a restore of a restore brings everything to where it was', async () => {
  const rig = new RestoreRig({ a: file('1'), 'd/x': file('2'), f: file('3') });
  const target = rig.tree();
  rig.session('a', program('1b'));
  rig.session('d', link('a'));
  rig.session('f', undefined);
  rig.session('f/g', file('4'));
  rig.user('mine', file('5'));
  const before = rig.files();
  const result = await rig.apply(rig.plan(target));
  const between = rig.files();
  const undone = await rig.undo(result);
  expect(rig.files()).toEqual(before);
  await rig.undo(undone);
  expect(rig.files()).toEqual(between);
});

test('an undo leaves what was edited after the restore', async () => {
  const rig = new RestoreRig({ a: file('1'), b: file('1') });
  const target = rig.tree();
  rig.session('a', file('2'));
  rig.session('b', file('2'));
  const result = await rig.apply(rig.plan(target));
  rig.user('a', file('mine'));
  await rig.undo(result);
  expect(rig.files()).toEqual(
    new Map([
      ['a', file('mine')],
      ['b', file('2')],
    ]),
  );
});

test('case 54: what is edited, made or deleted between plan and restore is left and told', async () => {
  const rig = new RestoreRig({ a: file('1'), b: file('1'), c: file('1'), e: file('1'), f: file('1'), g: file('1') });
  const target = rig.tree();
  for (const path of ['a', 'f', 'g']) rig.session(path, file('2'));
  rig.session('b', undefined);
  rig.session('new', file('2'));
  rig.session('gone', file('2'));
  const plan = rig.plan(target);
  // The same size and the same time: only reading tells.
  const { mtimeMs } = statSync(join(rig.root, 'a'));
  writeFileSync(join(rig.root, 'a'), '3');
  utimesSync(join(rig.root, 'a'), mtimeMs / 1000, mtimeMs / 1000);
  rig.user('b', file('mine'));
  rig.user('new', file('mine'));
  rig.user('gone', undefined);
  rig.user('f', file('1'));
  chmodSync(join(rig.root, 'g'), 0o755);
  const before = rig.files();
  const result = await rig.apply(plan);
  expect(skippedAs(result).sort()).toEqual([
    'a: changed',
    'b: changed',
    'f: already-there',
    'g: changed',
    'gone: already-there',
    'new: changed',
  ]);
  expect(rig.files()).toEqual(before);
  expect(result.unfinished).toBe(false);
});

test('case 54: a file that appears in the last moment is not replaced', async () => {
  const rig = new RestoreRig({ a: file('1') });
  const target = rig.tree();
  rig.session('a', undefined);
  const disk = hooked(realDisk, (step) => {
    if (step === 'link') rig.user('a', file('mine'));
  });
  expect(skippedAs(await rig.apply(rig.plan(target), { disk }))).toEqual(['a: changed']);
  expect(rig.files()).toEqual(new Map([['a', file('mine')]]));
});

test.each(['create', 'write', 'sync', 'unlink', 'makeDirectory', 'link', 'rename'])(
  'case 55: a parent that is swapped for a link to the outside before any %s leads nobody out',
  async (stage) => {
    const rig = new RestoreRig({ 'd/e/a': file('1'), 'd/e/b': file('1'), 'd/e/s/new': file('1') });
    const target = rig.tree();
    rig.session('d/e/a', file('2'));
    rig.session('d/e/b', undefined);
    rig.session('d/e/s', undefined);
    rig.session('d/e/c', file('2'));
    mkdirSync(join(rig.outside, 's'));
    for (const name of ['a', 'c']) writeFileSync(join(rig.outside, name), '2');
    const outside = lookAt(rig.outside);
    let swapped = false;
    const disk = hooked(realDisk, (step) => {
      if (step !== stage || swapped) return;
      swapped = true;
      renameSync(join(rig.root, 'd/e'), join(rig.root, 'd/moved'));
      symlinkSync(rig.outside, join(rig.root, 'd/e'));
    });
    const result = await rig.apply(rig.plan(target), { disk });
    expect(swapped).toBe(true);
    expect(lookAt(rig.outside)).toEqual(outside);
    expect(result.skipped.length).toBeGreaterThan(0);
    expect(result.skipped.every(({ reason }) => reason === 'parent-not-directory' || reason === 'changed')).toBe(true);
  },
);

test('case 55: a parent that was a link before is not followed either', async () => {
  const rig = new RestoreRig({ 'd/a': file('1'), 'd/b': file('1') });
  const target = rig.tree();
  rig.session('d/a', file('2'));
  rig.session('d/b', undefined);
  const plan = rig.plan(target);
  writeFileSync(join(rig.outside, 'a'), '2');
  renameSync(join(rig.root, 'd'), join(rig.root, 'moved'));
  symlinkSync(rig.outside, join(rig.root, 'd'));
  expect(skippedAs(await rig.apply(plan))).toEqual(['d/a: parent-not-directory', 'd/b: parent-not-directory']);
  expect(lookAt(rig.outside)).toEqual(new Map([['a', file('2')]]));
});

test('case 55: what was done in a directory that had just been moved away is not told as done', async () => {
  const rig = new RestoreRig({ 'd/a': file('1') });
  const target = rig.tree();
  rig.session('d/new', file('2'));
  const disk = hooked(realDisk, (step) => {
    if (step === 'unlink') renameSync(join(rig.root, 'd'), join(rig.root, 'moved'));
  });
  const result = await rig.apply(rig.plan(target), { disk });
  expect(skippedAs(result)).toEqual(['d/new: parent-not-directory']);
  expect(result.deleted).toEqual([]);
});

test('a directory that somebody else has emptied is left to him', async () => {
  const rig = new RestoreRig({ a: file('1') });
  const target = rig.tree();
  rig.session('n/x', file('2'));
  const plan = rig.plan(target);
  rig.user('n/x', undefined);
  expect(skippedAs(await rig.apply(plan))).toEqual(['n/x: already-there']);
  expect(directoriesOf(rig.root)).toEqual(['n']);
});

test('case 58: content that is missing stops a restore before it touches anything', async () => {
  const rig = new RestoreRig({ a: file('1'), b: file('lost') });
  const target = rig.tree();
  rig.session('a', file('2'));
  rig.session('b', file('2'));
  rig.session('c', file('2'));
  const before = rig.files();
  const plan = rig.plan(target);
  rig.objects.objects.delete(plan.writes[1]?.after.id ?? '');
  await expect(rig.apply(plan)).rejects.toThrow(MissingObject);
  expect(rig.files()).toEqual(before);
  expect(rig.leftovers()).toEqual([]);
});

test('case 59: a read-only file in a directory that may be written is replaced and stays read-only', async () => {
  const rig = new RestoreRig({ a: file('1') });
  const target = rig.tree();
  rig.session('a', file('2'));
  chmodSync(join(rig.root, 'a'), 0o400);
  expect((await rig.apply(rig.plan(target))).skipped).toEqual([]);
  expect(readFileSync(join(rig.root, 'a'), 'utf8')).toBe('1');
  expect(statSync(join(rig.root, 'a')).mode & 0o777).toBe(0o400);
});

test('case 59: where nothing may be written, each path is told and the others are restored', async () => {
  const rig = new RestoreRig({ 'ro/a': file('1'), 'ro/b': file('1'), c: file('1') });
  const target = rig.tree();
  rig.session('ro/a', file('2'));
  rig.session('ro/b', undefined);
  rig.session('ro/new', file('2'));
  rig.session('c', file('2'));
  const plan = rig.plan(target);
  chmodSync(join(rig.root, 'ro'), 0o555);
  const refuse = (what: string) => {
    // Root may write anywhere.
    if (process.getuid?.() === 0 && what !== 'c') throw systemError('EACCES');
  };
  const inReadOnly = (path: Buffer): string =>
    statSync(join(path.toString('latin1'), '..')).mode & 0o200 ? 'c' : 'ro';
  const disk = {
    ...realDisk,
    create: (path: Buffer) => (refuse(inReadOnly(path)), realDisk.create(path)),
    unlink: (path: Buffer) => (refuse(inReadOnly(path)), realDisk.unlink(path)),
  };
  const result = await rig.apply(plan, { disk: disk as typeof realDisk });
  chmodSync(join(rig.root, 'ro'), 0o755);
  expect(skippedAs(result).sort()).toEqual(['ro/a: no-permission', 'ro/b: no-permission', 'ro/new: no-permission']);
  expect(result).toMatchObject({ unfinished: false, restored: [{ path: 'c' }] });
  expect(rig.leftovers()).toEqual([]);
});

test('case 37: a full disk leaves every file whole, tells what is left, and the restore goes on when there is room', async () => {
  const rig = new RestoreRig({ a: file('1'), b: file('1'), c: file('1'), l: file('1') });
  const target = rig.tree();
  const wanted = rig.files();
  for (const path of ['a', 'b', 'c']) rig.session(path, file('2'));
  rig.session('new', file('2'));
  let writes = 0;
  const disk = hooked(realDisk, (step) => {
    if (step !== 'write') return;
    writes += 1;
    if (writes > 1) throw systemError('ENOSPC');
  });
  const result = await rig.apply(rig.plan(target), { disk });
  expect(skippedAs(result)).toEqual(['b: disk-full', 'c: disk-full']);
  expect(result.unfinished).toBe(true);
  expect(rig.files()).toEqual(new Map([...wanted, ['b', file('2')], ['c', file('2')]]));
  await expect(rig.apply(rig.plan(target))).rejects.toThrow(RestoreUnfinished);
  const rest = await resumeRestore(rig.root, rig.journal, rig.objects);
  expect(rest).toMatchObject({ resumed: true, unfinished: false, skipped: [] });
  expect(rig.files()).toEqual(wanted);
  expect(rig.leftovers()).toEqual([]);
});

test('room that deletions make is used', async () => {
  const rig = new RestoreRig({ a: file('1'), b: file('1') });
  const target = rig.tree();
  rig.session('a', file('2'));
  rig.session('b', file('2'));
  rig.session('huge', file('2'));
  let isFull = true;
  const disk = hooked(realDisk, (step, path) => {
    if (step === 'unlink' && path.endsWith('huge')) isFull = false;
    if (step === 'sync' && isFull) throw systemError('ENOSPC');
  });
  expect(await rig.apply(rig.plan(target), { disk })).toMatchObject({ skipped: [], unfinished: false });
  expect(rig.files()).toEqual(
    new Map([
      ['a', file('1')],
      ['b', file('1')],
    ]),
  );
  expect(rig.leftovers()).toEqual([]);
});

test('an abort that comes before the first file is touched leaves everything as it was', async () => {
  const rig = new RestoreRig({ a: file('1') });
  const target = rig.tree();
  rig.session('a', file('2'));
  const abort = new AbortController();
  const disk = hooked(realDisk, (step) => {
    if (step === 'sync') abort.abort(new Error('enough'));
  });
  await expect(rig.apply(rig.plan(target), { disk, signal: abort.signal })).rejects.toThrow('enough');
  expect(rig.files()).toEqual(new Map([['a', file('2')]]));
  expect(rig.leftovers()).toEqual([]);
});

test('a plan that leads out of the workspace, or into a .git, is refused', async () => {
  const rig = new RestoreRig({ a: file('1') });
  const target = rig.tree();
  rig.session('a', file('2'));
  const plan = rig.plan(target);
  for (const path of ['../a', '/a', 'd/../../a', '.git/config', '', 'a//b', 'a\0b']) {
    const writes = plan.writes.map((write) => ({ ...write, path }));
    await expect(rig.apply({ ...plan, writes })).rejects.toThrow(RangeError);
  }
  expect(rig.files()).toEqual(new Map([['a', file('2')]]));
});

test('case 27: a .git is the same after a restore, whatever a snapshot or a session says of it', async () => {
  const rig = new RestoreRig({
    '.git/HEAD': file('main'),
    '.git/index': file('1'),
    'sub/.git': file('gitdir'),
    a: file('1'),
  });
  const target = rig.tree();
  rig.session('.git/HEAD', file('moved'));
  rig.session('.git/index', undefined);
  rig.session('.git/refs/new', file('2'));
  rig.session('sub/.git', undefined);
  rig.session('a', file('2'));
  const expected = rig.files().set('a', file('1'));
  await rig.apply(rig.plan(target, { all: true }));
  expect(rig.files()).toEqual(expected);
});

test('a link that cannot be replaced leaves nothing behind', async () => {
  const rig = new RestoreRig({ l: link('1'), m: link('1') });
  const target = rig.tree();
  rig.session('l', link('2'));
  rig.session('m', link('2'));
  const disk = hooked(realDisk, (step, path) => {
    if (step === 'rename' && path.endsWith('l')) throw systemError('EPERM');
  });
  expect(skippedAs(await rig.apply(rig.plan(target), { disk }))).toEqual(['l: no-permission']);
  expect(rig.files()).toEqual(
    new Map([
      ['l', link('2')],
      ['m', link('1')],
    ]),
  );
});

test('names of any bytes are restored', async () => {
  const names = ['\xff\xfe', 'line\nbreak', '-dash', 'umlaut \xc3\xa4', 'd\xe9/\x01'];
  const rig = new RestoreRig(Object.fromEntries(names.map((name) => [name, file(name)])));
  const target = rig.tree();
  const wanted = rig.files();
  for (const name of names) rig.session(name, undefined);
  rig.session('\xfe', link('\xff'));
  await rig.apply(rig.plan(target));
  expect(rig.files()).toEqual(wanted);
});

test('a second name of a replaced file keeps its content', async () => {
  const rig = new RestoreRig({ a: file('1') });
  const target = rig.tree();
  rig.session('a', file('2'));
  const plan = rig.plan(target);
  linkSync(join(rig.root, 'a'), join(rig.outside, 'same'));
  await rig.apply(plan);
  expect(readFileSync(join(rig.outside, 'same'), 'utf8')).toBe('2');
});

test('case 34: a root that is a link, or is not there, is not restored to', async () => {
  const rig = new RestoreRig({ a: file('1') });
  const target = rig.tree();
  rig.session('a', file('2'));
  const plan = rig.plan(target);
  const other = join(rig.outside, 'link');
  symlinkSync(rig.root, other);
  const parts = { source: rig.objects, journal: rig.journal, order: rig.order(target) };
  await expect(applyRestore(other, plan, parts)).rejects.toThrow(WorkspaceMoved);
  await expect(applyRestore(join(rig.outside, 'nothing'), plan, parts)).rejects.toThrow(WorkspaceMoved);
  expect(rig.leftovers()).toEqual([]);
});
