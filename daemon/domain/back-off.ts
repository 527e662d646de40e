/** How long a turn waits before it tries again, and which failures it waits out at all. */
import type { ErrorKind } from '../../protocol/errors.ts';

/** What is known of a failed model call. */
export interface Failure {
  readonly kind: ErrorKind;
  /** The same call may succeed later. */
  readonly retryable: boolean;
  /** What the server asked for. */
  readonly retryAfterMs: number | undefined;
}

/** What becomes of a turn whose model call failed. */
export type Verdict =
  | { readonly action: 'fail' }
  /** Tried again until it works or is cancelled: the model cannot be reached. */
  | { readonly action: 'wait'; readonly delayMs: number }
  /** Tried again a few times. */
  | { readonly action: 'retry'; readonly delayMs: number };

const FIRST_MS = 1_000;
const LONGEST_MS = 300_000;
/** Longest wait that a server may ask for. */
const LONGEST_ASKED_MS = 24 * 60 * 60 * 1000;
/** Attempts at a reply that keeps breaking off. */
const MAX_BROKEN = 3;

/**
 * @param failures how many attempts have failed in a row, this one included; from 1.
 * @param random from 0 to 1: spreads attempts of many sessions.
 */
export function judgeFailure(failure: Failure, failures: number, random: number): Verdict {
  if (!failure.retryable) return { action: 'fail' };
  const delayMs = Math.max(backOff(failures, random), Math.min(failure.retryAfterMs ?? 0, LONGEST_ASKED_MS));
  if (failure.kind === 'UNREACHABLE' || failure.kind === 'RATE_LIMITED') return { action: 'wait', delayMs };
  return failures < MAX_BROKEN ? { action: 'retry', delayMs } : { action: 'fail' };
}

function backOff(failures: number, random: number): number {
  const delay = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures - 1, 20));
  return Math.round(delay * (0.75 + random / 2));
}
