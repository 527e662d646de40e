import { expect, test } from 'vitest';
import { localClock } from '../../../client/command-line/wording.ts';

const NOON = new Date(2025, 6, 4, 12, 0, 0);

test('a moment of the same day is told by its time, and one of another day with its date', () => {
  expect(localClock(new Date(2025, 6, 4, 23, 59, 5).toISOString(), NOON)).toBe('23:59:05');
  expect(localClock(new Date(2025, 6, 5, 12, 0, 0).toISOString(), NOON)).toBe('2025-07-05 12:00');
  expect(localClock(new Date(2025, 6, 3, 23, 59, 0).toISOString(), NOON)).toBe('2025-07-03 23:59');
});

test('what is no moment is shown as it is', () => {
  expect(localClock('soon', NOON)).toBe('soon');
});
