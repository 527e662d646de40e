/** What a client does about a daemon of an older build: replaces it, but never under somebody's work. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ProtocolError } from '../../protocol/errors.ts';
import { launchDaemon, type Launch } from './daemon-process.ts';
import type { EnsureOptions } from './ensure-options.ts';
import { LinkLost } from './call-errors.ts';
import type { Link } from './link.ts';
import { readLogTail, readStartFailure, type StartMarker } from './start-records.ts';

const POLL_MS = 250;
const REQUEST_MS = 10_000;
const RELAUNCH_MS = 1_000;
/** How long a stop or a hand-over may take once nothing runs. */
const LEAVE_MS = 20_000;
/** How long a client waits for work that somebody else has running. */
const BUSY_MS = 30 * 60_000;

/** `gone`: the daemon has ended. `in use`: it has work to do, and this client can be served beside it. */
export type Outcome = 'gone' | 'in use';

/**
 * Has the daemon at the other end replaced by ours: at once when nothing runs there, otherwise when it is done. One that
 * leaves by itself is only waited for. Clients that try the same at the same time agree by the marker. An admin client
 * does not wait for other people's work, since a busy daemon serves it.
 *
 * @throws ProtocolError with what the start of ours was refused for, CONFLICT when the older one stays busy, or
 * DAEMON_UNAVAILABLE when it does not hand over.
 */
export async function replaceDaemon(link: Link, options: EnsureOptions, marker: StartMarker): Promise<Outcome> {
  const successor = new Successor(options, marker);
  return untilGone(link, options, options.hello.client.kind !== 'mctl', () => {
    successor.keepTrying();
    return Promise.resolve();
  });
}

/** Like `replaceDaemon`, for a daemon that cannot hand over: it is stopped, and the next start is anybody's. */
export async function stopDaemonWhenIdle(link: Link, options: EnsureOptions): Promise<void> {
  await untilGone(link, options, true, async () => {
    await link.request('daemon/shutdown', { onlyIfIdle: true }, request(options));
  });
}

/** @param whenIdle called again and again while nothing runs. */
async function untilGone(
  link: Link,
  options: EnsureOptions,
  waits: boolean,
  whenIdle: () => Promise<void>,
): Promise<Outcome> {
  let outcome: Outcome = 'gone';
  try {
    if (options.now) await stopAtOnce(link, options);
    else outcome = await waitAndReplace(link, options, waits, whenIdle);
  } catch (error) {
    if (!(error instanceof LinkLost)) throw error;
  } finally {
    if (outcome === 'gone') link.close();
  }
  return outcome;
}

async function stopAtOnce(link: Link, options: EnsureOptions): Promise<void> {
  await link.request('daemon/shutdown', { mode: 'now' }, request(options));
  await goneWithin(link, LEAVE_MS, options.signal);
  if (link.isOpen) throw stays(options);
}

async function waitAndReplace(
  link: Link,
  options: EnsureOptions,
  waits: boolean,
  whenIdle: () => Promise<void>,
): Promise<Outcome> {
  const begun = performance.now();
  let idleSince: number | undefined;
  let told = '';
  while (link.isOpen) {
    const { runningTurns, draining } = await link.request('daemon/status', {}, request(options));
    if (runningTurns > 0 || draining) {
      if (!waits) return 'in use';
      idleSince = undefined;
      const sentence = busySentence(runningTurns);
      if (told !== sentence) options.onProgress(sentence);
      told = sentence;
      if (performance.now() - begun > BUSY_MS) throw stillBusy(runningTurns);
    } else {
      idleSince ??= performance.now();
      if (performance.now() - idleSince > LEAVE_MS) throw stays(options);
      await whenIdle().catch(unlessBusyAfterAll);
    }
    await goneWithin(link, POLL_MS, options.signal);
  }
  return 'gone';
}

/** A turn may have begun since the question. */
function unlessBusyAfterAll(error: unknown): void {
  if (!(error instanceof ProtocolError) || error.kind !== 'CONFLICT') throw error;
}

/** The daemon of our build that asks the older one to hand over. */
class Successor {
  readonly #options: EnsureOptions;
  readonly #marker: StartMarker;
  readonly #begunAt = Date.now();
  #launch: Launch | undefined;
  #launchedAt = Number.NEGATIVE_INFINITY;

  constructor(options: EnsureOptions, marker: StartMarker) {
    this.#options = options;
    this.#marker = marker;
  }

  /** Starts it, and again when the older daemon turned out to be busy after all. */
  keepTrying(): void {
    if (this.#launch !== undefined) {
      if (this.#launch.ended === undefined) return;
      const failure = readStartFailure(this.#options.locations, this.#begunAt);
      if (failure !== undefined && failure.kind !== 'CONFLICT') throw failure;
    }
    if (performance.now() - this.#launchedAt < RELAUNCH_MS || !this.#marker.claim()) return;
    this.#launchedAt = performance.now();
    this.#launch = launchDaemon({ ...this.#options, takeOver: true });
  }
}

async function goneWithin(link: Link, limitMs: number, signal: AbortSignal | undefined): Promise<void> {
  const over = new AbortController();
  const signals = signal === undefined ? [over.signal] : [over.signal, signal];
  const pause = sleep(limitMs, undefined, { signal: AbortSignal.any(signals) });
  try {
    await Promise.race([link.closed, pause]);
  } finally {
    over.abort();
    // Its only news by now is that it was ended.
    pause.catch(() => undefined);
  }
}

function request(options: EnsureOptions): { timeoutMs: number; signal: AbortSignal | undefined } {
  return { timeoutMs: REQUEST_MS, signal: options.signal };
}

function busySentence(runningTurns: number): string {
  if (runningTurns === 0) return 'the daemon is leaving; the next one starts when it has gone …';
  const turns = runningTurns === 1 ? 'a running turn' : `${runningTurns} running turns`;
  return `the daemon finishes ${turns} before a newer one takes its place …`;
}

function stillBusy(runningTurns: number): ProtocolError {
  return new ProtocolError('CONFLICT', `the daemon of an older build is still busy with ${runningTurns} turn(s)`, {
    hint: 'Try again later, or replace it at once with `mctl daemon restart --now`.',
    retryable: true,
  });
}

function stays({ locations }: EnsureOptions): ProtocolError {
  const tail = readLogTail(locations.logDirectory);
  return new ProtocolError('DAEMON_UNAVAILABLE', 'the daemon of an older build did not hand over', {
    hint: `Replace it with \`mctl daemon restart\`.${tail === '' ? '' : ` The end of the log:\n${tail}`}`,
    retryable: true,
  });
}
