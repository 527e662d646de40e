/** Checks every entry of a session: its own tag, its place in the chain, and the head. */
import type { Db } from './database.ts';
import { TamperError, nextLink } from './cipher.ts';
import { orDamaged } from './damage.ts';
import type { DraftStore } from './drafts.ts';
import { closed, type Log } from './log.ts';
import type { PromptQueue } from './prompt-queue.ts';
import type { SaveStore } from './saves.ts';
import { EMPTY_CHAIN, type EntryRow, type SegmentHead, type SegmentStore } from './segments.ts';
import type { SegmentUse } from './segment-uses.ts';
import type { SessionState } from './session-head.ts';
import type { SessionStore } from './sessions.ts';
import { SliceTimer, type SlicedJob } from './slices.ts';
import type { WorkspaceStore } from './workspaces.ts';

/** More findings than this are counted, not listed. */
const MAX_PROBLEMS = 100;

export interface VerifierParts {
  readonly segments: SegmentStore;
  readonly sessions: SessionStore;
  readonly workspaces: WorkspaceStore;
  readonly saves: SaveStore;
  readonly drafts: DraftStore;
  readonly queue: PromptQueue;
  readonly log: Log;
}

export class Verifier {
  readonly #parts: VerifierParts;
  readonly #head;
  readonly #rows;

  constructor(db: Db, parts: VerifierParts) {
    this.#parts = parts;
    this.#head = db.prepare<[number], { lastSeq: number; chain: Buffer }>(
      'SELECT last_seq AS lastSeq, chain FROM segment WHERE id = ?',
    );
    this.#rows = db.prepare<[number, number], EntryRow>(
      'SELECT seq, kind, turn, at, body FROM entry WHERE segment = ? AND seq > ? ORDER BY seq LIMIT 100',
    );
  }

  /**
   * What is wrong with a session, in sentences. What verifies costs one decryption a row.
   * A cached head is not trusted: the caller has dropped it before.
   */
  *verify(sessionId: string): SlicedJob<{ entries: number; problems: string[] }> {
    const problems: string[] = [];
    let entries = 0;
    let state: SessionState;
    try {
      state = this.#parts.sessions.load(sessionId);
    } catch (error) {
      if (!(error instanceof TamperError)) throw error;
      return { entries, problems: [error.message] };
    }
    for (const use of closed(state)) {
      // The head of a growing segment is taken as it is now: entries that arrive meanwhile are not part of this check.
      const growing = use.segment === state.open?.id ? { ...state.open } : undefined;
      entries += yield* this.#verifySegment(use, growing, problems);
    }
    // What may have changed meanwhile is looked at as it is now.
    const around = orDamaged(
      () => this.#aroundTheLog(this.#parts.sessions.load(sessionId)),
      ({ message }) => [message],
    );
    problems.push(...around);
    return { entries, problems: problems.slice(0, MAX_PROBLEMS) };
  }

  /** What hangs on a session besides its log. */
  #aroundTheLog(state: SessionState): string[] {
    const { workspaces, queue, drafts, saves, log } = this.#parts;
    const path = workspaces.pathOf(state.workspace);
    return [
      ...(path === '' ? ['the path of its workspace does not verify'] : []),
      ...queue.problems(state, log.lastTurn(state)),
      ...drafts.problems(state),
      ...saves.problems(state.id),
    ];
  }

  *#verifySegment(use: SegmentUse, growing: SegmentHead | undefined, problems: string[]): SlicedJob<number> {
    const head = growing ?? this.#head.get(use.segment);
    if (head === undefined) {
      problems.push(`segment ${use.segment} is missing`);
      return 0;
    }
    const timer = new SliceTimer();
    const end = head.lastSeq;
    let chain: Buffer = EMPTY_CHAIN;
    let seq = use.firstSeq - 1;
    let seen = 0;
    for (;;) {
      const page = this.#rows.all(use.segment, seq);
      if (page.length === 0 || seq >= end) break;
      for (const row of page) {
        if (row.seq > end) break;
        if (row.seq !== seq + 1) problems.push(`entries ${seq + 1} to ${row.seq - 1} are missing`);
        seq = row.seq;
        chain = this.#verifyRow(use, row, chain, problems);
        if (seq <= (use.upTo ?? end)) seen += 1;
      }
      if (timer.used()) yield;
    }
    if (seq < end) problems.push(`the log ends at entry ${seq}; its head says ${end}`);
    else if (!chain.equals(head.chain)) {
      problems.push(`the chain of entries ${use.firstSeq} to ${end} does not fit its head`);
    }
    return seen;
  }

  #verifyRow(use: SegmentUse, row: EntryRow, chain: Buffer, problems: string[]): Buffer {
    try {
      this.#parts.segments.open(use.segment, row);
      return nextLink(chain, row.seq, row.body ?? Buffer.alloc(0));
    } catch (error) {
      if (!(error instanceof TamperError)) throw error;
      if (problems.length <= MAX_PROBLEMS) problems.push(error.message);
      return chain;
    }
  }
}
