/** Keeps the public name and the lock what they should be while the daemon serves, whoever cleans up around it. */
import type { Log } from '../log.ts';
import { errorShape } from '../logging/error-shape.ts';
import type { Lock } from './lock.ts';
import type { PublishedSocket } from './published-socket.ts';
import type { Stopping } from './stopping.ts';

/** A daemon that takes over publishes before it asks; so long its name is respected without the question. */
const TAKE_OVER_MS = 2_000;

export class SelfCheck {
  readonly #published: PublishedSocket;
  readonly #lock: Lock;
  readonly #stopping: Stopping;
  readonly #log: Log;
  #paused = false;
  #otherDaemonAt = -Infinity;
  #publishing: Promise<void> | undefined;
  #again: NodeJS.Timeout | undefined;

  constructor(published: PublishedSocket, lock: Lock, stopping: Stopping, log: Log) {
    this.#published = published;
    this.#lock = lock;
    this.#stopping = stopping;
    this.#log = log;
  }

  /** Looks now, and then whenever there is a reason and at every interval. */
  start(intervalMs: number): void {
    this.#published.watch(intervalMs, () => void this.check());
    void this.check();
  }

  /** While paused a missing name is what we want. */
  pause(): void {
    this.#paused = true;
  }

  /** Resolves when the name is ours again. */
  async resume(): Promise<void> {
    this.#paused = false;
    await this.check();
  }

  otherDaemonGreeted(): void {
    this.#otherDaemonAt = performance.now();
  }

  /** Takes the public name back, even from another daemon. */
  async reclaimName(): Promise<void> {
    this.#otherDaemonAt = -Infinity;
    await this.check();
  }

  /** Never rejects: what cannot be repaired now is tried again at the next interval. */
  async check(): Promise<void> {
    try {
      await this.#publishing;
      if (this.#paused || this.#stopping.phase !== 'serving') return;
      if (!this.#lock.isInPlace()) {
        this.#log.error('lock file removed');
        this.#stopping.request('lock-lost', 'drain');
        return;
      }
      const found = this.#published.look();
      if (found === 'ours') return;
      if (found === 'another' && this.#takeOverIsExpected()) return;
      this.#log.warn('socket published again', { state: found });
      this.#publishing ??= this.#published.publish().finally(() => {
        this.#publishing = undefined;
      });
      await this.#publishing;
    } catch (error) {
      this.#log.error('self check failed', errorShape(error));
    }
  }

  #takeOverIsExpected(): boolean {
    const left = TAKE_OVER_MS - (performance.now() - this.#otherDaemonAt);
    if (left <= 0) return false;
    clearTimeout(this.#again);
    this.#again = setTimeout(() => void this.check(), left + 1).unref();
    return true;
  }
}
