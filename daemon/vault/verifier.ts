/** Checks every entry of a session: its own tag, its place in the chain, and the head. */
import type { Db } from './database.ts';
import { TamperError, nextLink } from './cipher.ts';
import { orDamaged } from './damage.ts';
import type { DraftStore } from './drafts.ts';
import type { EnvironmentStore } from './environments.ts';
import { closed, type Log } from './log.ts';
import { lengthsInResults, type OutputVerifier } from './output-verifier.ts';
import type { ProcessStore } from './processes.ts';
import type { PromptQueue } from './prompt-queue.ts';
import type { RuleStore } from './rules.ts';
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
  readonly environments: EnvironmentStore;
  readonly processes: ProcessStore;
  readonly rules: RuleStore;
  readonly outputs: OutputVerifier;
}

/** What the entries of a session came to. */
interface Findings {
  readonly problems: string[];
  /** Bytes of output that the results of calls say were kept, by call. */
  readonly kept: Map<string, number>;
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
    const findings: Findings = { problems: [], kept: new Map() };
    const { problems } = findings;
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
      entries += yield* this.#verifySegment(use, growing, findings);
    }
    problems.push(...(yield* this.#parts.outputs.problems(sessionId, findings.kept)));
    // What may have changed meanwhile is looked at as it is now.
    const around = orDamaged(
      () => this.#aroundTheLog(this.#parts.sessions.load(sessionId)),
      ({ message }) => [message],
    );
    problems.push(...around, ...(yield* this.#brokenRules(sessionId)));
    return { entries, problems: problems.slice(0, MAX_PROBLEMS) };
  }

  /** What hangs on a session besides its log. */
  #aroundTheLog(state: SessionState): string[] {
    const { workspaces, queue, drafts, saves, log, environments, processes } = this.#parts;
    const path = workspaces.pathOf(state.workspace);
    return [
      ...(path === '' ? ['the path of its workspace does not verify'] : []),
      ...queue.problems(state, log.lastTurn(state)),
      ...drafts.problems(state),
      ...saves.problems(state.id),
      ...environments.problems(state),
      ...processes.problems(state.id),
    ];
  }

  *#brokenRules(sessionId: string): SlicedJob<string[]> {
    const state = orDamaged<SessionState | undefined>(
      () => this.#parts.sessions.load(sessionId),
      () => undefined,
    );
    return state === undefined ? [] : yield* this.#parts.rules.problems(state);
  }

  *#verifySegment(use: SegmentUse, growing: SegmentHead | undefined, findings: Findings): SlicedJob<number> {
    const { problems } = findings;
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
        chain = this.#verifyRow(use, row, chain, findings);
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

  #verifyRow(use: SegmentUse, row: EntryRow, chain: Buffer, { problems, kept }: Findings): Buffer {
    try {
      const { seq, body } = this.#parts.segments.open(use.segment, row);
      if (seq <= (use.upTo ?? seq)) for (const { callId, bytes } of lengthsInResults(body)) kept.set(callId, bytes);
      return nextLink(chain, row.seq, row.body ?? Buffer.alloc(0));
    } catch (error) {
      if (!(error instanceof TamperError)) throw error;
      if (problems.length <= MAX_PROBLEMS) problems.push(error.message);
      return chain;
    }
  }
}
