/** The log of a session: appended to, read in pages, shared by forks and saves. */
import { ProtocolError } from '../../protocol/errors.ts';
import type {
  AppendRequest,
  AppendResult,
  EnqueueRequest,
  EnqueueResult,
  ForkRequest,
  NewEntry,
  QueuedPrompt,
  SaveRequest,
  StoredSave,
} from '../services/ports.ts';
import type { DraftStore } from './drafts.ts';
import { differentRequest } from './operations.ts';
import type { PromptQueue } from './prompt-queue.ts';
import type { SaveState, SaveStore } from './saves.ts';
import type { SegmentStore } from './segments.ts';
import { usesUpTo, type SegmentUse } from './segment-uses.ts';
import type { SessionState } from './session-head.ts';
import type { SessionStore } from './sessions.ts';
import type { StoreKeys } from './keys/store-keys.ts';

export interface LogParts {
  readonly keys: StoreKeys;
  readonly segments: SegmentStore;
  readonly sessions: SessionStore;
  readonly saves: SaveStore;
  readonly drafts: DraftStore;
  readonly queue: PromptQueue;
}

/** Every method runs inside a transaction of the caller. */
export class Log {
  readonly #parts: LogParts;
  /** Set while calls run again of which nobody knows whether they took effect. */
  inDoubt = false;

  constructor(parts: LogParts) {
    this.#parts = parts;
  }

  /** @throws ProtocolError NOT_FOUND, CONFLICT */
  append(request: AppendRequest): AppendResult {
    const { sessions, drafts } = this.#parts;
    if (request.fromQueue !== undefined) return this.#appendFromQueue(request, request.fromQueue);
    const fingerprint = this.#fingerprint(request);
    // A step that the daemon itself appends is repeated only after a failure that left it in doubt.
    if (fingerprint !== null || request.retried === true || this.inDoubt) {
      const earlier = this.#repeated(request.opId, fingerprint, request.entries.length);
      if (earlier !== undefined) return earlier;
    }
    const state =
      request.create === undefined ? sessions.load(request.sessionId) : this.#create(request, request.create);
    const result = this.#write(state, request.entries, request.patch, request.opId, fingerprint);
    if (request.dropDrafts === true) drafts.drop(state);
    return result;
  }

