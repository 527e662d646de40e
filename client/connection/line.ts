/** The line to the daemon: one link at a time, made again whenever it is lost or, after a stop on purpose, needed. */
import { ProtocolError, type ErrorKind } from '../../protocol/errors.ts';
import type { ConnectionStatus } from './api.ts';
import { Backoff, pause } from './pause.ts';
import type { Link } from './link.ts';

/** Reasons for a failed attempt that may pass by themselves; with any other the line gives up. */
const PASSING: readonly ErrorKind[] = [
  'DAEMON_UNAVAILABLE',
  'DAEMON_WEDGED',
  'DRAINING',
  'OVERLOADED',
  'DEADLINE',
  'CONFLICT',
  'STORAGE_FULL',
  'STORAGE_FAILED',
];

/** How often to look whether somebody else has started a daemon that was stopped. */
const LOOK_MS = 1_000;
const STOPPED = 'the daemon was stopped';

export interface LineParts {
  /** Makes one link, or throws. @param startDaemon false: only to a daemon that runs. */
  dial(signal: AbortSignal, startDaemon: boolean): Promise<Link>;
  /** Called with each new link; whoever needs a prepared one waits for it. Never rejects. */
  prepare(link: Link): Promise<void>;
  /** Whether the daemon of a link that is lost was stopped by a person. */
  wasStopped(link: Link): boolean;
}

export interface WaitOptions {
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs: number;
  /** Not before the link is prepared. */
  readonly prepared: boolean;
  /** Whether this is a reason to start a daemon that was stopped on purpose. */
  readonly startDaemon: boolean;
}

export class Line {
  readonly #parts: LineParts;
  readonly #closing = new AbortController();
  readonly #listeners = new Set<(status: ConnectionStatus) => void>();
  readonly #linkListeners = new Set<(link: Link) => void>();
  #link: Link | undefined;
  #next = pendingLink();
  #prepared: Promise<void> = Promise.resolve();
  /** The link that is prepared; calls on it need not wait for anything. */
  #ready: Link | undefined;
  #end: ProtocolError | undefined;
  #reason = '';
  /** Set while there is no daemon because a person stopped it; aborted when one is needed. */
  #rest: AbortController | undefined;

  constructor(parts: LineParts) {
    this.#parts = parts;
  }

  /** The first link. Other than a later one, its failure is for the caller. */
  async open(): Promise<Link> {
    const link = await this.#parts.dial(this.#closing.signal, true);
    this.#adopt(link);
    return link;
  }

  /** The link, when there is one now. */
  get current(): Link | undefined {
    return this.#link;
  }

  /** Why it is closed for good. */
  get end(): ProtocolError | undefined {
    return this.#end;
  }

  /**
   * The link, now or when there is one again.
   * @throws ProtocolError: why the line was closed, CANCELLED, or DAEMON_UNAVAILABLE when the time is over, or when the
   * daemon was stopped and is not to be started.
   */
  async link(options: WaitOptions): Promise<Link> {
    if (this.#end !== undefined) throw this.#end;
    if (this.#link !== undefined && (!options.prepared || this.#ready === this.#link)) return this.#link;
    if (options.startDaemon) this.wake();
    else if (this.#rest !== undefined) throw this.#unreachable();
    const { promise, reject } = Promise.withResolvers<never>();
    const onAbort = (): void => {
      reject(new ProtocolError('CANCELLED', 'the call was cancelled', { cause: options.signal?.reason }));
    };
    const timer = setTimeout(() => {
      reject(this.#unreachable());
    }, options.timeoutMs);
    options.signal?.addEventListener('abort', onAbort, { once: true });
    if (options.signal?.aborted === true) onAbort();
    try {
      const link = await Promise.race([this.#next.promise, promise]);
      if (options.prepared) await Promise.race([this.#prepared, link.closed, promise]);
      return link;
    } finally {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', onAbort);
    }
  }

  /** A daemon is needed: one that was stopped on purpose is started. */
  wake(): void {
    if (this.#rest === undefined) return;
    this.#rest.abort();
    this.#rest = undefined;
    this.#tell({ state: 'reconnecting', reason: this.#reason });
  }

  /** Called with each link from now on, the present one excepted. */
  onLink(listener: (link: Link) => void): void {
    this.#linkListeners.add(listener);
  }

  onStatus(listener: (status: ConnectionStatus) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Ends it for good. Every call rejects with the error. */
  close(error: ProtocolError): void {
    if (this.#end !== undefined) return;
    this.#end = error;
    this.#next.reject(error);
    this.#closing.abort(error);
    this.#link?.close();
    this.#link = undefined;
    this.#tell({ state: 'closed', reason: error.message });
  }

  #adopt(link: Link): void {
    if (this.#end !== undefined) {
      link.close();
      throw this.#end;
    }
    this.#link = link;
    this.#prepared = this.#parts.prepare(link).then(() => {
      this.#ready = link;
    });
    this.#next.resolve(link);
    void link.closed.then((reason) => {
      this.#lost(link, reason);
    });
  }

  #lost(link: Link, reason: string): void {
    if (this.#link !== link || this.#end !== undefined) return;
    this.#link = undefined;
    this.#next = pendingLink();
    const isStopped = this.#parts.wasStopped(link);
    this.#reason = isStopped ? STOPPED : reason;
    if (isStopped) this.#rest = new AbortController();
    this.#tell({ state: isStopped ? 'stopped' : 'reconnecting', reason: this.#reason });
    void this.#reconnect();
  }

  async #reconnect(): Promise<void> {
    const backoff = new Backoff({ firstMs: 50, longestMs: 2_000 });
    while (this.#end === undefined) {
      try {
        await (this.#rest === undefined ? pause(backoff.next(), this.#closing.signal) : this.#look(this.#rest.signal));
        this.#adopt(await this.#parts.dial(this.#closing.signal, this.#rest === undefined));
        this.#announce();
        return;
      } catch (error) {
        this.#failed(error);
      }
    }
  }

  /** The pause before the next look for a daemon that nobody here needs; over at once when somebody does. */
  async #look(needed: AbortSignal): Promise<void> {
    try {
      await pause(LOOK_MS, AbortSignal.any([this.#closing.signal, needed]));
    } catch (error) {
      if (!needed.aborted) throw error;
    }
  }

  #announce(): void {
    const link = this.#link;
    if (link === undefined) return;
    this.#rest = undefined;
    this.#tell({ state: 'connected' });
    for (const listener of this.#linkListeners) listener(link);
  }

  #failed(error: unknown): void {
    if (this.#end !== undefined) return;
    const reason = error instanceof Error ? error.message : String(error);
    if (error instanceof ProtocolError && !PASSING.includes(error.kind)) {
      this.close(error);
      return;
    }
    if (reason === this.#reason || this.#rest !== undefined) return;
    this.#reason = reason;
    this.#tell({ state: 'reconnecting', reason });
  }

  #unreachable(): ProtocolError {
    const reason = this.#link === undefined ? this.#reason : 'it is still starting';
    return new ProtocolError('DAEMON_UNAVAILABLE', `the daemon cannot be reached: ${reason}`, {
      hint: '`mctl doctor` looks for the cause.',
      retryable: true,
    });
  }

  #tell(status: ConnectionStatus): void {
    for (const listener of this.#listeners) listener(status);
  }
}

function pendingLink(): PromiseWithResolvers<Link> {
  const pending = Promise.withResolvers<Link>();
  // Nobody may be waiting when the line is closed.
  pending.promise.catch(() => undefined);
  return pending;
}
