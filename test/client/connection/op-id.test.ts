import { expect, test } from 'vitest';
import { opIds } from '../../../client/connection/op-id.ts';
import { OpId } from '../../../protocol/primitives.ts';

test('ids are ULIDs whose first part is the time', () => {
  const [first, second] = [opIds(() => 1_469_918_176_385)(), opIds(() => 1_469_918_176_385)()];
  expect(OpId.safeParse(first).success).toBe(true);
  expect(first.slice(0, 10)).toBe('01ARYZ6S41');
  expect(second.slice(0, 10)).toBe('01ARYZ6S41');
  expect(second).not.toBe(first);
});

test('each id is greater than the one before, within a millisecond and when the clock goes back', () => {
  const times = [5_000, 5_000, 5_000, 4_000, 4_999, 5_001, 1, 6_000];
  const next = opIds(() => times.shift() ?? 0);
  const ids = Array.from({ length: 2_000 }, () => next());
  expect(ids.filter((id) => !OpId.safeParse(id).success)).toEqual([]);
  expect(ids.filter((id, index) => index > 0 && id <= (ids[index - 1] ?? ''))).toEqual([]);
});

test('two sources never give the same id', () => {
  const sources = Array.from({ length: 50 }, () => opIds(() => 1_000_000));
  const ids = sources.flatMap((next) => [next(), next(), next()]);
  expect(new Set(ids).size).toBe(ids.length);
});
