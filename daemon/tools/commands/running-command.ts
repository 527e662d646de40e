/** A command from its start to the moment when nothing of it is left. */
import { setTimeout as pause } from 'node:timers/promises';
import type { ProcessRecord, ToolPlace, ToolSink } from '../../services/tool-port.ts';
import { endProcesses, type Ending } from './end-processes.ts';
import { DRAIN_MS, END_MS, KEEP_MS, LAST_DRAIN_MS } from './limits.ts';
import { OutputPump, type PumpState } from './output-pump.ts';
import type { ProcessTable } from './process-table.ts';
import { WaitingProcess, type Exit } from './waiting-process.ts';

const LOOK_MS = 5;

/** Why a command was ended before its time. */
export type Reason = 'timeout' | 'cancelled' | 'asked' | 'daemon';

export interface CommandEnd {
  /** Undefined when the shell itself could not be ended. */
  readonly exit: Exit | undefined;
  readonly reason: Reason | undefined;
  readonly durationMs: number;
  /** Processes that the shell had left and that were ended. */
  readonly leftovers: number;
  /** Numbers of processes that could not be ended. */
  readonly left: readonly number[];
  /** `quiet`: something that cannot be found still holds it. `stuck`: nobody takes it any more. */
  readonly output: PumpState;
}

export interface CommandOrder {
  readonly place: ToolPlace;
  readonly command: string;
  readonly background: boolean;
  /** Undefined for none. */
  readonly timeoutSeconds: number | undefined;
  /** The next piece of output; what follows waits until it has resolved. */
  readonly take: (text: string) => Promise<void> | void;
}

export class RunningCommand {
  readonly record: ProcessRecord;
  /** Resolves when nothing of it is left, or nothing more can be done. Never rejects. */
  readonly ended: Promise<CommandEnd>;
  readonly #process: WaitingProcess;
  readonly #table: ProcessTable;
  readonly #stop = Promise.withResolvers<Reason>();
  readonly #started = performance.now();

  private constructor(table: ProcessTable, process: WaitingProcess, order: CommandOrder, sink: ToolSink) {
    this.#table = table;
    this.#process = process;
    this.record = process.record;
    const pump = new OutputPump(process.output, order.take);
    process.go();
    this.ended = this.#run(pump, order.timeoutSeconds, sink);
  }

  /**
   * Starts it once its record is durable.
   * @throws ToolRefusal when it cannot be started, the reason of the sink, or of the signal; nothing was run then.
   */
  static async start(
    table: ProcessTable,
    order: CommandOrder,
    sink: ToolSink,
    signal: AbortSignal,
  ): Promise<RunningCommand> {
    signal.throwIfAborted();
    const process = await WaitingProcess.start(table, order.place, order.command, order.background);
    const aborted = Promise.withResolvers<never>();
    const abort = () => {
      aborted.reject(signal.reason as Error);
    };
    signal.addEventListener('abort', abort, { once: true });
    try {
      await Promise.race([sink.started(process.record), aborted.promise]);
      signal.throwIfAborted();
    } catch (error) {
      await process.drop();
      sink.ended(process.record.callId);
      throw error;
    } finally {
      signal.removeEventListener('abort', abort);
    }
    return new RunningCommand(table, process, order, sink);
  }

  /** Ends it with everything that it started. */
  end(reason: Reason): void {
    this.#stop.resolve(reason);
  }

  async #run(pump: OutputPump, timeoutSeconds: number | undefined, sink: ToolSink): Promise<CommandEnd> {
    const timer =
      timeoutSeconds === undefined ? undefined : setTimeout(() => this.end('timeout'), timeoutSeconds * 1000);
    const stopped = this.#stop.promise.then((reason) => ({ reason }));
    const first = await Promise.race([this.#process.exited, stopped]);
    clearTimeout(timer);
    const reason = 'reason' in first ? first.reason : undefined;
    await within(this.#process.begun, END_MS);
    // What it printed last is still on its way; whoever is to end early does not wait for it.
    if (reason === undefined) await Promise.race([pump.ended(DRAIN_MS, KEEP_MS), stopped]);
    const durationMs = Math.round(performance.now() - this.#started);
    const ending = await this.#endAll();
    const output = await pump.ended(LAST_DRAIN_MS, hurries(reason) ? LAST_DRAIN_MS : KEEP_MS);
    this.#process.hangUp();
    await this.#endRelay();
    if (ending.left.length === 0) sink.ended(this.record.callId);
    const exit = await within(this.#process.exited, END_MS);
    return { exit, reason, durationMs, leftovers: reason === undefined ? ending.found : 0, left: ending.left, output };
  }

  #endAll(): Promise<Ending> {
    return endProcesses(this.#table, { record: this.record, ours: true, relay: this.#process.relay });
  }

  /** It goes by itself when all its output has been taken, and is ended when it has not. */
  async #endRelay(): Promise<void> {
    const { relay } = this.#process;
    const started = performance.now();
    while (relay !== undefined && isThere(this.#table, relay)) {
      if (performance.now() - started > LAST_DRAIN_MS) {
        await endProcesses(this.#table, { record: this.record, ours: true }, 0);
        return;
      }
      await pause(LOOK_MS);
    }
  }
}

/** Whether somebody waits for the end, more than for the last of the output. */
function hurries(reason: Reason | undefined): boolean {
  return reason === 'cancelled' || reason === 'daemon';
}

function isThere(table: ProcessTable, pid: number): boolean {
  return table.find(pid)?.ended === false;
}

/** @returns undefined when it takes longer. */
async function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  const timer = new AbortController();
  try {
    return await Promise.race([promise, pause(ms, undefined, { signal: timer.signal }).catch(() => undefined)]);
  } finally {
    timer.abort();
  }
}
