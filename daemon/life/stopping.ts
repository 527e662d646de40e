/** The end of the process, whoever asks for it: no new work, running work to rest, the name, the lock, the connections. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProcessLog } from '../log.ts';
import { errorShape } from '../logging/error-shape.ts';
import type { SocketServer } from '../transport/socket-server.ts';
import type { Daemon, DrainOptions, StopMode, StopReason } from './daemon-context.ts';
import type { Lock } from './lock.ts';
import type { PublishedSocket } from './published-socket.ts';
import type { StartLedger } from './start-ledger.ts';

/** What the end takes apart. */
export interface StopParts {
  readonly log: ProcessLog;
  readonly published: PublishedSocket;
  readonly connections: () => SocketServer;
  readonly ledger: StartLedger;
  /** Undefined until it is held. */
  lock(): Lock | undefined;
  /** What is being served, as soon as it is built; undefined when building it has not begun or has failed. */
  daemon(): Promise<Daemon | undefined>;
  /** Resolves when every request that has begun is answered. */
  requestsSettled(): Promise<void>;
  exit(code: number): void;
}

export interface StopTimings {
  /** From the request to the end by force. */
  readonly hardStopMs: number;
  /** The same when the files of this build were replaced: nobody waits, so running turns may end by themselves. */
  readonly replacedStopMs: number;
  /** The same for a stop that does not wait for the model. */
  readonly quickStopMs: number;
  /** How long connections that were on their way are still taken after another daemon has the name. */
  readonly queueGraceMs: number;
}

/** Part of the time that is kept for closing down after the work. */
const CLOSING_SHARE = 0.2;
const REQUESTS_MS = 1_000;
/** The same as the grace of a hand-over when nobody has the name: whoever comes now starts the next daemon anyway. */
const STOP_GRACE_MS = 10;

export class Stopping {
  readonly #parts: StopParts;
  readonly #timings: StopTimings;
  #phase: 'serving' | 'draining' | 'closed' = 'serving';
  #hardStop: { readonly at: number; readonly timer: NodeJS.Timeout } | undefined;

  constructor(parts: StopParts, timings: StopTimings) {
    this.#parts = parts;
    this.#timings = timings;
  }

  /** `closed` means that the store is closed or about to be. */
  get phase(): 'serving' | 'draining' | 'closed' {
    return this.#phase;
  }

  /** Begins to stop and returns. Repeating it can only make the stop quicker. */
  request(reason: StopReason, mode: StopMode): void {
    const limitMs = this.#limit(reason, mode);
    this.#armHardStop(limitMs);
    if (reason === 'asked') this.#parts.ledger.stopAsked();
    if (this.#phase !== 'serving') return;
    this.#phase = 'draining';
    this.#parts.log.info('stopping', { reason, mode });
    void this.#stop(reason, limitMs);
  }

  /**
   * Gives the data directory to another daemon, which has published its socket already. Resolves when the lock is free; the
   * process ends a moment later. Nothing may run, and the phase must be `serving`.
   */
  async handOver(): Promise<void> {
    const { log, ledger, published } = this.#parts;
    const limitMs = this.#timings.hardStopMs;
    this.#phase = 'draining';
    this.#armHardStop(limitMs);
    log.info('handing over');
    const clean = await this.#drain({ deliberate: false, deadlineMs: limitMs * (1 - CLOSING_SHARE), handOver: true });
    this.#phase = 'closed';
    published.unwatch();
    if (clean) ledger.ended();
    this.#parts.lock()?.release();
    // The answer goes first.
    setImmediate(() => void this.#leave(clean ? 0 : 1, this.#timings.queueGraceMs));
  }

  async #stop(reason: StopReason, limitMs: number): Promise<void> {
    const { ledger, published } = this.#parts;
    const clean = await this.#drain({
      deliberate: reason === 'asked',
      deadlineMs: limitMs * (1 - CLOSING_SHARE),
    });
    this.#phase = 'closed';
    published.unwatch();
    published.unpublish();
    // A vault that dies at every start must not be started for ever.
    if (reason === 'vault-lost') ledger.exception('VaultLost');
    else if (clean) ledger.ended();
    // Before the connections close: their clients start the next daemon, which needs it.
    this.#parts.lock()?.release();
    await this.#leave(clean && reason !== 'vault-lost' ? 0 : 1, STOP_GRACE_MS);
  }

  async #drain(options: DrainOptions): Promise<boolean> {
    const { log } = this.#parts;
    try {
      const daemon = await this.#parts.daemon();
      await Promise.race([this.#parts.requestsSettled(), sleep(REQUESTS_MS, undefined, { ref: false })]);
      await daemon?.drain(options);
      return true;
    } catch (error) {
      log.error('draining failed', errorShape(error));
      return false;
    }
  }

  /** Connections that were queued at our socket are answered, with DRAINING, until the grace is over. */
  async #leave(code: number, graceMs: number): Promise<void> {
    const { log, connections, published } = this.#parts;
    const grace = sleep(graceMs);
    await connections().closeAll();
    await grace;
    published.unpublish();
    published.close();
    await connections().closeAll();
    log.info('stopped', { code: String(code) });
    log.flush();
    this.#parts.exit(code);
  }

  #limit(reason: StopReason, mode: StopMode): number {
    if (mode === 'now') return this.#timings.quickStopMs;
    return reason === 'build-replaced' ? this.#timings.replacedStopMs : this.#timings.hardStopMs;
  }

  #armHardStop(limitMs: number): void {
    const { log } = this.#parts;
    const at = performance.now() + limitMs;
    if (this.#hardStop !== undefined && this.#hardStop.at <= at) return;
    clearTimeout(this.#hardStop?.timer);
    const timer = setTimeout(() => {
      log.error('stopped by force', { durationMs: limitMs });
      log.flush();
      this.#parts.exit(1);
    }, limitMs);
    this.#hardStop = { at, timer };
  }
}
