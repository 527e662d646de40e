import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { CaptureProgress } from '../../../daemon/services/capture-progress.ts';
import type { ReadingProgress } from '../../../daemon/services/snapshot-port.ts';
import type { EventData } from '../../../protocol/event.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function watched() {
  const told: EventData<'capture'>[] = [];
  const state: { reading: ReadingProgress | undefined } = { reading: undefined };
  const progress = new CaptureProgress(
    () => state.reading,
    (capture) => void told.push(capture),
  );
  return { told, state, progress };
}

test('what is captured within a second is not told of', () => {
  const { told, progress } = watched();
  progress.begin();
  vi.advanceTimersByTime(999);
  progress.end('done');
  vi.advanceTimersByTime(10_000);
  expect(told).toEqual([]);
});

test('what takes longer is told of twice a second, and its end once', () => {
  const { told, state, progress } = watched();
  progress.begin();
  vi.advanceTimersByTime(1_000);
  state.reading = { files: 40, total: 100 };
  vi.advanceTimersByTime(1_000);
  state.reading = undefined;
  progress.end('done');
  progress.end('given-up');
  vi.advanceTimersByTime(10_000);
  expect(told).toEqual([
    { state: 'running', files: 0, total: null, ms: 1_000, waits: false },
    { state: 'running', files: 40, total: 100, ms: 1_500, waits: false },
    { state: 'running', files: 40, total: 100, ms: 2_000, waits: false },
    { state: 'done', files: 40, total: 100, ms: 2_000, waits: false },
  ]);
});

test('it says whether a call waits', async () => {
  const { told, progress } = watched();
  progress.begin();
  const { promise, resolve } = Promise.withResolvers<void>();
  const waiting = progress.during(() => promise);
  vi.advanceTimersByTime(1_000);
  resolve();
  await waiting;
  vi.advanceTimersByTime(500);
  progress.end('given-up');
  expect(told.map(({ state, waits }) => [state, waits])).toEqual([
    ['running', true],
    ['running', false],
    ['given-up', false],
  ]);
});
