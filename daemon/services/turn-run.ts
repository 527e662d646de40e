/** One turn from its start to its end: calls the backend, keeps what it writes, waits out what can be waited out. */
import { judgeFailure } from '../domain/back-off.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { Part } from '../../protocol/message.ts';
import type { SessionStatus } from '../../protocol/session.ts';
import type { TurnChange } from '../../protocol/turn.ts';
import type { AgentRegistryPort, ChangingKeys, TurnOutcome } from './agent-port.ts';
import type { HeadPatch, NewEntry } from './ports.ts';
import { isoTime } from './present.ts';
import { isAnswered, readConversation } from './conversation-history.ts';
import { readEnvironment } from './environments.ts';
import { missingKey } from './runner-refusals.ts';
import type { LiveChannel } from './live-reply.ts';
import { readOpenStep } from './open-step.ts';
import { isStorageTrouble, pause } from './session-writer.ts';
import type { SnapshotKeeper } from './snapshot-keeper.ts';
import { Journal, type JournalParts } from './turn-journal.ts';
import { TurnLog, type TurnLogParts } from './turn-log.ts';
import type { TurnSnapshots } from './turn-snapshots.ts';
import type { TurnPlace } from './turn-place.ts';
import { requireWorkspace } from './turn-start.ts';
import { TurnStop } from './turn-stop.ts';

/** Delay before what a turn needs of the store is read again, in milliseconds. */
const STORAGE_RETRY_MS = 2_000;
/** How long the end of a turn waits for the files to be captured again, in milliseconds. Whoever stops it waits for that. */
const CAPTURE_MS = { completed: 10_000, failed: 10_000, cancelled: 5_000, interrupted: 2_000 } as const;
const NOT_DONE = 'Not done: the person cancelled the turn.';

export interface TurnParts extends TurnLogParts, JournalParts {
  readonly registry: AgentRegistryPort;
  readonly keys: ChangingKeys;
  readonly snapshots: SnapshotKeeper;
}

export class TurnRun {
  readonly place: TurnPlace;
  readonly #parts: TurnParts;
  readonly #log: TurnLog;
  readonly #snapshots: TurnSnapshots;
  readonly #abort = new AbortController();
  /** What the session is once this turn has ended, as seen when it ends. */
  readonly #statusAfter: () => SessionStatus;
  #journal: Journal | undefined;
  #answered = false;
  /** Attempts in a row that brought nothing. */
  #failures = 0;
  /** Attempts at this step's reply that broke off. A few words do not make up for it: each attempt may cost money. */
  #broken = 0;
  /** What of them the latest attempt knew. One may be lent between its look and the wait for it. */
  #keyChanges = 0;