  /** A prompt that has left the queue already was moved by the same request, whose answer was lost. */
  #appendFromQueue(request: AppendRequest, turn: number): AppendResult {
    const { sessions, queue } = this.#parts;
    const state = sessions.load(request.sessionId);
    const fingerprint = queue.take(state, turn);
    if (fingerprint !== undefined) {
      return this.#write(state, request.entries, request.patch, request.opId, fingerprint);
    }
    const earlier = this.#repeated(request.opId, null, request.entries.length);
    if (earlier === undefined) throw new ProtocolError('NOT_FOUND', `turn ${turn} does not wait any more`);
    return earlier;
  }

  /** The prompts of a session that wait, in order. */
  queueOf(sessionId: string): QueuedPrompt[] {
    const state = this.#parts.sessions.load(sessionId);
    return this.#parts.queue.read(state, this.lastTurn(state));
  }

  /** The newest turn that has begun; 0 when none has. */
  lastTurn(state: SessionState): number {
    return this.#turnAt(state, state.lastSeq);
  }

  /** @throws ProtocolError NOT_FOUND, CONFLICT */
  enqueue(request: EnqueueRequest): EnqueueResult {
    const { sessions, queue } = this.#parts;
    const fingerprint = this.#parts.keys.fingerprint(request.opId, request.fingerprint);
    const earlier = this.#repeated(request.opId, fingerprint, 1);
    if (earlier !== undefined) return earlier;
    const state = sessions.load(request.sessionId);
    const turn = state.turns + 1;
    queue.add(state, { ...request, turn, fingerprint });
    sessions.apply(state, { turns: turn, status: state.status === 'idle' ? 'queued' : state.status });
    state.updatedAt = Math.max(state.updatedAt, request.at);
    sessions.write(state);
    return { sessionId: state.id, turn, repeated: false };
  }

  /**
   * A session that shares another log up to a sequence. Nothing is copied.
   * @throws ProtocolError NOT_FOUND, CONFLICT
   */
  fork(request: ForkRequest): AppendResult {
    const { sessions, saves } = this.#parts;
    const fingerprint = this.#fingerprint(request);
    const earlier = this.#repeated(request.opId, fingerprint, request.entries.length);
    if (earlier !== undefined) return earlier;
    const source =
      'saveId' in request.source
        ? this.#shareSave(saves.load(request.source.saveId), request.seq)
        : this.#share(sessions.load(request.source.sessionId), request.seq);
    const state = sessions.create({
      id: request.newId,
      workspace: source.workspace,
      title: request.title,
      model: request.model,
      at: request.entries[0]?.at ?? 0,
      parent: request.parent,
      uses: source.uses,
      turns: request.turns,
      messages: source.messages,
      lastSeq: request.seq,
    });
    return this.#write(state, request.entries, request.patch, request.opId, fingerprint);
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
      workspace: sessions.headOf(state).workspace,
      title: state.title,
      createdAt: request.at,
    };
    return { number: saves.insert(save, uses), createdAt: save.createdAt };
  }

  /** A session at rest with prompts that wait is queued, also when they came while its last turn ended. */
  #statusWithQueue(state: SessionState, patch: AppendRequest['patch']): AppendRequest['patch'] {
    const { status } = patch;
    const atRest = status === 'idle' || status === 'failed' || status === 'interrupted';
    return atRest && this.#parts.queue.holds(state) ? { ...patch, status: 'queued' } : patch;
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
    opId: string,
    fingerprint: Buffer | null,
  ): AppendResult {
    const { sessions, segments } = this.#parts;
    const firstSeq = state.lastSeq + 1;
    const segment = sessions.openSegment(state);
    segments.append(segment, entries, opId, fingerprint);
    state.lastSeq = segment.lastSeq;
    for (const entry of entries) {
      if (entry.isMessage) state.messages += 1;
      state.updatedAt = Math.max(state.updatedAt, entry.at);
    }
    sessions.apply(state, this.#statusWithQueue(state, patch));
    sessions.write(state);
    return {
      sessionId: state.id,
      firstSeq,
      lastSeq: state.lastSeq,
      turn: entries[0]?.turn ?? 0,
      head: sessions.headOf(state),
      repeated: false,
    };
  }

  #repeated(opId: string, fingerprint: Buffer | null, entries: number): AppendResult | undefined {
    const { sessions, segments } = this.#parts;
    const written = segments.findByOp(opId);
    const waiting = written === undefined ? this.#parts.queue.findByOp(opId) : undefined;
    const earlier = written ?? waiting;
    if (earlier === undefined) return undefined;
    if (fingerprint !== null && earlier.fingerprint?.equals(fingerprint) !== true) throw differentRequest();
    const state = sessions.load(earlier.owner);
    const firstSeq = written?.entry.seq ?? state.lastSeq;
    return {
      sessionId: state.id,
      firstSeq,
      lastSeq: written === undefined ? firstSeq : firstSeq + entries - 1,
      turn: written?.entry.turn ?? waiting?.turn ?? 0,
      head: sessions.headOf(state),
      repeated: true,
    };
  }

  #share(state: SessionState, seq: number): { uses: SegmentUse[]; workspace: string; messages: number } {
    const uses = this.#shareSession(state, seq);
    const messages = seq === state.lastSeq ? state.messages : this.#countMessages(uses);
    return { uses, messages, workspace: this.#parts.sessions.headOf(state).workspace };
  }

  #shareSave(save: SaveState, seq: number): { uses: SegmentUse[]; workspace: string; messages: number } {
    return { uses: usesUpTo(save.uses, seq), workspace: save.workspace, messages: save.messages };
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
  endOfTurn(sessionId: string, turn: number): { seq: number; messages: number } {
    const state = this.#parts.sessions.load(sessionId);
    if (turn >= state.turns && this.lastTurn(state) <= turn) {
      return { seq: state.lastSeq, messages: state.messages };
    }
    let low = 0;
    let high = state.lastSeq;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.#turnAt(state, middle) <= turn) low = middle;
      else high = middle - 1;
    }
    return { seq: low, messages: this.#countMessages(usesUpTo(closed(state), low)) };
  }

  #turnAt(state: SessionState, seq: number): number {
    const use = closed(state).find((candidate) => candidate.firstSeq <= seq && (candidate.upTo ?? 0) >= seq);
    return use === undefined ? 0 : this.#parts.segments.turnAt(use.segment, seq);
  }

  #countMessages(uses: readonly SegmentUse[]): number {
    let messages = 0;
    for (const use of uses)
      messages += this.#parts.segments.countMessages(use.segment, use.firstSeq, use.upTo ?? use.firstSeq - 1);
    return messages;
  }

  #fingerprint({ opId, fingerprint }: Pick<AppendRequest, 'opId' | 'fingerprint'>): Buffer | null {
    return fingerprint === undefined ? null : this.#parts.keys.fingerprint(opId, fingerprint);
  }
}

/** The uses of a session as they are now, the growing segment with its present end. */
export function closed(state: SessionState): SegmentUse[] {
  return usesUpTo(state.uses, state.lastSeq);
}
