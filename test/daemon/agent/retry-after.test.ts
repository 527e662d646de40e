import { describe, expect, test } from 'vitest';
import { retryAfterMs } from '../../../daemon/agent/retry-after.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');

describe('how long a server wants to be left alone', () => {
  test.each<[string, Record<string, string>, number | undefined]>([
    ['nothing', {}, undefined],
    ['seconds', { 'retry-after': '30' }, 30_000],
    ['a fraction of a second', { 'retry-after': '0.25' }, 250],
    ['a date', { 'retry-after': 'Sun, 01 Mar 2026 12:00:45 GMT' }, 45_000],
    ['a date that has passed', { 'retry-after': 'Sun, 01 Mar 2026 11:00:00 GMT' }, 0],
    ['more than a day', { 'retry-after': '999999' }, 86_400_000],
    ['nonsense', { 'retry-after': 'soon' }, undefined],
    ['an empty header', { 'retry-after': '' }, undefined],
    ['milliseconds', { 'retry-after-ms': '1234' }, 1234],
    ['milliseconds before seconds', { 'retry-after-ms': '1500', 'retry-after': '1' }, 1500],
    ['a duration', { 'x-ratelimit-reset-tokens': '1h2m3.5s' }, 3_723_500],
    ['a short duration', { 'x-ratelimit-reset-requests': '120ms' }, 120],
    ['seconds since the epoch', { 'x-ratelimit-reset': String(NOW / 1000 + 9) }, 9000],
    ['milliseconds since the epoch', { 'x-ratelimit-reset': String(NOW + 9) }, 9],
    ['an ISO date', { 'anthropic-ratelimit-requests-reset': '2026-03-01T12:00:10Z' }, 10_000],
    ['the longest of several', { 'x-ratelimit-reset-requests': '1s', 'x-ratelimit-reset-tokens': '8s' }, 8000],
    [
      'the limit of a kind that is used up',
      {
        'anthropic-ratelimit-requests-remaining': '49',
        'anthropic-ratelimit-requests-reset': '2026-03-01T12:00:50Z',
        'anthropic-ratelimit-input-tokens-remaining': '0',
        'anthropic-ratelimit-input-tokens-reset': '2026-03-01T12:00:07Z',
      },
      7000,
    ],
    [
      'only the limit that is used up',
      {
        'x-ratelimit-reset-requests': '1s',
        'x-ratelimit-remaining-requests': '0',
        'x-ratelimit-reset-tokens': '8s',
        'x-ratelimit-remaining-tokens': '100',
      },
      1000,
    ],
    ['Retry-After before the limits', { 'retry-after': '2', 'x-ratelimit-reset-tokens': '8s' }, 2000],
  ])('is read from %s', (_, headers, milliseconds) => {
    expect(retryAfterMs(headers, NOW, { withLimits: true })).toBe(milliseconds);
  });

  test('is not read from limits when the refusal is about something else', () => {
    const limits = { 'anthropic-ratelimit-requests-reset': '2026-03-01T12:00:10Z' };
    expect(retryAfterMs(limits, NOW, { withLimits: false })).toBeUndefined();
    expect(retryAfterMs({ ...limits, 'retry-after': '2' }, NOW, { withLimits: false })).toBe(2000);
  });
});
