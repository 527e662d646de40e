import { expect, test } from 'vitest';
import { Verification } from '../../../../daemon/workspace/watch/verification.ts';

test('everything is scanned first, after a doubt, and when it was long ago', () => {
  let now = 5;
  const verification = new Verification(100, () => now);
  expect(verification.due()).toBe('nothing was scanned since the start');
  verification.done();
  expect(verification.due()).toBeUndefined();
  verification.doubt('a flood');
  verification.doubt('and then some');
  expect(verification.due()).toBe('a flood');
  verification.done();
  now += 99;
  expect(verification.due()).toBeUndefined();
  expect(verification.isRoutine).toBe(false);
  now += 1;
  expect(verification.isRoutine).toBe(true);
  expect(verification.due()).toBe('the last scan of everything is long ago');
  verification.done();
  expect(verification.due()).toBeUndefined();
});
