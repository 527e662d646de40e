/** Tells what was done before: the same operation of a client, or a step of the daemon whose answer was lost. */
import type { AppendRequest, AppendResult, NewEntry } from '../services/ports.ts';
import type { StoreKeys } from './keys/store-keys.ts';
import { TamperError } from './cipher.ts';
import { differentRequest } from './operations.ts';
import type { PromptQueue } from './prompt-queue.ts';
import { usesUpTo } from './segment-uses.ts';
import type { Origin, SegmentStore } from './segments.ts';
import type { SessionState } from './session-head.ts';
import type { SessionStore } from './sessions.ts';

export interface RepetitionParts {
  readonly keys: StoreKeys;
  readonly segments: SegmentStore;
  readonly sessions: SessionStore;
  readonly queue: PromptQueue;
}

type ClientOrigin = Extract<Origin, { by: 'client' }>;

export class Repetitions {
  readonly #parts: RepetitionParts;

  constructor(parts: RepetitionParts) {
    this.#parts = parts;
  }

  /** What an operation of a client is recognised by. */
  clientOrigin(opId: string, fingerprint: string): ClientOrigin & { readonly fingerprint: Buffer } {
    return { by: 'client', opId, fingerprint: this.#parts.keys.fingerprint(opId, fingerprint) };
  }

  /**
   * An operation of a client that was done before.
   * @throws ProtocolError CONFLICT when its id was used for something else. A fingerprint of null fits everything.
   */
  ofClient({ opId, fingerprint }: Omit<ClientOrigin, 'by'>, entries: number): AppendResult | undefined {
    const { sessions, segments } = this.#parts;
    const written = segments.findByOp(opId);
    const waiting = written === undefined ? this.#parts.queue.findByOp(opId) : undefined;
    const earlier = written ?? waiting;
    if (earlier === undefined) return undefined;
    if (fingerprint !== null && earlier.fingerprint?.equals(fingerprint) !== true) throw differentRequest();
    const state = sessions.load(earlier.owner);
    if (written !== undefined) requireOwner(state, written.segment);
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

  /** A step of the daemon that is in the log already. Asked only after a failure that left it in doubt. */
  ofStep({ sessionId, opId, entries, create }: AppendRequest): AppendResult | undefined {
    const { sessions, segments } = this.#parts;
    if (create !== undefined && !sessions.exists(sessionId)) return undefined;
    const state = sessions.load(sessionId);
    const first = segments.findStep(usesUpTo(state.uses, state.lastSeq), opId, entries[0]?.turn ?? 0);
    return first && { ...written(sessions, state, first.seq, entries), repeated: true };
  }
}

/** @throws TamperError when the log of a session has no part in this segment. */
function requireOwner({ id, uses }: SessionState, segment: number): void {
  if (uses.some((use) => use.segment === segment)) return;
  throw new TamperError(`the log of session ${id} is not where this operation wrote`);
}

/** What a request is told that wrote these entries, from this sequence on. */
export function written(
  sessions: SessionStore,
  state: SessionState,
  firstSeq: number,
  entries: readonly NewEntry[],
): AppendResult {
  return {
    sessionId: state.id,
    firstSeq,
    lastSeq: firstSeq + entries.length - 1,
    turn: entries[0]?.turn ?? 0,
    head: sessions.headOf(state),
    repeated: false,
  };
}
