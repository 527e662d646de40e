/** The brake on a crash loop: remembers how the latest starts ended and refuses one more when they ended badly in a row. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ProtocolError } from '../../protocol/errors.ts';
import { writeAtomically } from './atomic-file.ts';

const WINDOW_MS = 60_000;
const MAX_EXCEPTIONS = 3;
const MAX_EARLY_DEATHS = 5;
const KEPT = 20;

/**
 * `starting` has not answered a handshake yet; `served` has; `ended` left in an orderly way; `exception` died of an error
 * nobody caught. A start that is still `starting` when the lock is free was killed, or killed itself, before it served.
 */
type Outcome = 'starting' | 'died' | 'served' | 'ended' | 'exception';

interface Start {
  /** Of the start, or of the exception; milliseconds since the epoch. */
  readonly at: number;
  readonly pid: number;
  readonly outcome: Outcome;
  readonly errorClass?: string;
  /** A person asked for the end: clients that lose this daemon do not start another one by themselves. */
  readonly deliberate?: true;
}

/**
 * Kept in `starts.json` in the run directory, read and written only under the lock. A daemon that was killed after it had
 * served never counts.
 */
export class StartLedger {
  readonly #path: string;
  readonly #hint: string;
  readonly #now: () => number;
  #earlier: readonly Start[] = [];
  #current: Start | undefined;

  /**
   * @param logDirectory named in the refusal.
   * @param now milliseconds since the epoch.
   */
  constructor(runDirectory: string, logDirectory: string, now: () => number = Date.now) {
    this.#path = join(runDirectory, 'starts.json');
    this.#hint = `${join(logDirectory, 'crash.log')} says where; \`mctl doctor\` looks for the cause.`;
    this.#now = now;
  }

  /**
   * Records this start. The lock must be held.
   * @throws ProtocolError DAEMON_UNAVAILABLE when the latest starts ended so badly that one more is no help.
   */
  begin(): void {
    this.#earlier = readStarts(this.#path).map((start) =>
      start.outcome === 'starting' ? { ...start, outcome: 'died' } : start,
    );
    this.#refuseCrashLoop();
    this.#record({ at: this.#now(), pid: process.pid, outcome: 'starting' });
  }

  /** The first handshake is about to be answered. */
  served(): void {
    if (this.#current?.outcome === 'starting') this.#record({ ...this.#current, outcome: 'served' });
  }

  /** A person has asked for the end. Recorded before it, however it comes then. */
  stopAsked(): void {
    if (this.#current !== undefined) this.#record({ ...this.#current, deliberate: true });
  }

  /** The process ends in an orderly way. */
  ended(): void {
    if (this.#current !== undefined) this.#record({ ...this.#current, outcome: 'ended' });
  }

  /** The process ends because of an error that nobody caught. */
  exception(errorClass: string): void {
    if (this.#current === undefined) return;
    this.#record({ ...this.#current, at: this.#now(), outcome: 'exception', errorClass });
  }

  #refuseCrashLoop(): void {
    const recent = this.#earlier.filter(({ at }) => at <= this.#now() && this.#now() - at < WINDOW_MS);
    const exceptions = recent.filter(({ outcome }) => outcome === 'exception');
    const lastGood = recent.findLastIndex(({ outcome }) => outcome === 'served' || outcome === 'ended');
    const deaths = recent.slice(lastGood + 1).filter(({ outcome }) => outcome === 'died');
    if (exceptions.length >= MAX_EXCEPTIONS) {
      const classes = [...new Set(exceptions.map(({ errorClass }) => errorClass))].join(', ');
      throw this.#refusal(`the daemon has crashed ${exceptions.length} times within a minute (${classes})`, exceptions);
    }
    if (deaths.length >= MAX_EARLY_DEATHS) {
      throw this.#refusal(`the daemon has died ${deaths.length} times within a minute before it could serve`, deaths);
    }
  }

  #refusal(message: string, starts: readonly Start[]): ProtocolError {
    const oldest = starts.at(-(starts[0]?.outcome === 'exception' ? MAX_EXCEPTIONS : MAX_EARLY_DEATHS));
    const waitMs = WINDOW_MS - (this.#now() - (oldest?.at ?? this.#now()));
    return new ProtocolError('DAEMON_UNAVAILABLE', `${message}, so it is not started again for now`, {
      // A time, since the sentence is read again later.
      hint: `${this.#hint} The next start is possible at ${clock(this.#now() + waitMs)}.`,
      retryable: true,
      retryAfterMs: waitMs,
    });
  }

  #record(start: Start): void {
    this.#current = start;
    try {
      writeAtomically(this.#path, `${JSON.stringify({ starts: [...this.#earlier, start].slice(-KEPT) })}\n`);
    } catch {
      // On a full disk the brake does not work; the daemon must, to say that the disk is full.
    }
  }
}

/** `12:30:05`, local time; the second has begun by then. */
function clock(at: number): string {
  return new Date(Math.ceil(at / 1000) * 1000).toTimeString().slice(0, 8);
}

function readStarts(path: string): Start[] {
  try {
    const { starts } = JSON.parse(readFileSync(path, 'utf8')) as { starts?: unknown };
    return Array.isArray(starts) ? starts.filter(isStart) : [];
  } catch {
    // None yet, or not ours: a brake without memory lets the start through.
    return [];
  }
}

function isStart(value: unknown): value is Start {
  if (typeof value !== 'object' || value === null) return false;
  const { at, pid, outcome } = value as Partial<Record<keyof Start, unknown>>;
  return typeof at === 'number' && typeof pid === 'number' && typeof outcome === 'string';
}
