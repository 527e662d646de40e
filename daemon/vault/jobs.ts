/** Long jobs on the store, a slice at a time between the calls: lists, checks, and erasures, which run one after the other. */
import type { Call, Outcome } from './calls.ts';
import { settle } from './database.ts';
import type { OpenStore } from './open-store.ts';
import type { SlicedJob } from './slices.ts';
import { leavesDoubt, storageCode } from './storage-errors.ts';

export interface JobHost {
  store(): OpenStore;
  storeForWriting(): OpenStore;
  /** Puts a connection away that met an error of the disk, and calls `restart`. */
  distrust(): void;
  answer(call: Call, outcome: Outcome): void;
}

interface RunningJob {
  /** Undefined for a job that nobody waits for. */
  readonly call: Call | undefined;
  readonly erases: boolean;
  readonly make: (store: OpenStore) => SlicedJob<unknown>;
  /** Undefined until it begins, and again when the connection that it worked on is gone. */
  generator: SlicedJob<unknown> | undefined;
  failures: number;
}

/** Attempts at a job that meets errors of the disk. */
const MAX_ATTEMPTS = 3;
/** After this a job that nobody waits for is tried again, in milliseconds. */
const POSTPONED_MS = 60_000;

export class Jobs {
  readonly #host: JobHost;
  readonly #jobs: RunningJob[] = [];
  readonly #postponed = new Set<NodeJS.Timeout>();
  #stepScheduled = false;

  constructor(host: JobHost) {
    this.#host = host;
  }

  /** @param make is called again when the job has to begin anew; what it did before a restart stands. */
  start(call: Call, erases: boolean, make: RunningJob['make']): void {
    const job = { call, erases, make, generator: undefined, failures: 0 };
    this.#jobs.push(job);
    // A list that fits into one slice answers at once.
    if (!erases) this.#step(job);
    this.#schedule();
  }

  /** A job that changes the store and that nobody waits for. */
  background(make: RunningJob['make']): void {
    this.#jobs.push({ call: undefined, erases: true, make, generator: undefined, failures: 0 });
    this.#schedule();
  }

  /** Every job begins anew, on another connection. */
  restart(): void {
    for (const job of this.#jobs) job.generator = undefined;
  }

  end(error: Error): void {
    for (const timer of this.#postponed) clearTimeout(timer);
    this.#postponed.clear();
    for (const { call } of this.#jobs.splice(0)) if (call !== undefined) this.#host.answer(call, { error });
  }

  #schedule(): void {
    if (this.#stepScheduled || this.#jobs.length === 0) return;
    this.#stepScheduled = true;
    setImmediate(() => {
      this.#stepScheduled = false;
      const eraser = this.#jobs.find((job) => job.erases);
      for (const job of this.#jobs.slice()) if (!job.erases || job === eraser) this.#step(job);
      this.#schedule();
    });
  }

  #step(job: RunningJob): void {
    let ended: Outcome | undefined;
    try {
      const result = job.erases ? this.#sliceInTransaction(job) : this.#slice(job, this.#host.store());
      if (result.done !== true) return;
      if (job.erases) settle(this.#host.store().db);
      ended = { value: result.value };
    } catch (error) {
      ended = this.#failed(job, error);
    }
    if (ended === undefined) return;
    this.#jobs.splice(this.#jobs.indexOf(job), 1);
    if (job.call !== undefined) this.#host.answer(job.call, ended);
  }

  #slice(job: RunningJob, store: OpenStore): IteratorResult<void, unknown> {
    job.generator ??= job.make(store);
    return job.generator.next();
  }

  #sliceInTransaction(job: RunningJob): IteratorResult<void, unknown> {
    const store = this.#host.storeForWriting();
    store.transaction.begin();
    try {
      const result = this.#slice(job, store);
      store.transaction.commit();
      return result;
    } catch (error) {
      store.rollBack();
      throw error;
    }
  }

  /** @returns undefined when the job is tried again. */
  #failed(job: RunningJob, error: unknown): Outcome | undefined {
    job.generator = undefined;
    if (storageCode(error) === undefined) return { error };
    if (leavesDoubt(error)) this.#host.distrust();
    job.failures += 1;
    if (job.failures < MAX_ATTEMPTS) return undefined;
    if (job.call === undefined) this.#postpone(job.make);
    return { error };
  }

  #postpone(make: RunningJob['make']): void {
    const timer = setTimeout(() => {
      this.#postponed.delete(timer);
      this.background(make);
    }, POSTPONED_MS);
    timer.unref();
    this.#postponed.add(timer);
  }
}