  constructor(place: TurnPlace, parts: TurnParts, statusAfter: () => SessionStatus) {
    this.place = place;
    this.#parts = parts;
    this.#log = new TurnLog(place, parts);
    this.#snapshots = parts.snapshots.ofTurn(place, (told) => {
      parts.hub.existing(place.sessionId)?.notify('capture', place.turn, told);
    });
    this.#statusAfter = statusAfter;
  }

  get waiting(): boolean {
    return this.#log.state === 'waiting';
  }

  get cancelled(): boolean {
    return this.#log.state === 'cancelled';
  }

  /** A reply that is whole and only waits for the disk is not cancelled any more: it is what the person has seen. */
  stop(why: TurnStop['why']): void {
    if (why === 'cancelled' && this.#answered) return;
    this.#abort.abort(new TurnStop(why));
  }

  /** Runs to the end, which is durable when it resolves. Rejects when the session itself cannot be written any more. */
  async run(): Promise<void> {
    const { signal } = this.#abort;
    this.#snapshots.start();
    try {
      const outcome = await this.#untilAnswered(signal);
      this.#answered = true;
      if (outcome !== undefined) await this.#keep(outcome);
      await this.#complete(outcome?.reason ?? 'stop');
    } catch (error) {
      if (signal.aborted && signal.reason instanceof TurnStop) await this.#stopped(signal.reason.why);
      else await this.#fail(error instanceof ProtocolError ? error : this.#internal(error));
    } finally {
      this.#log.writing.end();
    }
  }

  /** @returns undefined when the last reply stands already. */
  async #untilAnswered(signal: AbortSignal): Promise<TurnOutcome | undefined> {
    for (;;) {
      try {
        return await this.#attempt(signal);
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof ProtocolError)) throw error;
        await this.#waitOut(error, signal);
      }
    }
  }

  async #attempt(signal: AbortSignal): Promise<TurnOutcome | undefined> {
    const { registry, keys, vault } = this.#parts;
    const { sessionId, turn, workspace, model: modelId, agent, stepsBefore } = this.place;
    requireWorkspace(workspace);
    const messages = await readConversation(vault, sessionId);
    if (isAnswered(messages, turn)) return undefined;
    this.#keyChanges = keys.changes;
    const { backend, model, provider, keyVariable } = registry.resolve(modelId);
    const apiKey = await keys.keyFor(provider, keyVariable);
    if (apiKey === undefined && keyVariable !== undefined) throw missingKey(provider, keyVariable);
    const environment = await readEnvironment(vault, sessionId);
    const { untouched: open, asked } = await readOpenStep(vault, sessionId, turn);
    this.#log.begin();
    const host = {
      signal,
      snapshots: this.#snapshots,
      wrote: (channel: LiveChannel, delta: string): void => {
        this.#wrote(channel, delta);
      },
      finishedStep: (): void => {
        this.#broken = 0;
      },
    };
    this.#journal = new Journal(this.place, this.#log, this.#parts, host, asked);
    const firstStep = this.#log.step;
    return await backend.runTurn(
      {
        sessionId,
        turn,
        firstStep,
        stepsBefore,
        activeMs: () => this.#log.activeMs,
        model,
        workspace,
        agent,
        environment,
        messages,
        open,
        apiKey,
      },
      this.#journal,
      signal,
    );
  }

  #wrote(channel: LiveChannel, delta: string): void {
    if (this.#abort.signal.aborted) return;
    if (this.#log.state === 'waiting') this.#resumeFromWaiting();
    this.#failures = 0;
    this.#log.writing.add(channel, delta);
  }

  /** The model answers again, and the session says so. The end of the turn says it too, so one attempt is enough. */
  #resumeFromWaiting(): void {
    const entries = [this.#log.change({ state: 'running' })];
    this.#log.moved('running');
    void this.#log.writing.inBackground(async () => {
      await this.#log.appendOnce(entries, { status: 'running' });
    });
  }

  /** @throws the error itself when it cannot be waited out. */
  async #waitOut(error: ProtocolError, signal: AbortSignal): Promise<void> {
    if (error.kind === 'PROVIDER_KEY_MISSING') {
      await this.#cutOff('broken-stream', this.#waitingChange('key', error), { status: 'waiting' });
      await this.#parts.keys.changedSince(this.#keyChanges, signal);
      return;
    }
    const inTheStore: boolean = isStorageTrouble(error);
    if (inTheStore) {
      const change = this.#log.change(this.#waitingChange('storage', error));
      await this.#log.appendReply([change], { status: 'waiting' }, signal);
      this.#log.moved('waiting');
      await pause(STORAGE_RETRY_MS, signal);
      return;
    }
    const failures = error.kind === 'BROKEN_STREAM' ? (this.#broken += 1) : (this.#failures += 1);
    const verdict = judgeFailure(error, failures, Math.random());
    if (verdict.action === 'fail') throw error;
    const retryAt = isoTime(this.#parts.clock.now() + verdict.delayMs);
    await this.#cutOff('broken-stream', this.#waitingChange('backend', error, retryAt), { status: 'waiting' });
    await pause(verdict.delayMs, signal);
  }

  #waitingChange(waitingFor: 'key' | 'backend' | 'storage', error: ProtocolError, retryAt?: string): TurnChange {
    const { kind, message, hint } = error;
    return {
      state: 'waiting',
      waitingFor,
      error: { kind, message, hint },
      ...(retryAt === undefined ? {} : { retryAt }),
    };
  }

  /** The last reply is durable before the files are captured again: what was paid for does not wait for them. */
  async #keep({ parts, usage }: TurnOutcome): Promise<void> {
    const log = this.#log;
    log.count(usage);
    await log.appendReply(
      [log.entry('message', { role: 'assistant', parts: [...parts] })],
      { usage },
      this.#abort.signal,
    );
    log.writing.end();
  }

  async #complete(reason: string): Promise<void> {
    const log = this.#log;
    const captured = await this.#captured('completed');
    const end = log.change({ state: 'completed', reason, usage: log.usage, model: this.place.model });
    await log.append([...captured, end], { status: this.#statusAfter() }, this.#abort.signal);
    log.moved('completed');
  }

  async #fail(error: ProtocolError): Promise<void> {
    const { kind, message, hint } = error;
    const failed: TurnChange = { state: 'failed', error: { kind, message, hint }, usage: this.#log.usage };
    const captured = await this.#captured('failed');
    const after = this.#statusAfter();
    await this.#cutOff('broken-stream', failed, { status: after === 'idle' ? 'failed' : after }, captured);
  }

  /** What the turn has done to the files, for its end. */
  async #captured(end: keyof typeof CAPTURE_MS): Promise<NewEntry[]> {
    const snapshot = await this.#snapshots.finish(CAPTURE_MS[end], this.#abort.signal);
    return snapshot === undefined ? [] : [this.#log.entry('snapshot', snapshot)];
  }

  /** A bug ends its turn, not the daemon: the same turn would end the next daemon too. */
  #internal(error: unknown): ProtocolError {
    const traceId = this.#parts.report(error);
    return new ProtocolError('INTERNAL', 'internal error', {
      hint: `\`mctl daemon logs\` has the details under ${traceId}.`,
    });
  }

  async #stopped(why: TurnStop['why']): Promise<void> {
    if (why === 'paused') {
      this.#snapshots.abandon();
      await this.#log.writing.saveDraft();
      return;
    }
    const { usage } = this.#log;
    if (why === 'cancelled') {
      const ends = [...(this.#journal?.withdrawn() ?? []), ...(await this.#callsNotDone())];
      const captured = await this.#captured('cancelled');
      const patch = { status: this.#statusAfter() };
      await this.#cutOff('cancelled', { state: 'cancelled', usage }, patch, captured, ends);
      return;
    }
    const captured = await this.#captured('interrupted');
    this.#snapshots.abandon();
    const stopped: TurnChange = { state: 'interrupted', reason: 'stopped', usage };
    const after = this.#statusAfter();
    await this.#cutOff('stopped', stopped, { status: after === 'idle' ? 'interrupted' : after }, captured);
  }

  /** Calls that never began say so: the model would otherwise be told that nobody knows. */
  async #callsNotDone(): Promise<NewEntry[]> {
    const { vault } = this.#parts;
    try {
      const { untouched } = await readOpenStep(vault, this.place.sessionId, this.place.turn);
      return untouched.map(({ callId, name }) => {
        const part: Part = { type: 'tool-result', callId, name, output: NOT_DONE, isError: true };
        return this.#log.entry('message', { role: 'tool', parts: [part] });
      });
    } catch (error) {
      // The turn is cancelled all the same; what the model is told of these calls is then less exact.
      if (isStorageTrouble(error)) return [];
      throw error;
    }
  }

  /**
   * What was written so far is kept as cut off, together with what follows from it.
   * @param captured stands directly before the change, `before` at the beginning.
   */
  async #cutOff(
    reason: 'cancelled' | 'broken-stream' | 'stopped',
    change: TurnChange,
    patch: HeadPatch,
    captured: readonly NewEntry[] = [],
    before: readonly NewEntry[] = [],
  ): Promise<void> {
    const log = this.#log;
    const then = log.change(change);
    const cut = log.writing.cut(reason);
    // Neither a cancelled turn nor one that ends is given up because the disk is full: it is tried until it is saved.
    await log.appendReply([...before, ...(cut === undefined ? [] : [cut]), ...captured, then], patch);
    log.moved(change.state);
    log.writing.end();
    if (cut !== undefined) log.nextStep();
  }
}
