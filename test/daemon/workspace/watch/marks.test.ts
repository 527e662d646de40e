import { expect, test } from 'vitest';
import { Marks } from '../../../../daemon/workspace/watch/marks.ts';

test('what was told and looked at is not told again', () => {
  const marks = new Marks();
  marks.directory('src');
  marks.subtree('lib');
  expect(marks.tell(1, 0)).toMatchObject({ kind: 'dirt', directories: ['src'], subtrees: ['lib'] });
  expect(marks.tell(2, 1)).toMatchObject({ kind: 'dirt', directories: [], subtrees: [] });
});

test('what was told to nobody who looked is told again, with what has come since', () => {
  const marks = new Marks();
  marks.directory('a');
  marks.tell(1, 0);
  marks.directory('b');
  expect(marks.tell(2, 0)).toMatchObject({ kind: 'dirt', directories: ['a', 'b'], subtrees: [] });
  marks.directory('c');
  expect(marks.tell(3, 0)).toMatchObject({ kind: 'dirt', directories: ['a', 'b', 'c'], subtrees: [] });
  expect(marks.tell(4, 3)).toMatchObject({ kind: 'dirt', directories: [], subtrees: [] });
});

test('a doubt stays until a scan of everything has followed it, and says what came first', () => {
  const marks = new Marks();
  marks.everything('a flood');
  marks.everything('and then some');
  expect(marks.tell(1, 0)).toEqual({ kind: 'doubt', reason: 'a flood' });
  marks.directory('a');
  expect(marks.tell(2, 0)).toEqual({ kind: 'doubt', reason: 'a flood' });
  expect(marks.tell(3, 2)).toMatchObject({ kind: 'dirt', directories: [], subtrees: [] });
});

test('an answer to a later question settles the marks of the one before', () => {
  const marks = new Marks();
  marks.directory('a');
  marks.tell(1, 0);
  // Question 2 was answered with a doubt from elsewhere, and everything was scanned.
  expect(marks.tell(3, 2)).toMatchObject({ kind: 'dirt', directories: [], subtrees: [] });
});
