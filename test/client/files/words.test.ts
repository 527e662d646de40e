import { expect, test } from 'vitest';
import { turnSentence } from '../../../client/files/change-words.ts';
import { skippedText, snapshotState } from '../../../client/files/status-text.ts';
import { turnRows } from '../../../client/files/turn-rows.ts';
import { displayWidth } from '../../../client/command-line/display-width.ts';
import { entry, status, summary } from '../../support/snapshot-samples.ts';

const WAYS = ['/diff 4', '/restore 4'];

test.each([
  [{}, '2 files changed (+10 -3, 1 by shell) · /diff 4 · /restore 4'],
  [{ files: 1, byShell: 0 }, '1 file changed (+10 -3) · /diff 4 · /restore 4'],
  [{ added: 0, removed: 0, byShell: 0 }, '2 files changed · /diff 4 · /restore 4'],
  [
    { restorable: false, reason: 'the disk is full' },
    '2 files changed (+10 -3, 1 by shell) · not restorable: the disk is full',
  ],
  [{ files: 0, restorable: false, reason: '' }, 'not restorable'],
  [{ files: 0, others: 3 }, undefined],
])('a turn with %j says %j', (change, sentence) => {
  expect(turnSentence(entry(change), WAYS)).toBe(sentence);
});

test.each([
  [{}, /^1203 files captured, 45\.2 MB, 3 skipped, at .* in 120 ms$/],
  [{ encrypted: false, skipped: 0 }, /^1203 files captured, 45\.2 MB, at .*, not encrypted$/],
  [{ busy: { files: 40, sinceMs: 9 } }, /; being captured now, 40 files so far$/],
  [{ busy: { files: 40, total: 2_000, sinceMs: 9 } }, /; capturing files: 40 of about 2,000$/],
  [{ state: 'off' as const, reason: 'snapshots_enabled is false' }, /^not captured: snapshots_enabled is false$/],
  [{ state: 'refused' as const, reason: 'this is a home\x1b directory' }, /^not captured: this is a home␛ directory$/],
  [{ state: 'failing' as const, reason: 'the disk is full' }, /^NOT CAPTURED: the disk is full$/],
  [{ state: 'none' as const }, /^nothing captured yet$/],
])('a workspace with %j says so', (change, words) => {
  expect(snapshotState(status(change))).toMatch(words);
});

test('what was skipped is named with the reason', () => {
  expect(skippedText({ path: 'a\nb', reason: 'too-large', bytes: 12_000_000 })).toBe('"a\\nb": too large (12.0 MB)');
  expect(skippedText({ path: 'fifo', reason: 'special' })).toBe('fifo: neither a file nor a link');
});

test('turns are rows of one width each, cut to the terminal', () => {
  const turns = [
    summary(12, { prompt: 'a long prompt that does not fit \x1b[2J into forty columns' }),
    summary(9, { snapshot: null, state: 'running' }),
    summary(8, { snapshot: entry({ files: 0, restorable: false }) }),
  ];
  const wide = turnRows(turns, 200);
  expect(wide[0]).toMatch(/^12  .{16}  completed  2 files \+10 -3 {11}a long prompt that does not fit ␛\[2J into/);
  expect(wide[1]).toMatch(/^ 9  .{16}  running {4}.* prompt 9$/);
  expect(wide[2]).toContain('no file, not restorable');
  for (const row of turnRows(turns, 40)) expect(displayWidth(row)).toBeLessThanOrEqual(40);
});
