/** Process groups that the tools thread has started and that have not ended, and the sinks that hear of them. */
import type { ProcessRecord, ToolSink } from '../services/tool-port.ts';

interface Run {
  readonly sink: ToolSink;
  readonly groups: Map<string, ProcessRecord>;
  settled: boolean;
}

/** A group together with whoever hears of its end. */
export interface Group {
  readonly record: ProcessRecord;
  readonly sink: ToolSink;
}

export class RunningGroups {
  readonly #runs = new Map<number, Run>();

  open(run: number, sink: ToolSink): void {
    this.#runs.set(run, { sink, groups: new Map(), settled: false });
  }

  /** @returns undefined when nothing of the run goes on any more. */
  sinkOf(run: number): ToolSink | undefined {
    return this.#runs.get(run)?.sink;
  }

  started(run: number, record: ProcessRecord): void {
    this.#runs.get(run)?.groups.set(record.callId, record);
  }

  ended(run: number, callId: string): void {
    this.#runs.get(run)?.groups.delete(callId);
    this.#forget(run);
  }

  /** The run has its outcome; what it started may go on. */
  settled(run: number): void {
    const state = this.#runs.get(run);
    if (state !== undefined) state.settled = true;
    this.#forget(run);
  }

  background(): ProcessRecord[] {
    return this.all()
      .map(({ record }) => record)
      .filter((record) => record.background);
  }

  /** Everything, in one go, for a thread that is gone. */
  takeAll(): Group[] {
    const groups = this.all();
    this.#runs.clear();
    return groups;
  }

  all(): Group[] {
    return [...this.#runs.values()].flatMap(({ sink, groups }) =>
      [...groups.values()].map((record) => ({ record, sink })),
    );
  }

  #forget(run: number): void {
    const state = this.#runs.get(run);
    if (state?.settled === true && state.groups.size === 0) this.#runs.delete(run);
  }
}
