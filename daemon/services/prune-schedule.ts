/** When old snapshots go: once a day, and the first time only a day after it was announced. */
import type { PruneState } from './prune-state.ts';

const DAY = 24 * 60 * 60 * 1000;

/**
 * `wait`: nothing is due. `announce`: nobody was told yet that snapshots will go, or it was said under a clock that was
 * wrong. `prune`: it is time.
 */
export function whatIsDue(state: PruneState, now: number): 'wait' | 'announce' | 'prune' {
  const { prunedAt, lookedAt, announcedFor } = state;
  if (prunedAt !== undefined) return isOfLastDay(prunedAt, now) ? 'wait' : 'prune';
  if (announcedFor === undefined) return isOfLastDay(lookedAt, now) ? 'wait' : 'announce';
  if (announcedFor > now + DAY) return 'announce';
  return announcedFor > now ? 'wait' : 'prune';
}

/** When what is announced now is done. */
export function announcedDate(now: number): number {
  return now + DAY;
}

/** A time in the future is of a clock that was wrong. */
function isOfLastDay(time: number | undefined, now: number): boolean {
  return time !== undefined && time > now - DAY && time <= now;
}
