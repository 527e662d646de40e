import { describe, expect, test } from 'vitest';
import { judgeFailure, type Failure } from '../../../daemon/domain/back-off.ts';

const HALF = 0.5;

function failure(kind: Failure['kind'], retryAfterMs?: number): Failure {
  return { kind, retryable: true, retryAfterMs };
}

describe('a failed model call', () => {
  test.each([
    ['UNREACHABLE', 1, { action: 'wait', delayMs: 1_000 }],
    ['UNREACHABLE', 2, { action: 'wait', delayMs: 2_000 }],
    ['UNREACHABLE', 5, { action: 'wait', delayMs: 16_000 }],
    ['UNREACHABLE', 50, { action: 'wait', delayMs: 300_000 }],
    ['UNREACHABLE', 5_000, { action: 'wait', delayMs: 300_000 }],
    ['RATE_LIMITED', 1, { action: 'wait', delayMs: 1_000 }],
    ['BROKEN_STREAM', 1, { action: 'retry', delayMs: 1_000 }],
    ['BROKEN_STREAM', 2, { action: 'retry', delayMs: 2_000 }],
    ['BROKEN_STREAM', 3, { action: 'fail' }],
  ] as const)('%s for the %dth time in a row: %o', (kind, failures, verdict) => {
    expect(judgeFailure(failure(kind), failures, HALF)).toEqual(verdict);
  });

  test('waits as long as the server asks, up to a day', () => {
    expect(judgeFailure(failure('RATE_LIMITED', 90_000), 1, HALF)).toEqual({ action: 'wait', delayMs: 90_000 });
    expect(judgeFailure(failure('RATE_LIMITED', 1e12), 1, HALF)).toEqual({ action: 'wait', delayMs: 86_400_000 });
    expect(judgeFailure(failure('RATE_LIMITED', 10), 3, HALF)).toEqual({ action: 'wait', delayMs: 4_000 });
  });

  test('is final when the backend says that trying again is no use', () => {
    for (const kind of ['REFUSED', 'UNREACHABLE', 'BROKEN_STREAM', 'RATE_LIMITED'] as const) {
      expect(judgeFailure({ kind, retryable: false, retryAfterMs: 1 }, 1, HALF)).toEqual({ action: 'fail' });
    }
  });

  test('spreads the attempts of many sessions by a quarter to either side', () => {
    expect(judgeFailure(failure('UNREACHABLE'), 1, 0)).toEqual({ action: 'wait', delayMs: 750 });
    expect(judgeFailure(failure('UNREACHABLE'), 1, 1)).toEqual({ action: 'wait', delayMs: 1_250 });
  });
});
