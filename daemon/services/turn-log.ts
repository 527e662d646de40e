/** What a turn writes: its entries, in order, with the state that is durable, or about to be. */
import { mayMove } from '../domain/turn-state.ts';
import type { Message, Part } from '../../protocol/message.ts';
import type { DurableEventType, EventData } from '../../protocol/event.ts';
import type { TurnChange, TurnState, Usage } from '../../protocol/turn.ts';
import type { EventHub } from './event-hub.ts';
import type { AppendResult, ClockPort, HeadPatch, NewEntry, VaultPort } from './ports.ts';
import { isoTime } from './present.ts';
import { ReplyWriting } from './reply-writing.ts';
import type { SessionWriter } from './session-writer.ts';
import type { TurnPlace } from './turn-place.ts';

export interface TurnLogParts {
  readonly vault: VaultPort;
  readonly hub: EventHub;
  readonly writer: SessionWriter;
  readonly clock: ClockPort;
}

/** Never given up because somebody is impatient: what happened is tried until it is saved. */
const NEVER = new AbortController().signal;

export class TurnLog {
  readonly writing: ReplyWriting;
  readonly #place: TurnPlace;
  readonly #parts: TurnLogParts;
  readonly #usage = { inputTokens: 0, outputTokens: 0 };
  #state: TurnState;
  #step: number;
  #activeMs = 0;
  /** Since when it works; undefined while it waits. */
  #activeSince: number | undefined;

  constructor(place: TurnPlace, parts: TurnLogParts) {
    this.#place = place;
    this.#parts = parts;
    this.#state = place.state;
    this.#activeSince = place.state === 'running' ? parts.clock.now() : undefined;
    this.#step = place.firstStep;
    this.writing = new ReplyWriting(place.sessionId, place.turn, parts);
  }

  get state(): TurnState {
    return this.#state;
  }

  /** The step that is under way, from 1. */
  get step(): number {
    return this.#step;
  }

  /** How long it has worked since it was begun, or taken up again, in milliseconds. */
  get activeMs(): number {
    return this.#activeMs + (this.#activeSince === undefined ? 0 : this.#parts.clock.now() - this.#activeSince);
  }

  /** What the turn has used since it was begun, or taken up again. */
  get usage(): Usage {
    return { ...this.#usage };
  }

  /** The next reply begins. */
  begin(): void {
    this.writing.begin(this.#step);
  }

  nextStep(): void {
    this.#step += 1;
  }

  count(usage: Usage): void {
    this.#usage.inputTokens += usage.inputTokens;
    this.#usage.outputTokens += usage.outputTokens;
  }

  entry<T extends DurableEventType>(type: T, data: EventData<T>): NewEntry {
    return this.#parts.writer.entry(type, this.#place.turn, data);
  }

  /** @throws Error when the turn cannot go there, which is a bug. */
  change(change: TurnChange): NewEntry {
    if (!mayMove(this.#state, change.state)) throw new Error(`a ${this.#state} turn cannot become ${change.state}`);
    return this.entry('turn', change);
  }

  /** Durable, or about to be together with what follows. */
  moved(state: TurnState): void {
    this.#activeMs = this.activeMs;
    this.#activeSince = state === 'running' ? this.#parts.clock.now() : undefined;
    this.#state = state;
  }

  /** Once, without waiting for the disk to recover. */
  async appendOnce(entries: readonly NewEntry[], patch: HeadPatch): Promise<AppendResult> {
    const { clock, writer } = this.#parts;
    return await writer.append({ opId: clock.id(), sessionId: this.#place.sessionId, entries, patch });
  }

  /** Until it is durable, whatever the disk says meanwhile. Nothing that is being written is dropped. */
  async append(entries: readonly NewEntry[], patch: HeadPatch, signal: AbortSignal = NEVER): Promise<AppendResult> {
    const { clock, writer } = this.#parts;
    const request = { opId: clock.id(), sessionId: this.#place.sessionId, entries, patch };
    return await writer.appendUntilSaved(request, signal);
  }

  /** As `append`, for the end of a reply: after every draft that is on its way, which it replaces. */
  async appendReply(
    entries: readonly NewEntry[],
    patch: HeadPatch,
    signal: AbortSignal = NEVER,
  ): Promise<AppendResult> {
    await this.writing.settle();
    const { clock, writer } = this.#parts;
    const request = { opId: clock.id(), sessionId: this.#place.sessionId, entries, patch, dropDrafts: true };
    return await writer.appendUntilSaved(request, signal);
  }

  /** A message that was appended first, as it is in the log. */
  message(result: AppendResult, role: Message['role'], parts: readonly Part[]): Message {
    const at = isoTime(this.#parts.clock.now());
    return { seq: result.firstSeq, turn: this.#place.turn, role, parts: [...parts], at };
  }
}
