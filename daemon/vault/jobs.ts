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
  /** @param begun whether the job has changed something for good. */
  answer(call: Call, outcome: Outcome, begun: boolean): void;
}

interface RunningJob {
  /** Undefined for a job that nobody waits for. */
  readonly call: Call | undefined;
  readonly erases: boolean;
  readonly make: (store: OpenStore) => SlicedJob<unknown>;
  /** Undefined until it begins, and again when the connection that it worked on is gone. */
  generator: SlicedJob<unknown> | undefined;
  failures: number;
  /** A part of what it changes is durable, so it can only go on. */
  begun: boolean;
  /** Not before this, in milliseconds of the monotonic clock. */
  notBefore: number;
}

/** Attempts at a job that meets errors of the disk before it has changed anything. */
const MAX_ATTEMPTS = 3;
/** Attempts at what has begun, and the time between them in milliseconds: whoever waits is told within half a minute. */
const MAX_ATTEMPTS_ONCE_BEGUN = 60;
const PAUSE_MS = 500;
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
    const job = newJob(call, erases, make);
    this.#jobs.push(job);
    // A list that fits into one slice answers at once.
    if (!erases) this.#step(job);
    this.#schedule();
  }

  /**
   * A job that changes the store and that nobody waits for.
   * @param afterMs milliseconds before it begins.
   */
  background(make: RunningJob['make'], afterMs: number): void {
    const timer = setTimeout(() => {
      this.#postponed.delete(timer);
      this.#jobs.push(newJob(undefined, true, make));
      this.#schedule();
    }, afterMs);
    timer.unref();
    this.#postponed.add(timer);
  }

  /** Every job begins anew, on another connection. */
  restart(): void {
    for (const job of this.#jobs) job.generator = undefined;
  }

  end(error: Error): void {
    for (const timer of this.#postponed) clearTimeout(timer);
    this.#postponed.clear();
    for (const { call } of this.#jobs.splice(0)) if (call !== undefined) this.#host.answer(call, { error }, false);
  }

  #schedule(): void {
    if (this.#stepScheduled || this.#jobs.length === 0) return;
    this.#stepScheduled = true;
    const step = (): void => {
      this.#stepScheduled = false;
      for (const job of this.#due()) this.#step(job);
      this.#schedule();
    };
    if (this.#due().length > 0) setImmediate(step);
    else setTimeout(step, PAUSE_MS);
  }

  /** Jobs that may go on now; of those that erase, the first. */
  #due(): RunningJob[] {
    const eraser = this.#jobs.find((job) => job.erases);
    return this.#jobs.filter((job) => (!job.erases || job === eraser) && job.notBefore <= performance.now());
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
    if (job.call !== undefined) this.#host.answer(job.call, ended, job.begun);
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
      job.begun = true;
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
    if (job.begun) job.notBefore = performance.now() + PAUSE_MS;
    if (job.failures < (job.begun ? MAX_ATTEMPTS_ONCE_BEGUN : MAX_ATTEMPTS)) return undefined;
    if (job.call === undefined) this.background(job.make, POSTPONED_MS);
    return { error };
  }
}

function newJob(call: Call | undefined, erases: boolean, make: RunningJob['make']): RunningJob {
  return { call, erases, make, generator: undefined, failures: 0, begun: false, notBefore: 0 };
}
