/** Checks a session: its head, every entry of its log, and what hangs on it besides. */
import type { Db } from './database.ts';
import { TamperError } from './cipher.ts';
import { orDamaged } from './damage.ts';
import type { DraftStore } from './drafts.ts';
import type { EnvironmentStore } from './environments.ts';
import { closed, type Log } from './log.ts';
import { MAX_PROBLEMS, type LogVerifier } from './log-verifier.ts';
import { KeptLengths, type OutputVerifier } from './output-verifier.ts';
import type { ProcessStore } from './processes.ts';
import type { PromptQueue } from './prompt-queue.ts';
import type { RuleStore } from './rules.ts';
import type { SaveStore } from './saves.ts';
import type { SessionState } from './session-head.ts';
import type { SessionStore } from './sessions.ts';
import type { SlicedJob } from './slices.ts';
import type { WorkspaceStore } from './workspaces.ts';

export interface VerifierParts {
  readonly logs: LogVerifier;
  readonly sessions: SessionStore;
  readonly workspaces: WorkspaceStore;
  readonly saves: SaveStore;
  readonly drafts: DraftStore;
  readonly queue: PromptQueue;
  readonly log: Log;
  readonly environments: EnvironmentStore;
  readonly processes: ProcessStore;
  readonly rules: RuleStore;
  readonly outputVerifier: OutputVerifier;
}

export class Verifier {
  readonly #parts: VerifierParts;
  readonly #owner;

  constructor(db: Db, parts: VerifierParts) {
    this.#parts = parts;
    this.#owner = db.prepare<[number], unknown>('SELECT owner FROM segment WHERE id = ?').pluck();
  }

  /**
   * What is wrong with a session, in sentences.
   * A cached head is not trusted: the caller has dropped it before.
   */
  *verify(sessionId: string): SlicedJob<{ entries: number; problems: string[] }> {
    const problems: string[] = [];
    const kept = new KeptLengths();
    let state: SessionState;
    try {
      state = this.#parts.sessions.load(sessionId);
    } catch (error) {
      if (!(error instanceof TamperError)) throw error;
      return { entries: 0, problems: [error.message] };
    }
    const entries = yield* this.#parts.logs.verify(closed(state), state.open, { problems, read: kept.add });
    problems.push(...(yield* this.#parts.outputVerifier.problems(() => this.#parts.sessions.load(sessionId), kept)));
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
    const lastTurn = log.lastTurn(state);
    return [
      ...(path === '' ? ['the path of its workspace does not verify'] : []),
      ...this.#wrongOwners(state),
      ...queue.problems(state, lastTurn),
      ...drafts.problems(state, lastTurn),
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

  /** The owner of a segment is who is answered when an operation in it is repeated. */
  #wrongOwners(state: SessionState): string[] {
    return state.uses.flatMap(({ segment, firstSeq }) => {
      const owner = this.#owner.get(segment);
      const mayBeShared = state.parent !== null && segment !== state.open?.id;
      const isRight = owner === state.id || (mayBeShared && this.#mayOwn(owner, segment));
      return isRight ? [] : [`the entries from ${firstSeq} on say they are of another session`];
    });
  }

  /** Another session that shares the segment, or one that was deleted. */
  #mayOwn(owner: unknown, segment: number): boolean {
    if (typeof owner !== 'string') return false;
    const { sessions } = this.#parts;
    return orDamaged(
      () => !sessions.exists(owner) || sessions.load(owner).uses.some((use) => use.segment === segment),
      () => true,
    );
  }
}
