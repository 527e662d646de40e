/** The time, and identifiers ordered by it. */
import { monotonicFactory } from 'ulid';
import type { ClockPort } from './ports.ts';

/** The real clock. Its ids are ULIDs, each greater than the one before also within a millisecond. */
export function systemClock(): ClockPort {
  const next = monotonicFactory();
  return { now: () => Date.now(), id: () => next() };
}
