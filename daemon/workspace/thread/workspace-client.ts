/** One workspace for the services: WorkspaceFiles over its thread. */
import { ProtocolError } from '../../../protocol/errors.ts';
import type { ParamsOf, ResultOf } from '../../../protocol/methods.ts';
import type {
  CheckProgress,
  Mutation,
  PlanRequest,
  PointName,
  PruneOrder,
  PruneOutcome,
  ReadingProgress,
  StoredUse,
  TakenSnapshot,
  TurnRef,
  WorkspaceFiles,
} from '../../services/snapshot-port.ts';
import type { CheckOrder } from '../engine/checking.ts';
import { fulfilsWithin } from '../../services/deadline.ts';
import { snapshotName } from '../engine/names.ts';
import { comeTooLate, filesExpectedBy, filesReadBy, newStopFlag, type StopFlag } from '../engine/stop-flag.ts';
import type { CallResult } from './calls.ts';
import { HeldCalls } from './held-calls.ts';
import type { WorkspaceThread } from './workspace-thread.ts';

type Status = Awaited<ReturnType<WorkspaceFiles['status']>>;

/** How long a call waits until workspaces above and below know of it, in milliseconds. */
const DISTURB_MS = 1_000;

/** A reading of the whole workspace that is going on. */
interface Reading {
  readonly flag: StopFlag;
  readonly since: number;
}

export class WorkspaceClient implements WorkspaceFiles {
  readonly #thread: WorkspaceThread;
  /** By the name that the snapshot gets. */
  readonly #taking = new Map<string, StopFlag>();
  readonly #readings = new Set<Reading>();
  readonly #held = new HeldCalls();
  /** What was asked last, before the reading that goes on. */
  #status: Promise<CallResult<'status'>> | undefined;
  #lastError = '';
  /** One clearing up at a time. */
  #pruning: Promise<unknown> = Promise.resolve();
  /** One check at a time, and how far it is. */
  #checking: Promise<unknown> = Promise.resolve();
  #checked: CheckProgress | undefined;

  readonly #root: string;
  readonly #neighbours: () => readonly WorkspaceClient[];

  /** @param neighbours those of workspaces above and below. */
  constructor(thread: WorkspaceThread, root: string, neighbours: () => readonly WorkspaceClient[]) {
    this.#thread = thread;
    this.#root = root;
    this.#neighbours = neighbours;
  }

  /** True when nothing is being done. */
  get quiet(): boolean {
    return this.#thread.quiet;
  }

  /** It is not quiet until this is let go of. @returns lets go of it, once. */
  hold(): () => void {
    return this.#thread.hold();
  }

  async take(name: PointName, signal: AbortSignal): Promise<TakenSnapshot> {
    return await this.#naming(name, (flag) => this.#thread.ask('take', [name, flag], flag, signal));
  }

  tooLate(name: PointName): void {
    for (const late of [name, ...turnBefore(name)]) {
      const flag = this.#taking.get(snapshotName(late));
      if (flag !== undefined) comeTooLate(flag);
    }
  }

