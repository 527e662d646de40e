/** One turn from its start to its end: calls the backend, keeps what it writes, waits out what can be waited out. */
import { judgeFailure } from '../domain/back-off.ts';
import { mayMove } from '../domain/turn-state.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { Part } from '../../protocol/message.ts';
import type { SessionStatus } from '../../protocol/session.ts';
import type { TurnChange, TurnState, Usage } from '../../protocol/turn.ts';
import type { AgentRegistryPort, ProviderKeys, TurnJournal, TurnOutcome } from './agent-port.ts';
import type { EventHub } from './event-hub.ts';
import type { LiveChannel } from './live-reply.ts';
import type { ClockPort, HeadPatch, NewEntry, VaultPort } from './ports.ts';
import { isoTime } from './present.ts';
import { readConversation } from './conversation-history.ts';
import { ReplyWriting } from './reply-writing.ts';
import { isStorageTrouble, pause, type SessionWriter } from './session-writer.ts';
import { requireWorkspace } from './turn-start.ts';
import { TurnStop } from './turn-stop.ts';

/** Delay before what a turn needs of the store is read again, in milliseconds. */
const STORAGE_RETRY_MS = 2_000;

export interface TurnParts {
  readonly vault: VaultPort;
  readonly hub: EventHub;
  readonly writer: SessionWriter;
  readonly clock: ClockPort;
  readonly registry: AgentRegistryPort;
  readonly keys: ProviderKeys;
  /** Puts what nobody expected into the log. @returns the id that names it there. */
  readonly report: (error: unknown) => string;
  /** Resolves when another provider key or configuration may be there. */
  readonly keysChanged: (signal: AbortSignal) => Promise<void>;
}

export interface TurnPlace {
  readonly sessionId: string;
  readonly turn: number;
  readonly model: string;
  readonly workspace: string;
  readonly firstStep: number;
  /** `waiting` for a turn that waited when the daemon before this one ended. */
  readonly state: 'running' | 'waiting';
}

export class TurnRun {
  readonly place: TurnPlace;
  readonly #parts: TurnParts;
  readonly #abort = new AbortController();
  /** What the session is once this turn has ended, as seen when it ends. */
  readonly #statusAfter: () => SessionStatus;
  #step: number;
  readonly #writing: ReplyWriting;
  /** The state that is durable, or about to be with the first words after a wait. */
  #state: TurnState;
  #answered = false;
  /** Attempts in a row that brought nothing. */
  #failures = 0;
  /** Attempts at this step's reply that broke off. A few words do not make up for it: each attempt may cost money. */
  #broken = 0;
  readonly #usage = { inputTokens: 0, outputTokens: 0 };

  constructor(place: TurnPlace, parts: TurnParts, statusAfter: () => SessionStatus) {
    this.place = place;
    this.#parts = parts;
    this.#step = place.firstStep;
    this.#state = place.state;
    this.#statusAfter = statusAfter;
    this.#writing = new ReplyWriting(place.sessionId, place.turn, parts);
  }

  get waiting(): boolean {
    return this.#state === 'waiting';
  }

  get cancelled(): boolean {
    return this.#state === 'cancelled';
  }

