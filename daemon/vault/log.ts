/** The log of a session: appended to, read in pages, shared by forks and saves. */
import { ProtocolError } from '../../protocol/errors.ts';
import type { AppendRequest, AppendResult, ForkRequest, NewEntry, SaveRequest, StoredSave } from '../services/ports.ts';
import type { EnqueueRequest, EnqueueResult, QueuedPrompt } from '../services/waiting-shapes.ts';
import type { DraftStore } from './drafts.ts';
import type { EnvironmentStore } from './environments.ts';
import { Repetitions, written, type RepetitionParts } from './repetitions.ts';
import type { SaveState, SaveStore } from './saves.ts';
import type { Origin } from './segments.ts';
import { usesUpTo, type SegmentUse } from './segment-uses.ts';
import type { SessionState } from './session-head.ts';

export interface LogParts extends RepetitionParts {
  readonly saves: SaveStore;
  readonly drafts: DraftStore;
  readonly environments: EnvironmentStore;
}

/** Every method runs inside a transaction of the caller. */
export class Log {
  readonly #parts: LogParts;
  readonly #repetitions: Repetitions;
  /** Set while calls run again of which nobody knows whether they took effect. */
  inDoubt = false;

  constructor(parts: LogParts) {
    this.#parts = parts;
    this.#repetitions = new Repetitions(parts);
  }

  /** @throws ProtocolError NOT_FOUND, CONFLICT */
  append(request: AppendRequest): AppendResult {
    const { sessions, drafts, environments } = this.#parts;
    if (request.fromQueue !== undefined) return this.#appendFromQueue(request, request.fromQueue);
    const { opId, fingerprint } = request;
    const origin: Origin =
      fingerprint === undefined ? { by: 'daemon', opId } : this.#repetitions.clientOrigin(opId, fingerprint);
    const earlier = this.#earlier(request, origin);
    if (earlier !== undefined) return earlier;
    const state =
      request.create === undefined ? sessions.load(request.sessionId) : this.#create(request, request.create);
    environments.set(state, request.environment);
    const entries = request.inNewestTurn === true ? inTurn(request.entries, this.lastTurn(state)) : request.entries;
    const result = this.#write(state, entries, request.patch, origin);
    if (request.dropDrafts === true) drafts.drop(state);
    return result;
  }

