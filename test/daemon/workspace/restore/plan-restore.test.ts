import { expect, test } from 'vitest';
import type { RestorePlan } from '../../../../daemon/workspace/restore/restore-plan.ts';
import { file, link, program, RestoreRig, stateOf } from './support/restore-rig.ts';

/** One line a path. */
function told({ writes, deletes, kept, conflicts }: RestorePlan): string[] {
  return [
    ...[...writes, ...deletes].map(({ kind, path, byShell }) => `${kind} ${path}${byShell ? ' by shell' : ''}`),
    ...[...kept, ...conflicts].map(({ reason, path }) => `${reason} ${path}`),
  ].sort();
}

test('cases 46 and 47: what the session added, changed and deleted is taken back, what the user did stays', () => {
  const rig = new RestoreRig({ edited: file('1'), gone: file('2'), mine: file('3'), script: file('4') });
  const target = rig.tree();
  rig.session('edited', file('1b'));
  rig.session('gone', undefined, { by: 'shell' });
  rig.session('new/file', file('5'), { by: 'shell' });
  rig.session('script', program('4'));
  rig.user('mine', file('3b'));
  rig.user('also mine', file('6'));
  const plan = rig.plan(target);
  expect(told(plan)).toEqual([
    'added gone by shell',
    'changed edited',
    'changed-by-you also mine',
    'changed-by-you mine',
    'deleted new/file by shell',
    'mode script',
  ]);
  expect(plan.directories).toEqual(['new']);
});

test('a file that somebody else changed after the session is a conflict, and so is one changed between its edits', () => {
  const rig = new RestoreRig({ since: file('1'), between: file('1'), first: file('1') });
  const target = rig.tree();
  rig.session('since', file('2'));
  rig.user('since', file('3'));
  rig.session('between', file('2'));
  rig.user('between', file('3'));
  rig.session('between', file('4'));
  rig.user('first', file('2'));
  rig.session('first', file('3'));
  const plan = rig.plan(target);
  expect(told(plan)).toEqual(['changed-between between', 'changed-between first', 'changed-since since']);
  expect(told(rig.plan(target, { all: true }))).toEqual(['changed between', 'changed first', 'changed since']);
  expect(told(rig.plan(target, { overwrite: new Set(['first']) }))).toEqual([
    'changed first',
    'changed-between between',
    'changed-since since',
  ]);
  expect(rig.plan(target, { all: true }).writes.map(({ despite }) => despite)).toEqual([
    'changed-between',
    'changed-between',
    'changed-since',
  ]);
});

test('what a user did before the file was as the target wants it is no reason to leave it', () => {
  const rig = new RestoreRig({ a: file('1') });
  const target = rig.tree();
  rig.user('a', file('2'));
  rig.user('a', file('1'));
  rig.session('a', file('3'));
  rig.session('a', file('4'));
  expect(told(rig.plan(target))).toEqual(['changed a']);
});

test('a user’s file that the session deleted comes back only as the target has it, or not at all', () => {
  const rig = new RestoreRig({ a: file('1') });
  const target = rig.tree();
  rig.user('a', file('my work'));
  rig.session('a', undefined);
  expect(told(rig.plan(target))).toEqual(['changed-between a']);
});

test('a change that may have been another session’s is left', () => {
  const rig = new RestoreRig({ a: file('1'), b: file('1') });
  const target = rig.tree();
  rig.session('a', file('2'), { ambiguous: true });
  rig.session('a', file('3'));
  rig.session('b', file('2'), { ambiguous: true });
  rig.session('b', file('1'));
  rig.session('b', file('3'));
  expect(told(rig.plan(target))).toEqual(['ambiguous a', 'changed b']);
  expect(told(rig.plan(target, { all: true }))).toEqual(['changed a', 'changed b']);
});

test('what the session has put back itself is in no plan', () => {
  const rig = new RestoreRig({ a: file('1') });
  const target = rig.tree();
  rig.session('a', file('2'));
  rig.session('a', file('1'));
  rig.session('b', file('1'));
  rig.session('b', undefined);
  expect(told(rig.plan(target))).toEqual([]);
});

