import { expect, test } from 'vitest';
import { deadlineOf, isRepeatable } from '../../../client/connection/deadlines.ts';
import { METHODS, type MethodName } from '../../../protocol/methods.ts';

const NAMES = Object.keys(METHODS) as MethodName[];

test('the client’s deadlines are those of the method table', () => {
  const mine = NAMES.map((name) => [name, deadlineOf(name)]);
  expect(mine).toEqual(NAMES.map((name) => [name, METHODS[name].deadlineMs]));
});

test('exactly the methods that must not be repeated are not repeated', () => {
  const mine = NAMES.filter((name) => !isRepeatable(name));
  expect(mine).toEqual(NAMES.filter((name) => METHODS[name].effect === 'once'));
});
