/** Runs calls on the store: writes that arrive together share one transaction and one fsync; nobody hears of it before. */
import type { Answer, Call, Outcome } from './calls.ts';
import { Jobs } from './jobs.ts';
import type { OpenStore } from './open-store.ts';
import type { SlicedJob } from './slices.ts';
import { leavesDoubt, storageCode, toCallError } from './storage-errors.ts';
import { STORE_CALLS, type StoreCall } from './store-calls.ts';

/** What the group commit needs from the thread it runs in. */
export interface CommitHost {
  /** The open store; opened again when it was put away. @throws ProtocolError while there is none; a storage error. */
  store(): OpenStore;
  /** As `store`, and what was left in the write-ahead log by others is durable. @throws as `store`. */
  storeForWriting(): OpenStore;
  /** Puts a connection away that met an error of the disk. What it did not commit for certain has not happened. */
  distrust(): void;
  /** Whether the disk has no room left. */
  isFull(): boolean;
  answer(answer: Answer): void;
}

/** Handlers by name, as they are called: arguments were checked where they entered the daemon. */
interface AnyHandler {
  readonly kind: 'read' | 'write' | 'scan' | 'erase';
  run(store: OpenStore, ...args: readonly unknown[]): unknown;
}

/** Calls that may fail one after the other before the rest of their group is refused without being tried. */
const HOPELESS_AFTER = 2;

export class GroupCommit {
  readonly #host: CommitHost;
  readonly #jobs: Jobs;

  constructor(host: CommitHost) {
    this.#host = host;
    this.#jobs = new Jobs({
      store: () => host.store(),
      storeForWriting: () => host.storeForWriting(),
      distrust: () => {
        this.#distrust();
      },
      answer: (call, outcome, begun) => {
        this.#answer(call, outcome, begun);
      },
    });
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
      outcomes =
        storageCode(error) === undefined ? calls.map(() => ({ error })) : this.#afterFailure(calls, error, writes > 0);
    }
    for (const [index, call] of calls.entries()) this.#answer(call, outcomes[index] ?? { value: undefined });
  }

  /** Ends the jobs that run, because the store is about to be closed or locked. */
  endJobs(error: Error): void {
    this.#jobs.end(error);
  }

  /** Adds a job that changes the store and that nobody waits for, to begin after so many milliseconds. */
  background(make: (store: OpenStore) => SlicedJob<unknown>, afterMs: number): void {
    this.#jobs.background(make, afterMs);
  }

  /** @throws the storage error that kept a call from reading. */
  #readAll(calls: readonly Call[]): Outcome[] {
    const store = this.#host.store();
    return calls.map((call) => refuseStorageError(attempt(store, call)));
  }

  /** @throws the storage error that ended the transaction. */
  #writeAll(calls: readonly Call[], several: boolean): Outcome[] {
    const store = this.#host.storeForWriting();
    const { transaction } = store;
    transaction.begin();
    try {
      const outcomes = calls.map((call) => this.#writeOne(store, call, several));
      transaction.commit();
      return outcomes;
    } catch (error) {
      store.rollBack();
      throw error;
    }
  }

  /** One call under a savepoint of its own, so that its failure takes nobody else's work back. */
  #writeOne(store: OpenStore, call: Call, several: boolean): Outcome {
    const { db, transaction } = store;
    if (several) transaction.mark();
    const outcome = refuseStorageError(attempt(store, call));
    const failed = 'error' in outcome;
    if (several) transaction.endMark(failed ? 'take back' : 'keep');
    else if (failed) db.exec('ROLLBACK; BEGIN IMMEDIATE');
    if (failed) store.forgetAll();
    return outcome;
  }

  /**
   * Nobody has been answered. Where the failure leaves doubt the store is opened again; then each call runs by itself: what
   * is there already is found by its `opId`, the rest is tried once more.
   */
  #afterFailure(calls: readonly Call[], first: unknown, wrote: boolean): Outcome[] {
    if (leavesDoubt(first)) this.#distrust();
    let failures = 0;
    let last = first;
    return calls.map((call): Outcome => {
      if (failures >= HOPELESS_AFTER) return { error: last };
      try {
        const outcome = this.#again(call, wrote);
        failures = 0;
        return outcome;
      } catch (error) {
        last = error;
        if (leavesDoubt(error)) this.#distrust();
        failures += isAboutOneCall(error) ? 0 : 1;
        return { error };
      }
    });
  }

  #again(call: Call, inDoubt: boolean): Outcome {
    if (handlerOf(call).kind === 'read') return this.#readAll([call])[0] ?? { value: undefined };
    const { log } = this.#host.storeForWriting();
    log.inDoubt = inDoubt;
    try {
      return this.#writeAll([call], false)[0] ?? { value: undefined };
    } finally {
      log.inDoubt = false;
    }
  }

  /** Whatever works on the connection begins anew on the next one. */
  #distrust(): void {
    this.#host.distrust();
    this.#jobs.restart();
  }

  #startJob(call: Call): boolean {
    const handler = handlerOf(call);
    if (handler.kind !== 'scan' && handler.kind !== 'erase') return false;
    const make = (store: OpenStore): SlicedJob<unknown> => handler.run(store, ...call[2]) as SlicedJob<unknown>;
    this.#jobs.start(call, handler.kind === 'erase', make);
    return true;
  }

  #answer(call: Call, outcome: Outcome, begun = false): void {
    const [id] = call;
    if ('value' in outcome) {
      this.#host.answer([id, outcome.value]);
      return;
    }
    const { kind } = handlerOf(call);
    const work = kind === 'read' || kind === 'scan' ? 'read' : begun ? 'erased' : 'write';
    const full = storageCode(outcome.error) !== undefined && this.#host.isFull();
    this.#host.answer([id, undefined, toCallError(outcome.error, { work, full })]);
  }
}

function handlerOf(call: Call): AnyHandler {
  return STORE_CALLS[call[1] as StoreCall] as AnyHandler;
}

function attempt(store: OpenStore, call: Call): Outcome {
  try {
    return { value: handlerOf(call).run(store, ...call[2]) };
  } catch (error) {
    return { error };
  }
}

/** @throws the error when it is one of the disk, which is never the matter of one call alone. */
function refuseStorageError(outcome: Outcome): Outcome {
  if ('error' in outcome && storageCode(outcome.error) !== undefined) throw outcome.error;
  return outcome;
}

/** A call that is too long for the room that is left, or touches a damaged page, says nothing about the next one. */
function isAboutOneCall(error: unknown): boolean {
  const code = storageCode(error) ?? '';
  return code === 'SQLITE_FULL' || code === 'SQLITE_NOMEM' || code.startsWith('SQLITE_CORRUPT');
}