test('case 48: nothing that is ignored now or was ignored then is deleted, not even with all', () => {
  const rig = new RestoreRig({ 'inow-tracked': file('1'), 'inow-lost': file('1') });
  const target = rig.tree();
  rig.session('inow-new', file('1'));
  rig.session('d/ithen-new', file('1'));
  rig.session('inow-tracked', file('2'));
  rig.session('inow-lost', undefined);
  for (const all of [false, true]) {
    expect(told(rig.plan(target, { all }))).toEqual([
      'added inow-lost',
      'changed inow-tracked',
      'ignored d/ithen-new',
      'ignored inow-new',
    ]);
  }
});

test('case 48: an ignored file that only the target knows is not written, since nobody knows what is there', () => {
  const rig = new RestoreRig({ 'inow-a': file('1') });
  const target = rig.tree();
  rig.session('inow-a', file('2'));
  // The scan leaves it out now.
  const current = rig.objects.tree(new Map());
  expect(told(rig.plan(target, { current }))).toEqual(['ignored inow-a']);
  expect(told(rig.plan(target, { current, all: true }))).toEqual(['ignored inow-a']);
});

test('case 49: what was skipped, and what is below a skipped directory, is left, not even with all', () => {
  const rig = new RestoreRig({ big: file('1'), 'd/x': file('1'), 'd2/x': file('1'), e: file('1') });
  const target = rig.tree();
  rig.session('big', file('2'));
  rig.session('d/x', file('2'));
  rig.session('d2/x', file('2'));
  rig.session('e', undefined);
  rig.session('e/huge', file('2'));
  const skipped = new Set(['big', 'd', 'e/huge']);
  for (const all of [false, true]) {
    expect(told(rig.plan(target, { all, skipped }))).toEqual([
      'blocked e',
      'changed d2/x',
      'skipped big',
      'skipped d/x',
      'skipped e/huge',
    ]);
  }
});

test('nothing below a .git is in a plan, in whatever letters', () => {
  const rig = new RestoreRig();
  const target = rig.tree();
  rig.session('.git/config', file('1'));
  rig.session('sub/.GIT/hooks/x', file('1'));
  rig.session('.gitignore', file('1'));
  expect(told(rig.plan(target, { all: true }))).toEqual([
    'deleted .gitignore',
    'protected .git/config',
    'protected sub/.GIT/hooks/x',
  ]);
});

test('case 56: a restore of some paths says nothing of the others, also not of names that only begin alike', () => {
  const rig = new RestoreRig({ 'a/x': file('1'), 'a/y/z': file('1'), ab: file('1'), b: file('1') });
  const target = rig.tree();
  for (const path of ['a/x', 'a/y/z', 'ab', 'b']) rig.session(path, file('2'));
  expect(told(rig.plan(target, { within: ['a'] }))).toEqual(['changed a/x', 'changed a/y/z']);
  expect(told(rig.plan(target, { within: ['a/y/z', 'b'] }))).toEqual(['changed a/y/z', 'changed b']);
  expect(told(rig.plan(target, { within: [] }))).toEqual([]);
  expect(told(rig.plan(target, { within: [''] }))).toHaveLength(4);
});

test('a file whose place is needed by something that stays is blocked', () => {
  const rig = new RestoreRig({ d: file('1'), 'e/x': file('1'), l: link('d') });
  const target = rig.tree();
  rig.session('d', undefined);
  rig.session('d/one', file('2'));
  rig.user('d/two', file('3'));
  rig.session('e', undefined);
  rig.session('e', file('2'));
  rig.user('e', file('3'));
  rig.session('l', file('no link'));
  expect(told(rig.plan(target))).toEqual([
    'blocked d',
    'blocked e/x',
    'changed-by-you d/two',
    'changed-since e',
    'deleted d/one',
    'type l',
  ]);
  expect(told(rig.plan(target, { within: ['e/x'] }))).toEqual(['blocked e/x']);
});

test('the plan holds both states of every path, and is the same for the same input', () => {
  const rig = new RestoreRig({ a: file('1') });
  const target = rig.tree();
  rig.session('a', program('2'));
  const [write] = rig.plan(target).writes;
  expect(write).toMatchObject({ before: stateOf(program('2')), after: stateOf(file('1')) });
  expect(rig.plan(target)).toEqual(rig.plan(target));
});
