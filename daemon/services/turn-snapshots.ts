/** What one turn does to the files of its workspace: captured before its first change, and accounted for until its end. */
import { ProtocolError } from '../../protocol/errors.ts';
import type { EventData } from '../../protocol/event.ts';
import type { ResultOf } from '../../protocol/methods.ts';
import type { SnapshotEntry } from '../../protocol/snapshot.ts';
import { CaptureProgress } from './capture-progress.ts';
import { fulfilsWithin } from './deadline.ts';
import { leaving } from './runner-refusals.ts';
import type {
  Mutation,
  PointName,
  SnapshotSettings,
  TurnRef,
  WorkspaceFiles,
  WorkspacesPort,
} from './snapshot-port.ts';
import type { TurnPlace } from './turn-place.ts';
import type { WorkspaceHolds } from './workspace-holds.ts';

/** How long a turn waits for its files, in milliseconds. */
const WAIT_MS = 10_000;
/** How long a turn that has changed nothing waits at its end for a snapshot that is still being taken. */
const UNCHANGED_WAIT_MS = 1_000;
/** Sessions of which it is remembered that a person knows their workspace is not captured. */
const REMEMBERED = 1_000;

export interface SnapshotParts {
  readonly workspaces: WorkspacesPort;
  readonly holds: WorkspaceHolds;
  readonly settings: () => SnapshotSettings;
  /** Puts what nobody expected into the log. */
  readonly report: (error: unknown) => string;
  /** Default 10 s. */
  readonly waitMs?: number;
}

/** What the turns of a daemon know of each other. */
export interface Shared {
  /** Sessions whose person has let a change pass in a workspace that is never captured. */
  readonly informed: Set<string>;
  /** By session: those of turns that go on. */
  readonly turns: Map<string, TurnSnapshots>;
}

/** Why the files from before a turn cannot be brought back. */
interface Loss {
  /** Ends without a full stop. */
  readonly reason: string;
  /** This workspace is never captured. */
  readonly refused: boolean;
}

type Counts = Omit<SnapshotEntry, 'restorable' | 'reason'>;

export class TurnSnapshots {
  readonly #place: TurnPlace;
  readonly #parts: SnapshotParts;
  readonly #shared: Shared;
  readonly #turn: TurnRef;
  readonly #progress: CaptureProgress;
  readonly #leaving = new AbortController();
  /** Undefined until the thread of the workspace is known, and when nothing is captured. */
  #files: WorkspaceFiles | undefined;
  /** Ends, well or not, when the thread is done with the snapshot from before the turn. Undefined when none is taken. */
  #before: Promise<void> | undefined;
  #beforeHasEnded = false;
  readonly #givenUp = Promise.withResolvers<void>();
  /** Set while the end of the turn waits for its files: it waits no longer. */
  #endNow: (() => void) | undefined;
  #loss: Loss | undefined;
  /** A person has let a change pass that cannot be taken back. */
  #isAccepted = false;
  /** Files that its tools have named. */
  readonly #named = new Set<string>();
  /** Calls that the thread was told of. */
  readonly #told = new Set<string>();

  constructor(place: TurnPlace, parts: SnapshotParts, shared: Shared, tell: (told: EventData<'capture'>) => void) {
    this.#place = place;
    this.#parts = parts;
    this.#shared = shared;
    this.#progress = new CaptureProgress(() => this.#files?.progress(), tell);
    this.#turn = { sessionId: place.sessionId, turn: place.turn };
  }

