/** The main thread's side of the tools: a ToolPort over a thread that starts with the first call and again after its death. */
import { join } from 'node:path';
import { ProtocolError } from '../../protocol/errors.ts';
import {
  ToolRefusal,
  type PreparedCall,
  type ProcessRecord,
  type ToolOutcome,
  type ToolPlace,
  type ToolPort,
  type ToolSink,
  type ToolSpec,
} from '../services/tool-port.ts';
import { TurnStop, isLeaving } from '../services/turn-stop.ts';
import type { Notice, Request, ToolSettings } from './calls.ts';
import { RunningGroups, type Group } from './running-groups.ts';
import { TOOL_SPECS } from './specs.ts';
import { ThreadLife } from './thread-life.ts';

export interface ToolThreadOptions {
  readonly settings: ToolSettings;
  /** Told the frames of errors that nobody expected, and why a thread died. */
  readonly onUnexpected: (name: string, stack: string) => void;
  readonly script?: string;
  readonly deadlines?: Partial<Deadlines>;
}

interface Deadlines {
  /** To look at what a call would do, in milliseconds. */
  readonly prepare: number;
  /** For a call that runs no command; a command has a limit of its own. */
  readonly run: number;
  /** From an abort to the outcome. */
  readonly abort: number;
  /** To end process groups. */
  readonly end: number;
  /** For the thread to answer at all. */
  readonly stuck: number;
}

const DEADLINES: Deadlines = { prepare: 60_000, run: 300_000, abort: 30_000, end: 60_000, stuck: 20_000 };

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Answers `unknown` are what the thread's tools returned, which have the port's types. */
type Numbered = Extract<Request, { readonly id: number }>;
type Unnumbered = Numbered extends infer R ? (R extends unknown ? Omit<R, 'id'> : never) : never;

export class ToolThread implements ToolPort {
  readonly #options: ToolThreadOptions;
  readonly #deadlines: Deadlines;
  readonly #pending = new Map<number, Pending>();
  readonly #groups = new RunningGroups();
  #life: ThreadLife | undefined;
  /** Resolved unless groups of a dead thread are being ended: no call begins before they are gone. */
  #clean: Promise<void> = Promise.resolve();
  #lastId = 0;
  #closed = false;

  constructor(options: ToolThreadOptions) {
    this.#options = options;
    this.#deadlines = { ...DEADLINES, ...options.deadlines };
  }

  specs(): readonly ToolSpec[] {
    return TOOL_SPECS;
  }

