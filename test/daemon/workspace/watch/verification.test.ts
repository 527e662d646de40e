import { expect, test } from 'vitest';
import { VERIFIED_FOR, Verification } from '../../../../daemon/workspace/watch/verification.ts';

test('everything is scanned first, after a doubt, and when it was long ago', () => {
  let now = 5;
  const verification = new Verification(() => now);
  expect(verification.due()).toBe('nothing was scanned since the start');
  verification.done();
  expect(verification.due()).toBeUndefined();
  verification.doubt('a flood');
  verification.doubt('and then some');
  expect(verification.due()).toBe('a flood');
  verification.done();
  now += VERIFIED_FOR - 1;
  expect(verification.due()).toBeUndefined();
  now += 1;
  expect(verification.due()).toBe('the last scan of everything is long ago');
  verification.done();
  expect(verification.due()).toBeUndefined();
});