  /** Begins to capture the files as they are now. Nothing waits for it but `ready`. */
  start(): void {
    if (!this.#parts.settings().enabled || this.#place.workspace === '') return;
    this.#shared.turns.set(this.#turn.sessionId, this);
    this.#progress.begin();
    this.#before = this.#capture()
      .catch((error: unknown) => {
        // That it came too late is known, and whoever leaves says nothing of the files.
        if (this.#loss !== undefined || this.#leaving.signal.aborted) return;
        this.#lose(this.#wordsFor(error), error);
        // What failed for the whole workspace now is not tried again at each call.
        this.#files = undefined;
      })
      .then(() => {
        this.#beforeHasEnded = true;
        this.#progress.end(this.#loss === undefined ? 'done' : 'given-up');
      });
  }

  /**
   * A call is about to be judged that changes files. Resolves when what was there before is captured, or when it has been
   * waited for long enough; the turn then goes on without.
   */
  async ready(signal: AbortSignal): Promise<void> {
    await this.#parts.holds.free(this.#place.workspace, signal);
    if (this.#before === undefined || this.#beforeHasEnded || this.#loss !== undefined) return;
    const waitMs = this.#parts.waitMs ?? WAIT_MS;
    const decided = Promise.race([this.#before, this.#givenUp.promise]);
    if (await this.#progress.during(() => fulfilsWithin(decided, waitMs, signal))) return;
    this.#goOnWithout(`capturing the files took longer than ${Math.ceil(waitMs / 1000)} seconds`);
  }

  /**
   * A person does not want to wait for the files from before the turn, or for those after it: these are captured all the
   * same, unless the next turn changes any before. @returns undefined when nothing is waited for.
   */
  giveUp(): ResultOf<'snapshot/giveUp'> | undefined {
    const { turn } = this.#turn;
    if (this.#endNow !== undefined) {
      this.#endNow();
      return { turn, phase: 'post' };
    }
    if (this.#beforeHasEnded || this.#loss !== undefined) return undefined;
    this.#goOnWithout('given up by you');
    this.#givenUp.resolve();
    return { turn, phase: 'pre' };
  }

  /** What a person is told before the first change that cannot be taken back; undefined when it can, or was told. */
  get warning(): string | undefined {
    const loss = this.#loss;
    if (loss === undefined || this.#isAccepted) return undefined;
    if (loss.refused && this.#shared.informed.has(this.#place.sessionId)) return undefined;
    return `The files cannot be brought back afterwards: ${loss.reason}.`;
  }

  /** A person has let the change pass. */
  accept(): void {
    this.#isAccepted = true;
    if (this.#loss?.refused !== true) return;
    const { informed } = this.#shared;
    informed.add(this.#place.sessionId);
    const [oldest] = informed;
    if (informed.size > REMEMBERED && oldest !== undefined) informed.delete(oldest);
  }

  /** A call is about to change files. Resolves when it may. Rejects with the signal's reason, and with nothing else. */
  async begin(mutation: Mutation, signal: AbortSignal): Promise<void> {
    // A question about it may have been open for days.
    await this.#parts.holds.free(this.#place.workspace, signal);
    if (mutation.kind === 'files') for (const path of mutation.paths) this.#named.add(path);
    const files = this.#files;
    // The thread still looks at files that it is too late for: what would be told now would wait behind that.
    if (files === undefined || !this.#beforeHasEnded) return;
    this.#told.add(mutation.callId);
    await this.#accountFor(files.beginCall(this.#turn, mutation), signal);
    if (!signal.aborted) return;
    void this.end(mutation);
    signal.throwIfAborted();
  }

  /** The call has ended, well or not. Never rejects. */
  async end(mutation: Mutation): Promise<void> {
    if (this.#files === undefined || !this.#told.delete(mutation.callId)) return;
    await this.#accountFor(this.#files.endCall(this.#turn, mutation));
  }

  /**
   * The turn ends: captures the files again and counts what it did to them.
   * @returns undefined when there is nothing to say. Never rejects.
   */
  async finish(limitMs: number, signal: AbortSignal): Promise<SnapshotEntry | undefined> {
    this.#shared.turns.delete(this.#turn.sessionId);
    if (this.#before === undefined) return undefined;
    if (!this.#beforeHasEnded) {
      // It was too late for that, and is at it still.
      if (this.#loss !== undefined) return this.#entry(undefined);
      // Whoever cancels a turn wants it to end at once.
      const patienceMs = signal.aborted ? UNCHANGED_WAIT_MS - this.#progress.ms : UNCHANGED_WAIT_MS;
      // What a turn did not change needs no way back.
      if (!(await this.#comes(this.#before, Math.min(limitMs, patienceMs), signal))) {
        this.#progress.end('given-up');
        return undefined;
      }
    }
    const counts = this.#files === undefined ? undefined : await this.#capturedAfter(this.#files, limitMs, signal);
    return this.#entry(counts);
  }

  /** The daemon leaves, and the turn goes on in the next one. */
  abandon(): void {
    this.#progress.end('given-up');
    this.#leaving.abort(leaving());
  }

  get #name(): PointName {
    const { sessionId, turn } = this.#turn;
    return { sessionId, point: { kind: 'turn', turn, phase: 'pre' } };
  }

  async #capture(): Promise<void> {
    const files = await this.#parts.workspaces.of(this.#place.workspace);
    this.#files = files;
    if (this.#loss !== undefined) return;
    // What is there now may not be from before the turn.
    if (this.#place.mayHaveChanged && !(await this.#isCaptured(files))) {
      this.#lose('the files were not captured when this turn began');
      return;
    }
    if (this.#loss === undefined) await files.take(this.#name, this.#leaving.signal);
  }

  async #isCaptured(files: WorkspaceFiles): Promise<boolean> {
    try {
      await files.show(this.#name);
      return true;
    } catch (error) {
      if (error instanceof ProtocolError && error.kind === 'NOT_FOUND') return false;
      throw error;
    }
  }

  async #capturedAfter(files: WorkspaceFiles, limitMs: number, signal: AbortSignal): Promise<Counts | undefined> {
    let counts: Counts | undefined;
    const ended = files.endTurn(this.#turn, this.#leaving.signal);
    const counted = ended.then((result) => {
      counts = result;
    });
    const { promise: skipped, resolve } = Promise.withResolvers<void>();
    this.#endNow = resolve;
    this.#shared.turns.set(this.#turn.sessionId, this);
    this.#progress.begin();
    await this.#progress.during(() => this.#comes(Promise.race([counted, skipped]), limitMs, signal));
    this.#progress.end(counts === undefined ? 'given-up' : 'done');
    this.#shared.turns.delete(this.#turn.sessionId);
    this.#endNow = undefined;
    return counts;
  }

  /** As `fulfilsWithin`; neither a failure nor somebody's hurry keeps the turn from ending. */
  async #comes(promise: Promise<unknown>, limitMs: number, signal: AbortSignal): Promise<boolean> {
    try {
      return await fulfilsWithin(promise, limitMs, signal.aborted ? undefined : signal);
    } catch (error) {
      if (!(error instanceof ProtocolError) && !signal.aborted) this.#parts.report(error);
      return false;
    }
  }

  /** Waits until the thread knows what a call does. Rejects for nothing. */
  async #accountFor(told: Promise<void>, signal?: AbortSignal): Promise<void> {
    try {
      if (await fulfilsWithin(told, this.#parts.waitMs ?? WAIT_MS, signal)) return;
      this.#lose('what a call changed was not recorded in time');
    } catch (error) {
      if (signal?.aborted === true) return;
      this.#lose(`what a call changed could not be recorded: ${this.#wordsFor(error)}`, error);
    }
  }

  #goOnWithout(reason: string): void {
    this.#lose(reason);
    this.#files?.tooLate(this.#name);
    this.#progress.end('given-up');
  }

  /** The first reason stands. */
  #lose(reason: string, error?: unknown): void {
    const refused = error instanceof ProtocolError && error.kind === 'REFUSED';
    this.#loss ??= { reason, refused };
  }

  #wordsFor(error: unknown): string {
    if (error instanceof ProtocolError) return error.message.replace(/[.]$/, '');
    const traceId = this.#parts.report(error);
    return `internal error, see \`mctl daemon logs\` under ${traceId}`;
  }

  #entry(counts: Counts | undefined): SnapshotEntry {
    const known: Counts = counts ?? {
      files: this.#named.size,
      added: 0,
      removed: 0,
      byShell: 0,
      others: 0,
      skipped: 0,
    };
    return { restorable: this.#loss === undefined, reason: this.#loss?.reason ?? '', ...known };
  }
}
