/** Ends a daemon that nobody has needed for long, without ever turning a client away. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../log.ts';
import { errorShape } from '../logging/error-shape.ts';

export interface IdleExitOptions {
  /** How long nobody must have needed the daemon; it may change. */
  limitMs(): number;
  readonly checkEveryMs: number;
  /** How long clients that found the name before it was gone are still waited for. */
  readonly queueGraceMs: number;
  /** No client, turn or queued prompt. */
  isIdle(): boolean;
  /** Takes the public name away: from here on clients start another daemon. */
  unpublish(): void;
  publish(): Promise<void>;
  exit(): void;
  readonly log: Log;
}

/** Time while the machine sleeps does not count: see `rebase`. */
export class IdleExit {
  readonly #options: IdleExitOptions;
  #neededAt = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #leaving = false;

  constructor(options: IdleExitOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = setInterval(() => void this.check(), this.#options.checkEveryMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Somebody needed the daemon just now, or the clock stood still. */
  rebase(): void {
    this.#neededAt = performance.now();
  }

  /** Never rejects: a check that fails must not make the daemon immortal, so that the next one comes as usual. */
  async check(): Promise<void> {
    if (this.#leaving) return;
    const { log } = this.#options;
    try {
      if (!this.#options.isIdle()) {
        this.rebase();
        return;
      }
      if (performance.now() - this.#neededAt < this.#options.limitMs()) return;
      this.#leaving = true;
      await this.#leave();
    } catch (error) {
      log.error('idle check failed', errorShape(error));
    } finally {
      this.#leaving = false;
    }
  }

  async #leave(): Promise<void> {
    const { queueGraceMs, log } = this.#options;
    this.#options.unpublish();
    await sleep(queueGraceMs);
    if (this.#options.isIdle()) {
      this.stop();
      this.#options.exit();
      return;
    }
    this.rebase();
    log.info('needed again');
    await this.#options.publish();
  }
}