  #earlier(request: AppendRequest, origin: Origin): AppendResult | undefined {
    if (origin.by === 'client') return this.#repetitions.ofClient(origin, request.entries.length);
    const mayBeThere = request.retried === true || this.inDoubt;
    return mayBeThere ? this.#repetitions.ofStep(request) : undefined;
  }

  /** A prompt that has left the queue already was moved by the same request, whose answer was lost. */
  #appendFromQueue(request: AppendRequest, turn: number): AppendResult {
    const { sessions, queue, environments } = this.#parts;
    const state = sessions.load(request.sessionId);
    const fingerprint = queue.take(state, turn);
    const { opId } = request;
    if (fingerprint !== undefined) {
      environments.set(state, request.environment);
      return this.#write(state, request.entries, request.patch, { by: 'client', opId, fingerprint });
    }
    const earlier = this.#repetitions.ofClient({ opId, fingerprint: null }, request.entries.length);
    // It was accepted and is not there: whoever moves it says so in its place.
    if (earlier === undefined && turn > this.lastTurn(state) && turn <= state.turns) {
      return this.#write(state, request.entries, request.patch, { by: 'client', opId, fingerprint: null });
    }
    if (earlier === undefined) throw new ProtocolError('NOT_FOUND', `turn ${turn} does not wait any more`);
    return earlier;
  }

  /** The prompts of a session that wait, in order. */
  queueOf(sessionId: string): QueuedPrompt[] {
    const state = this.#parts.sessions.load(sessionId);
    return this.#parts.queue.read(state, this.lastTurn(state));
  }

  /** @returns false when that turn does not wait in the queue. @throws TamperError */
  cancelQueued(sessionId: string, turn: number): boolean {
    const { sessions, queue } = this.#parts;
    const state = sessions.load(sessionId);
    if (!queue.cancel(state, turn)) return false;
    sessions.write(state);
    return true;
  }

  /** The newest turn that has begun; 0 when none has. */
  lastTurn(state: SessionState): number {
    return this.#turnAt(state, state.lastSeq);
  }

  /** @throws ProtocolError NOT_FOUND, CONFLICT */
  enqueue(request: EnqueueRequest): EnqueueResult {
    const { sessions, queue, environments } = this.#parts;
    const origin = this.#repetitions.clientOrigin(request.opId, request.fingerprint);
    const earlier = this.#repetitions.ofClient(origin, 1);
    if (earlier !== undefined) return earlier;
    const state = sessions.load(request.sessionId);
    const turn = state.turns + 1;
    queue.add(state, { ...request, turn, fingerprint: origin.fingerprint });
    sessions.apply(state, { turns: turn, status: state.status === 'idle' ? 'queued' : state.status });
    state.updatedAt = Math.max(state.updatedAt, request.at);
    environments.set(state, request.environment);
    sessions.write(state);
    return { sessionId: state.id, turn, repeated: false };
  }

  /**
   * A session that shares another log up to a sequence. Nothing is copied.
   * @throws ProtocolError NOT_FOUND, CONFLICT
   */
  fork(request: ForkRequest): AppendResult {
    const { sessions, saves, environments } = this.#parts;
    const origin = this.#repetitions.clientOrigin(request.opId, request.fingerprint);
    const earlier = this.#repetitions.ofClient(origin, request.entries.length);
    if (earlier !== undefined) return earlier;
    const source =
      'saveId' in request.source
        ? this.#shareSave(saves.load(request.source.saveId), request.seq)
        : this.#share(sessions.load(request.source.sessionId), request.seq);
    const state = sessions.create({
      id: request.newId,
      workspace: request.workspace ?? source.workspace,
      title: request.title,
      model: request.model,
      mode: request.mode ?? 'ask',
      agent: request.agent ?? '',
      at: request.entries[0]?.at ?? 0,
      parent: request.parent,
      uses: source.uses,
      turns: request.turns,
      messages: request.messages,
      lastSeq: request.seq,
    });
    environments.set(state, request.environment);
    return this.#write(state, request.entries, request.patch, origin);
  }

  /** @throws ProtocolError NOT_FOUND, CONFLICT */
  createSave(request: SaveRequest): { number: number; createdAt: number } {
    const { sessions, saves } = this.#parts;
    const state = sessions.load(request.sessionId);
    const uses = this.#shareSession(state, request.seq);
    const save: StoredSave = {
      id: saves.freeId(request.wantedId),
      sessionId: state.id,
      turn: request.turn,
      seq: request.seq,
      messages: request.messages,
      model: request.model,
      mode: request.mode ?? 'ask',
      agent: request.agent ?? '',
      workspace: sessions.headOf(state).workspace,
      title: state.title,
      createdAt: request.at,
    };
    return { number: saves.insert(save, uses), createdAt: save.createdAt };
  }

  /** A session at rest with prompts that wait is queued, also when they came while its last turn ended. */
  #statusWithQueue(state: SessionState, patch: AppendRequest['patch'], lastTurn: number): AppendRequest['patch'] {
    const { status } = patch;
    const atRest = status === 'idle' || status === 'failed' || status === 'interrupted';
    return atRest && this.#parts.queue.holds(state, lastTurn) ? { ...patch, status: 'queued' } : patch;
  }

  #create(request: AppendRequest, wanted: NonNullable<AppendRequest['create']>): SessionState {
    const { sessions } = this.#parts;
    if (sessions.exists(request.sessionId)) {
      throw new ProtocolError('CONFLICT', 'a session with this id exists already');
    }
    return sessions.create({
      id: request.sessionId,
      workspace: wanted.workspace,
      title: wanted.title,
      model: wanted.model,
      mode: wanted.mode ?? 'ask',
      agent: wanted.agent ?? '',
      at: request.entries[0]?.at ?? 0,
      parent: null,
      uses: [],
      turns: 0,
      messages: 0,
      lastSeq: 0,
    });
  }

  #write(
    state: SessionState,
    entries: readonly NewEntry[],
    patch: AppendRequest['patch'],
    origin: Origin,
  ): AppendResult {
    const { sessions, segments } = this.#parts;
    const firstSeq = state.lastSeq + 1;
    const segment = sessions.openSegment(state);
    segments.append(segment, entries, origin);
    state.lastSeq = segment.lastSeq;
    for (const entry of entries) {
      if (entry.isMessage) state.messages += 1;
      state.updatedAt = Math.max(state.updatedAt, entry.at);
    }
    sessions.apply(state, this.#statusWithQueue(state, patch, entries.at(-1)?.turn ?? 0));
    sessions.write(state);
    return written(sessions, state, firstSeq, entries);
  }

  #share(state: SessionState, seq: number): { uses: SegmentUse[]; workspace: string } {
    const uses = this.#shareSession(state, seq);
    return { uses, workspace: this.#parts.sessions.headOf(state).workspace };
  }

  #shareSave(save: SaveState, seq: number): { uses: SegmentUse[]; workspace: string } {
    return { uses: usesUpTo(save.uses, seq), workspace: save.workspace };
  }

  /** A shared segment takes no more entries, so that what one holder adds is never kept alive by another. */
  #shareSession(state: SessionState, seq: number): SegmentUse[] {
    if (state.open !== null && state.open.firstSeq <= seq) {
      this.#parts.sessions.closeSegment(state);
      this.#parts.sessions.write(state);
    }
    return usesUpTo(state.uses, seq);
  }

  /**
   * The last sequence that belongs to a turn or one before it. Turns never decrease along a log, so halving finds it.
   */
  lastOfTurn(sessionId: string, turn: number): number {
    return this.#lastOfTurn(this.#parts.sessions.load(sessionId), turn);
  }

  endOfTurn(sessionId: string, turn: number): { seq: number; messages: number } {
    const state = this.#parts.sessions.load(sessionId);
    const seq = this.#lastOfTurn(state, turn);
    return { seq, messages: this.#messagesUpTo(state, seq) };
  }

  #lastOfTurn(state: SessionState, turn: number): number {
    if (turn >= state.turns && this.lastTurn(state) <= turn) return state.lastSeq;
    let low = 0;
    let high = state.lastSeq;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.#turnAt(state, middle) <= turn) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #turnAt(state: SessionState, seq: number): number {
    const use = closed(state).find((candidate) => candidate.firstSeq <= seq && (candidate.upTo ?? 0) >= seq);
    return use === undefined ? 0 : this.#parts.segments.turnAt(use.segment, seq);
  }

  /** The messages up to a sequence, counted from the nearer end: all of them are known. */
  #messagesUpTo(state: SessionState, seq: number): number {
    if (seq === state.lastSeq) return state.messages;
    if (seq <= state.lastSeq / 2) return this.#countMessages(state, 1, seq);
    return state.messages - this.#countMessages(state, seq + 1, state.lastSeq);
  }

  #countMessages(state: SessionState, first: number, last: number): number {
    let messages = 0;
    for (const { segment, firstSeq, upTo } of closed(state)) {
      const from = Math.max(first, firstSeq);
      const to = Math.min(last, upTo ?? last);
      if (from <= to) messages += this.#parts.segments.countMessages(segment, from, to);
    }
    return messages;
  }
}

function inTurn(entries: readonly NewEntry[], turn: number): NewEntry[] {
  return entries.map((entry) => ({ ...entry, turn }));
}

/** The uses of a session as they are now, the growing segment with its present end. */
export function closed(state: SessionState): SegmentUse[] {
  return usesUpTo(state.uses, state.lastSeq);
}
