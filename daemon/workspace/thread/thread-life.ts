/** One life of the thread of a workspace: started, asked, ended; its end is told once. */
import { Worker } from 'node:worker_threads';
import type { Answer, Request, WorkspaceSettings } from './calls.ts';

/** 200,000 files take about a quarter of it. What is beyond ends the thread and not the process. */
const LIMITS = { maxOldGenerationSizeMb: 512, maxYoungGenerationSizeMb: 32 };

interface ThreadEvents {
  answer(answer: Answer): void;
  /** @param reason for a person: how it ended. */
  death(reason: string): void;
}

export class ThreadLife {
  readonly #worker: Worker;
  readonly #events: ThreadEvents;
  #over = false;

  constructor(script: string, settings: WorkspaceSettings, events: ThreadEvents) {
    this.#events = events;
    this.#worker = new Worker(script, { workerData: settings, resourceLimits: LIMITS });
    this.#worker.on('message', (answer: Answer) => {
      if (!this.#over) events.answer(answer);
    });
    this.#worker.on('error', (error) => {
      this.#die(howItEnded(error));
    });
    this.#worker.on('exit', (code) => {
      this.#die(`it ended with code ${code}`);
    });
  }

  send(request: Request): void {
    if (!this.#over) this.#worker.postMessage(request);
  }

  /** It does not end what it was told to: it is given up, and its callers hear why. */
  kill(reason: string): void {
    this.#die(reason);
    void this.#worker.terminate();
  }

  /** Ends the thread without telling of it. */
  async end(): Promise<void> {
    this.#over = true;
    await this.#worker.terminate();
  }

  #die(reason: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#events.death(reason);
  }
}

function howItEnded(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ERR_WORKER_OUT_OF_MEMORY') return 'it ran out of memory';
  return `it broke (${error instanceof Error ? error.name : 'unknown error'})`;
}
