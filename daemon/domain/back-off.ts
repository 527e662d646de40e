/** How long a turn waits before it tries again, and which failures it waits out at all. */
import type { ErrorKind } from '../../protocol/errors.ts';

/** What becomes of a turn whose model call failed. */
export type Verdict =
  | { readonly action: 'fail' }
  /** Tried again until it works or is cancelled: the model cannot be reached. */
  | { readonly action: 'wait'; readonly delayMs: number }
  /** Tried again a few times. */
  | { readonly action: 'retry'; readonly delayMs: number };

const FIRST_MS = 1_000;
const LONGEST_MS = 300_000;
/** Attempts at a reply that keeps breaking off. */
const MAX_BROKEN = 3;

/**
 * @param failures how many attempts have failed in a row, this one included; from 1.
 * @param retryAfterMs what the server asked for.
 * @param random from 0 to 1: spreads attempts of many sessions.
 */
export function judgeFailure(
  kind: ErrorKind,
  failures: number,
  retryAfterMs: number | undefined,
  random: number,
): Verdict {
  const delayMs = Math.max(backOff(failures, random), Math.min(retryAfterMs ?? 0, 24 * 60 * 60 * 1000));
  if (kind === 'UNREACHABLE' || kind === 'RATE_LIMITED') return { action: 'wait', delayMs };
  if (kind === 'BROKEN_STREAM' && failures < MAX_BROKEN) return { action: 'retry', delayMs };
  return { action: 'fail' };
}

function backOff(failures: number, random: number): number {
  const delay = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures - 1, 20));
  return Math.round(delay * (0.75 + random / 2));
}