  async prepare(place: ToolPlace, name: string, args: string): Promise<PreparedCall> {
    await this.#clean;
    const call = this.#ask({ kind: 'prepare', place, name, args });
    return (await withDeadline(call.answer, this.#deadlines.prepare, () => {
      this.#pending.delete(call.id);
      return new ToolRefusal(`${name}: looking at the files took too long; nothing was changed`);
    })) as PreparedCall;
  }

  async run(place: ToolPlace, call: PreparedCall, sink: ToolSink, signal: AbortSignal): Promise<ToolOutcome> {
    await this.#clean;
    if (signal.aborted) {
      const why = isLeaving(signal) ? 'not begun, because m stops' : 'cancelled before it began';
      return { output: `${call.name}: ${why}`, isError: true };
    }
    const asked = this.#ask({ kind: 'run', place, call }, (id) => {
      this.#groups.open(id, sink);
    });
    const limits = new AbortController();
    const both = AbortSignal.any([signal, limits.signal]);
    const limit = call.effect === 'command' ? undefined : setTimeout(() => limits.abort(), this.#deadlines.run);
    try {
      return (await this.#untilAborted(asked, both)) as ToolOutcome;
    } finally {
      clearTimeout(limit);
      this.#groups.settled(asked.id);
    }
  }

  background(): readonly ProcessRecord[] {
    return this.#groups.background();
  }

  async endBackground(sessionId?: string): Promise<void> {
    await this.#clean;
    if (this.#life === undefined) return;
    await this.#end({ kind: 'end-background', sessionId });
  }

  async endSurvivors(records: readonly ProcessRecord[]): Promise<void> {
    await this.#clean;
    if (records.length > 0) await this.#end({ kind: 'end-survivors', records });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    try {
      await this.endBackground();
    } finally {
      this.#closed = true;
      const life = this.#life;
      this.#life = undefined;
      this.#rejectAll(closedError());
      await life?.end();
    }
  }

  async #end(request: Unnumbered): Promise<void> {
    const { id, answer } = this.#ask(request);
    await withDeadline(answer, this.#deadlines.end, () => {
      this.#pending.delete(id);
      return new ProtocolError('DEADLINE', 'commands could not be ended in time', { retryable: true });
    });
  }

  /** @param first called with the number of the call before the thread can answer it. */
  #ask(request: Unnumbered, first?: (id: number) => void): { id: number; answer: Promise<unknown> } {
    if (this.#closed) throw closedError();
    this.#lastId += 1;
    const id = this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#pending.set(id, { resolve, reject });
    first?.(id);
    this.#life ??= this.#start();
    this.#life.send({ ...request, id } as Numbered);
    return { id, answer: promise };
  }

  #start(): ThreadLife {
    const script = this.#options.script ?? join(import.meta.dirname, 'tools-worker.cjs');
    const life = new ThreadLife(script, this.#options.settings, this.#deadlines.stuck, {
      notice: (notice) => {
        this.#take(notice);
      },
      busy: () => this.#pending.size > 0,
      death: (reason) => {
        if (this.#life === life) this.#bury(reason);
      },
    });
    return life;
  }

  #take(notice: Notice): void {
    switch (notice.kind) {
      case 'answer':
        this.#settle(notice.id)?.resolve(notice.value);
        return;
      case 'refused':
        this.#settle(notice.id)?.reject(new ToolRefusal(notice.message));
        return;
      case 'failed':
        this.#options.onUnexpected('tools', notice.stack);
        this.#settle(notice.id)?.reject(new ProtocolError('INTERNAL', 'a tool failed for a reason it does not know'));
        return;
      case 'unexpected':
        this.#options.onUnexpected(notice.name, notice.stack);
        return;
      case 'live':
        this.#groups.sinkOf(notice.run)?.live(notice.text);
        return;
      case 'keep':
        void this.#acknowledge(notice.ack, notice.run, (sink) => sink.keep(notice.text));
        return;
      case 'started':
        this.#groups.started(notice.run, notice.record);
        void this.#acknowledge(notice.ack, notice.run, (sink) => sink.started(notice.record));
        return;
      case 'ended':
        this.#groups.sinkOf(notice.run)?.ended(notice.callId);
        this.#groups.ended(notice.run, notice.callId);
        return;
    }
  }

  #settle(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }

  async #acknowledge(ack: number, run: number, work: (sink: ToolSink) => Promise<void>): Promise<void> {
    const life = this.#life;
    const sink = this.#groups.sinkOf(run);
    let error = sink === undefined ? 'nobody listens to this call any more' : undefined;
    try {
      if (sink !== undefined) await work(sink);
    } catch (reason) {
      error = reason instanceof Error ? reason.message : 'it could not be stored';
    }
    life?.send({ kind: 'done', ack, error });
  }

  /** The answer to a call, which is told to end when the signal says so and given up when it does not. */
  async #untilAborted({ id, answer }: { id: number; answer: Promise<unknown> }, signal: AbortSignal): Promise<unknown> {
    const { promise: givenUp, reject } = Promise.withResolvers<never>();
    let grace: NodeJS.Timeout | undefined;
    const abort = () => {
      const why = signal.reason instanceof TurnStop ? signal.reason.why : 'cancelled';
      this.#life?.send({ kind: 'abort', run: id, why });
      grace = setTimeout(() => {
        this.#pending.delete(id);
        reject(new ProtocolError('DEADLINE', 'a tool did not end when it was told to'));
      }, this.#deadlines.abort);
    };
    signal.addEventListener('abort', abort, { once: true });
    try {
      return await Promise.race([answer, givenUp]);
    } finally {
      clearTimeout(grace);
      signal.removeEventListener('abort', abort);
    }
  }

  /** The thread is gone: its callers hear of it, and what it had started is ended before anything else begins. */
  #bury(reason: string): void {
    this.#life = undefined;
    this.#options.onUnexpected('tools', `the tools thread was lost: ${reason}`);
    this.#rejectAll(
      new ProtocolError('INTERNAL', `the thread that runs the tools was lost: ${reason}`, { retryable: true }),
    );
    const groups = this.#groups.takeAll();
    if (groups.length > 0 && !this.#closed) this.#clean = this.#sweep(groups);
  }

  async #sweep(groups: readonly Group[]): Promise<void> {
    try {
      await this.#end({ kind: 'end-survivors', records: groups.map(({ record }) => record) });
      for (const { record, sink } of groups) sink.ended(record.callId);
    } catch (error) {
      // They stay recorded in the store, and the next start of the daemon ends them.
      this.#options.onUnexpected('tools', error instanceof Error ? error.message : 'groups could not be ended');
    }
  }

  #rejectAll(error: Error): void {
    const waiting = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of waiting) reject(error);
  }
}

async function withDeadline<T>(promise: Promise<T>, ms: number, error: () => Error): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(error());
  }, ms);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

function closedError(): ProtocolError {
  return new ProtocolError('DRAINING', 'the tools were closed', { retryable: true });
}
