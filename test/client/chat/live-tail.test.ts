import { expect, test } from 'vitest';
import { LiveTail } from '../../../client/chat/live-tail.ts';

function tail(pieces: readonly string[], most = 3): readonly string[] {
  const live = new LiveTail(most);
  for (const piece of pieces) live.push(piece);
  return live.lines;
}

test('the newest lines are kept, also the one that is not complete', () => {
  expect(tail(['a\nb\nc\nd', 'e\nf'])).toEqual(['c', 'de', 'f']);
});

test('a progress bar shows its newest state below the ones before', () => {
  expect(tail(['10%\r20%\r', '30%\r'])).toEqual(['10%', '20%', '30%']);
});

test('a line end that comes in two pieces is one', () => {
  expect(tail(['a\r', '\nb'])).toEqual(['a', 'b']);
});

test('what is kept is bounded, whatever comes', () => {
  const lines = tail(['x'.repeat(1_000_000), 'y'.repeat(1_000_000), '\n'.repeat(100_000), 'z'], 5);
  expect(lines).toHaveLength(5);
  expect(lines.join('').length).toBeLessThan(20_000);
});

test('a gap is shown, and what follows it begins a line', () => {
  const live = new LiveTail(5);
  live.push('a');
  live.gap();
  live.push('b');
  expect(live.lines).toEqual(['a', '…', 'b']);
});