  /** A reply that is whole and only waits for the disk is not cancelled any more: it is what the person has seen. */
  stop(why: TurnStop['why']): void {
    if (why === 'cancelled' && this.#answered) return;
    this.#abort.abort(new TurnStop(why));
  }

  /** Runs to the end, which is durable when it resolves. Rejects when the session itself cannot be written any more. */
  async run(): Promise<void> {
    const { signal } = this.#abort;
    try {
      const outcome = await this.#untilAnswered(signal);
      await this.#complete(outcome);
    } catch (error) {
      if (signal.aborted && signal.reason instanceof TurnStop) await this.#stopped(signal.reason.why);
      else await this.#fail(error instanceof ProtocolError ? error : this.#internal(error));
    } finally {
      this.#writing.end();
    }
  }

  async #untilAnswered(signal: AbortSignal): Promise<TurnOutcome> {
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

  async #attempt(signal: AbortSignal): Promise<TurnOutcome> {
    const { registry, keys } = this.#parts;
    const { sessionId, turn, workspace, model: modelId } = this.place;
    requireWorkspace(workspace);
    const { backend, model, provider, keyVariable } = registry.resolve(modelId);
    const apiKey = await keys.keyFor(provider, keyVariable);
    if (apiKey === undefined && keyVariable !== undefined) throw missingKey(provider, keyVariable);
    const messages = await readConversation(this.#parts.vault, sessionId);
    this.#writing.begin(this.#step);
    const input = { sessionId, turn, firstStep: this.#step, model, workspace, messages, apiKey };
    return await backend.runTurn(input, this.#journal(signal), signal);
  }

  #journal(signal: AbortSignal): TurnJournal {
    return {
      text: (delta) => {
        this.#write('text', delta);
      },
      reasoning: (delta) => {
        this.#write('reasoning', delta);
      },
      step: async (parts, usage) => {
        this.#count(usage);
        await this.#append([this.#reply(parts)], { usage }, signal);
        this.#step += 1;
        this.#broken = 0;
        this.#writing.begin(this.#step);
      },
    };
  }

  #write(channel: LiveChannel, delta: string): void {
    if (this.#abort.signal.aborted) return;
    if (this.#state === 'waiting') this.#resumeFromWaiting();
    this.#failures = 0;
    this.#writing.add(channel, delta);
  }

  /** The model answers again, and the session says so. The end of the turn says it too, so one attempt is enough. */
  #resumeFromWaiting(): void {
    const entries = [this.#change({ state: 'running' })];
    this.#state = 'running';
    const request = {
      opId: this.#parts.clock.id(),
      sessionId: this.place.sessionId,
      entries,
      patch: { status: 'running' as const },
    };
    void this.#writing.inBackground(async () => {
      await this.#parts.writer.append(request);
    });
  }

  /** @throws the error itself when it cannot be waited out. */
  async #waitOut(error: ProtocolError, signal: AbortSignal): Promise<void> {
    if (error.kind === 'PROVIDER_KEY_MISSING') {
      await this.#cutOff('broken-stream', this.#waitingChange('key', error), { status: 'waiting' });
      await this.#parts.keysChanged(signal);
      return;
    }
    const inTheStore: boolean = isStorageTrouble(error);
    if (inTheStore) {
      await this.#append([this.#change(this.#waitingChange('storage', error))], { status: 'waiting' }, signal);
      this.#state = 'waiting';
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

  async #complete(outcome: TurnOutcome): Promise<void> {
    this.#answered = true;
    this.#count(outcome.usage);
    const usage = { ...this.#usage };
    const entries = [
      this.#reply(outcome.parts),
      this.#change({ state: 'completed', reason: outcome.reason, usage, model: this.place.model }),
    ];
    await this.#append(entries, { status: this.#statusAfter(), usage: outcome.usage }, this.#abort.signal);
    this.#state = 'completed';
  }

  async #fail(error: ProtocolError): Promise<void> {
    const { kind, message, hint } = error;
    const failed: TurnChange = { state: 'failed', error: { kind, message, hint }, usage: { ...this.#usage } };
    const after = this.#statusAfter();
    await this.#cutOff('broken-stream', failed, { status: after === 'idle' ? 'failed' : after });
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
      await this.#writing.saveDraft();
      return;
    }
    const usage = { ...this.#usage };
    if (why === 'cancelled') {
      await this.#cutOff('cancelled', { state: 'cancelled', usage }, { status: this.#statusAfter() });
      return;
    }
    const stopped: TurnChange = { state: 'interrupted', reason: 'stopped', usage };
    const after = this.#statusAfter();
    await this.#cutOff('stopped', stopped, { status: after === 'idle' ? 'interrupted' : after });
  }

  /** What was written so far is kept as cut off, together with what follows from it. */
  async #cutOff(
    reason: 'cancelled' | 'broken-stream' | 'stopped',
    change: TurnChange,
    patch: HeadPatch,
  ): Promise<void> {
    const then = this.#change(change);
    const cut = this.#writing.cut(reason);
    // Neither a cancelled turn nor one that ends is given up because the disk is full: it is tried until it is saved.
    await this.#append(cut === undefined ? [then] : [cut, then], patch, new AbortController().signal);
    this.#state = change.state;
    this.#writing.end();
    if (cut !== undefined) this.#step += 1;
  }

  #reply(parts: readonly Part[]): NewEntry {
    return this.#parts.writer.entry('message', this.place.turn, { role: 'assistant', parts: [...parts] });
  }

  #change(change: TurnChange): NewEntry {
    if (!mayMove(this.#state, change.state)) throw new Error(`a ${this.#state} turn cannot become ${change.state}`);
    return this.#parts.writer.entry('turn', this.place.turn, change);
  }

  /** Appends until saved, after every draft that is on its way; the drafts end with it. */
  async #append(entries: readonly NewEntry[], patch: HeadPatch, signal: AbortSignal): Promise<void> {
    await this.#writing.settle();
    const opId = this.#parts.clock.id();
    const { sessionId } = this.place;
    await this.#parts.writer.appendUntilSaved({ opId, sessionId, entries, patch, dropDrafts: true }, signal);
  }

  #count(usage: Usage): void {
    this.#usage.inputTokens += usage.inputTokens;
    this.#usage.outputTokens += usage.outputTokens;
  }
}

function missingKey(provider: string, variable: string): ProtocolError {
  return new ProtocolError('PROVIDER_KEY_MISSING', `there is no API key for the provider ${provider}`, {
    hint: `Set ${variable} in the environment of m, or store the key: mctl config set-key ${provider}`,
  });
}
