/** The main thread's side of one workspace: calls with deadlines into a thread that starts with the first one. */
import { ProtocolError } from '../../../protocol/errors.ts';
import { abort, newStopFlag, type StopFlag } from '../engine/stop-flag.ts';
import type { Answer, CallArguments, CallName, CallResult, Request, WorkspaceSettings } from './calls.ts';
import { ThreadLife } from './thread-life.ts';

export interface ThreadDeadlines {
  /** For an answer, in milliseconds, the calls before it included. */
  readonly call: number;
  /** From the deadline of a call until the thread is given up. */
  readonly grace: number;
  /** Without a call, until the thread ends. */
  readonly idle: number;
}

export const DEADLINES: ThreadDeadlines = { call: 600_000, grace: 10_000, idle: 300_000 };

export interface ThreadOptions {
  readonly script: string;
  /** Asked at each start of the thread. */
  readonly settings: () => Promise<WorkspaceSettings>;
  /** Tells settings apart: with others than it was started with, the thread begins anew as soon as it has nothing to do. */
  readonly version: () => string;
  readonly deadlines: ThreadDeadlines;
  /** Told the frames of errors that nobody expected, and why a thread died. */
  readonly onUnexpected: (name: string, stack: string) => void;
}

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class WorkspaceThread {
  readonly #options: ThreadOptions;
  readonly #pending = new Map<number, Pending>();
  #life: Promise<ThreadLife> | undefined;
  #running: ThreadLife | undefined;
  /** Resolved unless a thread is being ended. */
  #ended: Promise<void> = Promise.resolve();
  #idle: NodeJS.Timeout | undefined;
  #held = 0;
  #version = '';
  #answers = 0;
  #lastId = 0;
  #closed = false;

  constructor(options: ThreadOptions) {
    this.#options = options;
  }

  /** True when nothing is asked, and nothing will be of what is held. */
  get quiet(): boolean {
    return this.#pending.size === 0 && this.#held === 0;
  }

  /** As long as something is held, the thread does not end for want of calls. @returns lets go of it, once. */
  hold(): () => void {
    this.#held += 1;
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#held -= 1;
      this.#rest();
    };
  }

  /**
   * @param flag set when the call is given up; it is among the arguments of a call that looks at it.
   * @throws ProtocolError, a retryable one when the thread dies; the signal's reason.
   */
  async ask<K extends CallName>(
    name: K,
    args: CallArguments<K>,
    flag: StopFlag = newStopFlag(),
    signal?: AbortSignal,
  ): Promise<CallResult<K>> {
    signal?.throwIfAborted();
    if (this.#closed) throw closedError();
    clearTimeout(this.#idle);
    if (this.quiet && this.#life !== undefined && this.#version !== this.#options.version()) this.#ended = this.#end();
    this.#lastId += 1;
    const id = this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#pending.set(id, { resolve, reject });
    const giveUp = (error: Error): void => {
      abort(flag);
      this.#settle(id)?.reject(error);
    };
    const deadline = setTimeout(() => {
      giveUp(tooSlow());
      this.#suspect();
    }, this.#options.deadlines.call);
    const aborted = (): void => {
      giveUp(reasonOf(signal));
    };
    signal?.addEventListener('abort', aborted, { once: true });
    void this.#send({ id, name, args });
    try {
      return (await promise) as CallResult<K>;
    } finally {
      clearTimeout(deadline);
      signal?.removeEventListener('abort', aborted);
      this.#rest();
    }
  }

  /** What is known of the files is kept for the next time. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#end();
    this.#rejectAll(closedError());
  }

  async #send(request: Request): Promise<void> {
    try {
      const life = await (this.#life ??= this.#start());
      // It may have been given up before the thread was there.
      if (this.#pending.has(request.id)) life.send(request);
    } catch (error) {
      this.#life = undefined;
      this.#settle(request.id)?.reject(error instanceof Error ? error : new Error(String(error)));
    }
  }

  async #start(): Promise<ThreadLife> {
    // Two of them never work on the same files.
    await this.#ended;
    this.#version = this.#options.version();
    const settings = await this.#options.settings();
    const life: ThreadLife = new ThreadLife(this.#options.script, settings, {
      answer: (answer) => {
        this.#take(answer);
      },
      death: (reason) => {
        this.#bury(life, reason);
      },
    });
    this.#running = life;
    return life;
  }

  #take(answer: Answer): void {
    this.#answers += 1;
    const call = this.#settle(answer.id);
    if (answer.kind === 'value') call?.resolve(answer.value);
    else if (answer.kind === 'error') call?.reject(ProtocolError.fromWire(answer.message, answer.data));
    else {
      this.#options.onUnexpected('workspace', answer.stack);
      call?.reject(
        new ProtocolError('INTERNAL', 'the snapshots of this workspace failed for a reason m does not know'),
      );
    }
  }

  /** A thread that answers nobody for a while longer does not end what it does. */
  #suspect(): void {
    const answers = this.#answers;
    const suspected = this.#life;
    setTimeout(() => {
      if (suspected === undefined || this.#life !== suspected || this.#answers !== answers) return;
      void suspected.then((life) => {
        life.kill('it no longer answered');
      });
    }, this.#options.deadlines.grace).unref();
  }

  /** The thread is gone. What it had begun is whole or not there, and the next call starts another. */
  #bury(life: ThreadLife, reason: string): void {
    if (this.#running === life) this.#life = undefined;
    this.#options.onUnexpected('workspace', `the thread of a workspace was lost: ${reason}`);
    this.#rejectAll(
      new ProtocolError('INTERNAL', `the thread that keeps the files of the workspace was lost: ${reason}`, {
        retryable: true,
      }),
    );
  }

  #rest(): void {
    clearTimeout(this.#idle);
    if (this.#closed || this.#pending.size > 0 || this.#held > 0 || this.#life === undefined) return;
    this.#idle = setTimeout(() => {
      this.#ended = this.#end();
    }, this.#options.deadlines.idle);
    this.#idle.unref();
  }

  async #end(): Promise<void> {
    clearTimeout(this.#idle);
    const ending = this.#life;
    this.#life = undefined;
    this.#running = undefined;
    if (ending === undefined) return this.#ended;
    const life = await ending.catch(() => undefined);
    if (life === undefined) return;
    this.#lastId += 1;
    const id = this.#lastId;
    const { promise, resolve } = Promise.withResolvers<unknown>();
    this.#pending.set(id, { resolve, reject: resolve });
    const limit = setTimeout(resolve, this.#options.deadlines.grace, undefined);
    life.send({ id, name: 'close', args: [] });
    await promise;
    clearTimeout(limit);
    this.#pending.delete(id);
    await life.end();
  }

  #settle(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }

  #rejectAll(error: Error): void {
    const waiting = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of waiting) reject(error);
  }
}

function tooSlow(): ProtocolError {
  return new ProtocolError('DEADLINE', 'the files of the workspace could not be looked at in time', {
    retryable: true,
  });
}

function closedError(): ProtocolError {
  return new ProtocolError('DRAINING', 'the snapshots were closed', { retryable: true });
}

function reasonOf(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason;
  return reason instanceof Error ? reason : new ProtocolError('CANCELLED', 'the call was cancelled');
}
