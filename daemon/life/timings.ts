/** Every wait of the process, in one place, so that tests can shorten them. */
import type { StopTimings } from './stopping.ts';

/** All in milliseconds. */
export interface Timings extends StopTimings {
  /** From a connection to its handshake. */
  readonly helloMs: number;
  /** From the published socket to the build of the rest, unless a handshake comes first. */
  readonly firstHelloMs: number;
  /** How long a daemon that is about to leave is waited for. */
  readonly lockWaitMs: number;
  /** The same for one that was asked to hand over. */
  readonly takeOverWaitMs: number;
  readonly selfCheckMs: number;
  /** Undefined: as the configuration says. */
  readonly idleExitMs: number | undefined;
  readonly idleCheckMs: number;
  /** Between two looks at the clock and at the files of this build. */
  readonly tickMs: number;
}

export const TIMINGS: Timings = {
  helloMs: 2_000,
  firstHelloMs: 25,
  lockWaitMs: 8_000,
  takeOverWaitMs: 15_000,
  selfCheckMs: 60_000,
  idleExitMs: undefined,
  idleCheckMs: 30_000,
  tickMs: 15_000,
  hardStopMs: 10_000,
  replacedStopMs: 10 * 60_000,
  quickStopMs: 2_000,
  queueGraceMs: 250,
};

/** Connections beyond this many are refused; a usual limit of open files is 1024. */
export const MAX_CONNECTIONS = 400;
