import { expect, test } from 'vitest';
import { diffTrees } from '../../../../daemon/workspace/diff/tree-diff.ts';
import { MissingObject, TamperedObject } from '../../../../daemon/workspace/objects/store-errors.ts';
import { EMPTY_TREE } from '../../../../daemon/workspace/objects/object.ts';
import { chance } from '../../../fault/support/chance.ts';
import type { Chance } from '../../../fault/support/seeded.ts';
import { file, link, program, stateOf } from '../restore/support/restore-rig.ts';
import { MemoryObjects, type SampleFile } from '../support/memory-objects.ts';

function randomFiles(random: Chance): Map<string, SampleFile> {
  const files = new Map<string, SampleFile>();
  for (let count = random.between(0, 15); count > 0; count -= 1) {
    const depth = random.between(1, 4);
    const path = Array.from({ length: depth }, () => random.pick(['a', 'a-b', 'a.b', 'a0', '\xff'])).join('/');
    const taken = [...files.keys()].some((other) => other.startsWith(`${path}/`) || path.startsWith(`${other}/`));
    const content = String(random.between(0, 2));
    if (!taken) files.set(path, random.pick([file(content), program(content), link(content)]));
  }
  return files;
}

test('the difference is what a comparison of all files says, in the order of bytes', () => {
  const random = chance();
  const objects = new MemoryObjects();
  for (let round = 0; round < 1500; round += 1) {
    const [before, after] = [randomFiles(random), randomFiles(random)];
    const within = random.percent(50) ? undefined : [...randomFiles(random).keys()];
    const isMeant = (path: string): boolean =>
      within === undefined || within.some((name) => path === name || path.startsWith(`${name}/`));
    const expected = [...new Set([...before.keys(), ...after.keys()])]
      .map((path) => ({ path, before: stateOf(before.get(path)), after: stateOf(after.get(path)) }))
      .filter((one) => one.before?.id !== one.after?.id || one.before?.mode !== one.after?.mode)
      .filter(({ path }) => isMeant(path))
      .sort((left, right) => Buffer.compare(Buffer.from(left.path, 'latin1'), Buffer.from(right.path, 'latin1')));
    expect(diffTrees(objects, objects.tree(before), objects.tree(after), within)).toEqual(expected);
  }
});

test('a directory that is the same in both, or out of reach, is not read', () => {
  const objects = new MemoryObjects();
  const start = { 'same/deep/a': file('1'), 'other/a': file('1'), 'wanted/a': file('1'), 'wanted/same/b': file('2') };
  const before = objects.tree(new Map(Object.entries(start)));
  const now = { ...start, 'other/a': file('2'), 'wanted/a': file('2') };
  const after = objects.tree(new Map(Object.entries(now)));
  objects.reads.length = 0;
  expect(diffTrees(objects, before, after, ['wanted']).map(({ path }) => path)).toEqual(['wanted/a']);
  expect(objects.reads).toHaveLength(4);
  objects.reads.length = 0;
  expect(diffTrees(objects, before, before)).toEqual([]);
  expect(objects.reads).toEqual([]);
});

test('the tree without entries needs not be stored', () => {
  const objects = new MemoryObjects();
  const tree = objects.tree(new Map([['a', file('1')]]));
  expect(diffTrees(objects, EMPTY_TREE, tree)).toMatchObject([{ path: 'a', before: undefined }]);
  expect(diffTrees(objects, tree, EMPTY_TREE)).toMatchObject([{ path: 'a', after: undefined }]);
});

test('a tree that is missing, or none, is told', () => {
  const objects = new MemoryObjects();
  const tree = objects.tree(new Map([['a', file('1')]]));
  expect(() => diffTrees(objects, tree, 'f'.repeat(40))).toThrow(MissingObject);
  expect(() => diffTrees(objects, tree, stateOf(file('1'))?.id ?? '')).toThrow(TamperedObject);
});