  async beginCall(turn: TurnRef, mutation: Mutation): Promise<void> {
    const places = mutation.kind === 'files' ? mutation.paths : [this.#root];
    this.#held.add(turn, mutation.callId, { release: this.#thread.hold(), places });
    const neighbours = this.#neighbours();
    const elsewhere = neighbours.flatMap((neighbour) => neighbour.#held.places);
    await Promise.all([
      this.#thread.ask('beginCall', [turn, mutation, elsewhere]),
      // Before the call changes anything, so that no end of another one takes that for its own.
      ...neighbours.map((neighbour) => neighbour.#disturb(places)),
    ]);
  }

  async endCall(turn: TurnRef, mutation: Mutation): Promise<void> {
    try {
      await this.#thread.ask('endCall', [turn, mutation]);
    } finally {
      this.#held.end(turn, mutation.callId);
    }
  }

  async endTurn(turn: TurnRef, signal: AbortSignal): Promise<CallResult<'endTurn'>> {
    const point = { kind: 'turn', turn: turn.turn, phase: 'post' } as const;
    try {
      return await this.#naming({ sessionId: turn.sessionId, point }, (flag) =>
        this.#thread.ask('endTurn', [turn, flag], flag, signal),
      );
    } finally {
      this.#held.endAll(turn);
    }
  }

  progress(): ReadingProgress | undefined {
    const [reading] = this.#readings;
    return reading && progressOf(reading);
  }

  list(
    owner: { readonly sessionId: string } | undefined,
    limit: number,
    cursor: string | undefined,
  ): Promise<ResultOf<'snapshot/list'>> {
    return this.#thread.ask('list', [owner?.sessionId, limit, cursor]);
  }

  show(name: PointName): Promise<ResultOf<'snapshot/show'>> {
    return this.#thread.ask('show', [name]);
  }

  async diff(
    sessionId: string | undefined,
    params: Omit<ParamsOf<'snapshot/diff'>, 'owner'>,
  ): Promise<ResultOf<'snapshot/diff'>> {
    return await this.#thread.ask('diff', [sessionId, params]);
  }

  /** While the workspace is being read, what was known before: the thread has no time to answer. */
  async status(): Promise<Status> {
    const [reading] = this.#readings;
    if (reading === undefined || this.#status === undefined) this.#status = this.#thread.ask('status', []);
    const status = await this.#status;
    const busy =
      reading === undefined ? null : { ...progressOf(reading), sinceMs: Math.round(performance.now() - reading.since) };
    const checked = this.#checked;
    return { ...status, busy, ...(checked === undefined ? {} : { verifying: checked }), lastError: this.#lastError };
  }

  exportTo(destination: string): Promise<ResultOf<'snapshot/export'>> {
    const flag = newStopFlag();
    return this.#thread.ask('exportTo', [destination, flag], flag);
  }

  writeOut(name: PointName, destination: string): Promise<ResultOf<'snapshot/writeOut'>> {
    return this.#thread.ask('writeOut', [name, destination]);
  }

  plan(request: PlanRequest): Promise<ResultOf<'restore/plan'>> {
    return this.#reading((flag) => this.#thread.ask('plan', [request, flag], flag));
  }

  apply(sessionId: string, planId: string): Promise<ResultOf<'restore/apply'>> {
    return this.#thread.ask('apply', [sessionId, planId]);
  }

  /** @returns what was completed, a sentence; undefined when nothing was cut off. */
  recover(): Promise<string | undefined> {
    return this.#thread.ask('recover', []);
  }

  copySession(from: string, to: string, upToTurn: number): Promise<void> {
    return this.#thread.ask('copySession', [from, to, upToTurn]);
  }

  forgetSession(sessionId: string): Promise<boolean> {
    return this.#thread.ask('forgetSession', [sessionId]);
  }

  use(): Promise<StoredUse> {
    return this.#thread.ask('use', []);
  }

  /** Whether nothing of it is needed: no snapshot, no way back from a restore. What a damage hides counts as needed. */
  isEmpty(): Promise<boolean> {
    return this.#thread.ask('isEmpty', []);
  }

  prune(order: PruneOrder): Promise<PruneOutcome> {
    const done = this.#pruning.then(() => this.#prune(order));
    this.#pruning = done.catch(() => undefined);
    return done;
  }

  verify(signal: AbortSignal): Promise<ResultOf<'snapshot/verify'>> {
    const done = this.#checking.then(() => this.#verify(signal));
    this.#checking = done.catch(() => undefined);
    return done;
  }

  close(): Promise<void> {
    return this.#thread.close();
  }

  /** A reading that ends with a name, unless somebody says before that it comes too late for that. */
  async #naming<T>(name: PointName, read: (flag: StopFlag) => Promise<T>): Promise<T> {
    const key = snapshotName(name);
    return await this.#reading(async (flag) => {
      this.#taking.set(key, flag);
      try {
        return await read(flag);
      } finally {
        this.#taking.delete(key);
      }
    });
  }

  async #reading<T>(read: (flag: StopFlag) => Promise<T>): Promise<T> {
    const reading = { flag: newStopFlag(), since: performance.now() };
    if (this.#status === undefined) this.#askStatus();
    this.#readings.add(reading);
    try {
      const result = await read(reading.flag);
      this.#lastError = '';
      return result;
    } catch (error) {
      if (!isLeaving(error)) this.#lastError = error instanceof Error ? error.message : '';
      throw error;
    } finally {
      this.#readings.delete(reading);
    }
  }

  /** While it reads, the thread has no time to answer: whoever asks then hears how it was before. */
  #askStatus(): void {
    this.#status = this.#thread.ask('status', []);
    // Whoever waits for it hears of a failure.
    this.#status.catch(() => {
      this.#status = undefined;
    });
  }

  /** Each slice is a call of its own: whatever else is asked meanwhile comes in between. */
  async #prune(order: PruneOrder): Promise<PruneOutcome> {
    const release = this.#thread.hold();
    try {
      await this.#thread.ask('beginPrune', [order]);
      for (;;) {
        const done = await this.#thread.ask('stepPrune', []);
        if (done !== undefined) return done;
      }
    } finally {
      release();
    }
  }

  async #verify(signal: AbortSignal): Promise<ResultOf<'snapshot/verify'>> {
    signal.throwIfAborted();
    const release = this.#thread.hold();
    try {
      for (let order: CheckOrder = 'begin'; ; order = 'go-on') {
        const step = await this.#thread.ask('verify', [signal.aborted ? 'stop' : order]);
        signal.throwIfAborted();
        if ('done' in step) return step.done;
        this.#checked = step;
      }
    } finally {
      this.#checked = undefined;
      release();
    }
  }

  /** Never rejects, and keeps nobody waiting for long: a thread that fails or is busy keeps no other from its work. */
  async #disturb(places: readonly string[]): Promise<void> {
    if (this.#held.isEmpty) return;
    const told = this.#thread.ask('disturb', [places]).catch(() => undefined);
    await fulfilsWithin(told, DISTURB_MS);
  }
}

/** What is still being captured of the end of the turn before comes too late as well. */
function turnBefore({ sessionId, point }: PointName): PointName[] {
  if (point.kind === 'taken' || point.phase === 'post' || point.turn === 1) return [];
  return [{ sessionId, point: { kind: 'turn', turn: point.turn - 1, phase: 'post' } }];
}

function progressOf({ flag }: Reading): ReadingProgress {
  return { files: filesReadBy(flag), total: filesExpectedBy(flag) };
}

/** Nothing is wrong with the snapshots. */
function isLeaving(error: unknown): boolean {
  return (
    error instanceof ProtocolError &&
    (error.kind === 'CANCELLED' || error.kind === 'DRAINING' || error.kind === 'NOT_FOUND')
  );
}
