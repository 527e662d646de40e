import { expect, test } from 'vitest';
import { captureText } from '../../../client/files/capture-text.ts';

test.each([
  [{ files: 0, total: null }, 'capturing files: looking at the workspace'],
  [{ files: 41_200, total: 100_000 }, 'capturing files: 41,200 of about 100,000'],
  [{ files: 12, total: 10 }, 'capturing files: 12 of about 12'],
])('%j is put as %j', (capture, words) => {
  expect(captureText(capture)).toBe(words);
});
