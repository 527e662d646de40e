/** Runs calls on the store: writes that arrive together share one transaction and one fsync; nobody hears of it before. */
import { ProtocolError } from '../../protocol/errors.ts';
import type { Answer, Call } from './calls.ts';
import type { OpenStore } from './open-store.ts';
import type { SlicedJob } from './slices.ts';
import { storageCode, toCallError } from './storage-errors.ts';
import { STORE_CALLS, type StoreCall } from './store-calls.ts';

/** What the group commit needs from the thread it runs in. */
export interface CommitHost {
  /** The open store. @throws ProtocolError while there is none. */
  store(): OpenStore;
  /** Closes the database and opens it again, with the keys that are there. */
  reopen(): void;
  answer(answer: Answer): void;
}

/** Handlers by name, as they are called: arguments were checked where they entered the daemon. */
interface AnyHandler {
  readonly kind: 'read' | 'write' | 'scan' | 'erase';
  run(store: OpenStore, ...args: readonly unknown[]): unknown;
}

interface RunningJob {
  readonly id: number;
  readonly generator: SlicedJob<unknown>;
  readonly erases: boolean;
}

type Outcome = { readonly value: unknown } | { readonly error: unknown };

export class GroupCommit {
  readonly #host: CommitHost;
  readonly #jobs: RunningJob[] = [];
  #stepScheduled = false;

  constructor(host: CommitHost) {
    this.#host = host;
  }

  /** Runs what has arrived together. Every call is answered, exactly once, after its transaction is durable. */
  run(batch: readonly Call[]): void {
    const calls = batch.filter((call) => !this.#startJob(call));
    if (calls.length === 0) return;
    const writes = calls.filter((call) => handlerOf(call).kind === 'write').length;
    let outcomes: Outcome[];
    try {
      outcomes = writes === 0 ? this.#readAll(calls) : this.#writeAll(calls, writes > 1);
    } catch (error) {
      if (storageCode(error) === undefined) {
        for (const call of calls) this.#answer(call[0], { error });
        return;
      }
      outcomes = this.#oneByOne(calls);
    }
    for (const [index, call] of calls.entries()) this.#answer(call[0], outcomes[index] ?? { value: undefined });
  }

  /** Ends the jobs that run, because the connection that they work on is about to be closed. */
  endJobs(): void {
    const error = new ProtocolError('STORAGE_FAILED', 'the store was reopened in the middle of this', {
      retryable: true,
    });
    for (const job of this.#jobs.splice(0)) if (job.id !== 0) this.#answer(job.id, { error });
  }

  /** Adds a job that nobody waits for. */
  background(generator: SlicedJob<unknown>): void {
    this.#jobs.push({ id: 0, generator, erases: true });
    this.#schedule();
  }

  #readAll(calls: readonly Call[]): Outcome[] {
    const store = this.#host.store();
    return calls.map((call) => attempt(store, call));
  }

  /** @throws the storage error that put the transaction in doubt. */
  #writeAll(calls: readonly Call[], several: boolean): Outcome[] {
    const store = this.#host.store();
    const { db, recency } = store;
    db.exec('BEGIN IMMEDIATE');
    try {
      const outcomes = calls.map((call) => this.#writeOne(store, call, several));
      db.exec('COMMIT');
      recency.commit();
      return outcomes;
    } catch (error) {
      if (db.inTransaction) db.exec('ROLLBACK');
      recency.rollback();
      store.forgetAll();
      throw error;
    }
  }

  /** One call under a savepoint of its own, so that its failure takes nobody else's work back. */
  #writeOne(store: OpenStore, call: Call, several: boolean): Outcome {
    const { db, recency } = store;
    if (several) db.exec('SAVEPOINT one');
    const outcome = attempt(store, call);
    if ('error' in outcome) {
      if (storageCode(outcome.error) !== undefined) throw outcome.error;
      if (several) db.exec('ROLLBACK TO one');
      else db.exec('ROLLBACK; BEGIN IMMEDIATE');
      store.forgetAll();
    }
    if (several) db.exec('RELEASE one');
    recency.endOperation('value' in outcome);
    return outcome;
  }

  /**
   * After a failed batch. A commit that was reported as failed may have happened, so the store is opened again and each
   * call runs by itself: what is there already is found by its `opId`, the rest is tried once more.
   */
  #oneByOne(calls: readonly Call[]): Outcome[] {
    this.endJobs();
    return calls.map((call): Outcome => {
      try {
        this.#host.reopen();
        return this.#again(call);
      } catch (error) {
        return { error };
      }
    });
  }

  #again(call: Call): Outcome {
    const { log } = this.#host.store();
    log.inDoubt = true;
    try {
      const [outcome] = handlerOf(call).kind === 'write' ? this.#writeAll([call], false) : this.#readAll([call]);
      return outcome ?? { value: undefined };
    } finally {
      log.inDoubt = false;
    }
  }

  #startJob(call: Call): boolean {
    const handler = handlerOf(call);
    if (handler.kind !== 'scan' && handler.kind !== 'erase') return false;
    const outcome = attempt(undefined, call, () => this.#host.store());
    if ('error' in outcome) {
      this.#answer(call[0], outcome);
      return true;
    }
    const job = { id: call[0], generator: outcome.value as SlicedJob<unknown>, erases: handler.kind === 'erase' };
    this.#jobs.push(job);
    // A list that fits into one slice answers at once.
    if (!job.erases) this.#step(job);
    this.#schedule();
    return true;
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
      const result = job.erases ? this.#sliceInTransaction(job) : job.generator.next();
      if (result.done === true) ended = { value: result.value };
    } catch (error) {
      ended = { error };
    }
    if (ended === undefined) return;
    this.#jobs.splice(this.#jobs.indexOf(job), 1);
    if (job.erases && 'value' in ended) this.#emptyWriteAheadLog();
    if (job.id !== 0) this.#answer(job.id, ended);
  }

  #sliceInTransaction(job: RunningJob): IteratorResult<void, unknown> {
    const store = this.#host.store();
    store.db.exec('BEGIN IMMEDIATE');
    try {
      const result = job.generator.next();
      store.db.exec('COMMIT');
      store.recency.endOperation(true);
      store.recency.commit();
      return result;
    } catch (error) {
      if (store.db.inTransaction) store.db.exec('ROLLBACK');
      store.recency.rollback();
      store.forgetAll();
      throw error;
    }
  }

  /** Erased pages, with the keys that were on them, must not live on in the log of writes. */
  #emptyWriteAheadLog(): void {
    this.#host.store().db.pragma('wal_checkpoint(TRUNCATE)');
  }

  #answer(id: number, outcome: Outcome): void {
    this.#host.answer('error' in outcome ? [id, undefined, toCallError(outcome.error)] : [id, outcome.value]);
  }
}

function handlerOf(call: Call): AnyHandler {
  return STORE_CALLS[call[1] as StoreCall] as AnyHandler;
}

function attempt(store: OpenStore | undefined, call: Call, open?: () => OpenStore): Outcome {
  try {
    const target = store ?? open?.();
    if (target === undefined) throw new Error('no store');
    return { value: handlerOf(call).run(target, ...call[2]) };
  } catch (error) {
    return { error };
  }
}
