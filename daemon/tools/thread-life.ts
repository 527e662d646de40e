/** One life of the tools thread: started, listened to, found stuck, ended; its end is told once. */
import { Worker } from 'node:worker_threads';
import type { Notice, Request, ToolSettings } from './calls.ts';

/** Memory of the thread's script; what is beyond ends the thread and not the process. */
const LIMITS = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 16 };
/** Pings in the time after which a thread that has not answered is given up. */
const PINGS = 4;

interface ThreadEvents {
  notice(notice: Notice): void;
  /** Whether anybody waits for the thread; otherwise nobody looks whether it still answers. */
  busy(): boolean;
  /** @param reason for a person: how it ended. */
  death(reason: string): void;
}

export class ThreadLife {
  readonly #events: ThreadEvents;
  readonly #worker: Worker;
  readonly #watch: NodeJS.Timeout;
  readonly #stuckAfter: number;
  #unanswered: number | undefined;
  #over = false;

  /** @param stuckAfter milliseconds without an answer after which the thread runs something that does not end. */
  constructor(script: string, settings: ToolSettings, stuckAfter: number, events: ThreadEvents) {
    this.#stuckAfter = stuckAfter;
    this.#events = events;
    this.#worker = new Worker(script, { workerData: settings, resourceLimits: LIMITS });
    this.#worker.on('message', (notice: Notice) => {
      if (this.#over) return;
      if (notice.kind === 'answer' && notice.id === 0) this.#unanswered = undefined;
      else events.notice(notice);
    });
    this.#worker.on('error', (error) => {
      this.#die(howItEnded(error));
    });
    this.#worker.on('exit', (code) => {
      this.#die(`it ended with code ${code}`);
    });
    this.#watch = setInterval(() => {
      this.#look();
    }, stuckAfter / PINGS);
    this.#watch.unref();
  }

  send(request: Request): void {
    if (!this.#over) this.#worker.postMessage(request);
  }

  /** Ends the thread without telling of it. */
  async end(): Promise<void> {
    this.#stop();
    await this.#worker.terminate();
  }

  #look(): void {
    if (this.#unanswered === undefined) {
      if (!this.#events.busy()) return;
      this.#unanswered = performance.now();
      this.send({ kind: 'ping', id: 0 });
    } else if (performance.now() - this.#unanswered > this.#stuckAfter) {
      this.#die('it no longer answered');
      void this.#worker.terminate();
    }
  }

  #die(reason: string): void {
    if (this.#over) return;
    this.#stop();
    this.#events.death(reason);
  }

  #stop(): void {
    this.#over = true;
    clearInterval(this.#watch);
  }
}

function howItEnded(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ERR_WORKER_OUT_OF_MEMORY') return 'it ran out of memory';
  return `it broke (${error instanceof Error ? error.name : 'unknown error'})`;
}
