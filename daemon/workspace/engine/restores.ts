/** Bringing files back: plans that wait for a yes, the snapshot before each restore, and what each has done. */
import { randomUUID } from 'node:crypto';
import { ProtocolError } from '../../../protocol/errors.ts';
import type { ResultOf } from '../../../protocol/methods.ts';
import type { PlanRequest } from '../../services/snapshot-port.ts';
import { TreeLookup } from '../diff/file-state.ts';
import { pathScope } from '../diff/path-scope.ts';
import type { ByteText } from '../byte-text.ts';
import type { ObjectId } from '../objects/object.ts';
import { applyRestore, resumeRestore } from '../restore/apply-restore.ts';
import type { SessionChange } from '../restore/attribution.ts';
import { planRestore } from '../restore/plan-restore.ts';
import { RestoreUnfinished } from '../restore/restore-journal.ts';
import type { RestorePlan } from '../restore/restore-plan.ts';
import { changesOf, type RestoreOrder, type RestoreResult } from '../restore/restore-result.ts';
import { deniedOf } from '../scan/closed-paths.ts';
import type { Closed } from '../scan/scan-result.ts';
import type { Scanner } from '../scan/scanner.ts';
import { rulesOfTree } from '../scan/tree-rules.ts';
import type { Capture } from './capture.ts';
import type { CallBrackets } from './call-brackets.ts';
import { numberOf, restoresName } from './names.ts';
import type { ProjectHead } from './project-head.ts';
import { unknownChanges, warningsOf } from './restore-warnings.ts';
import { readRecord, writeRecord, type RestoreRecord, type SkippedPath, type SnapshotRecord } from './records.ts';
import { shownPlan, shownResult } from './restore-wire.ts';
import type { SideRepository } from './side-repository.ts';
import type { StopFlag } from './stop-flag.ts';
import type { TurnLedger } from './turn-ledger.ts';
import { pathsFromWire } from './wire-paths.ts';

const GOOD_FOR_MS = 10 * 60_000;
const MOST_PLANS = 8;

export interface RestoreParts {
  readonly root: string;
  readonly side: SideRepository;
  readonly scanner: Scanner;
  readonly capture: Capture;
  readonly ledger: TurnLedger;
  readonly brackets: CallBrackets;
}

/** Where to go back to. */
interface Target {
  readonly turn: number;
  readonly phase: 'pre' | 'post';
  readonly tree: ObjectId;
  readonly skipped: readonly SkippedPath[];
  readonly skippedMore: number;
  readonly head: ProjectHead | undefined;
  readonly changes: readonly SessionChange[];
  /** What it did after those, of which nothing is taken back. */
  readonly later?: readonly SessionChange[];
  /** Turns of which nobody can tell any more what they changed. */
  readonly unreadable: readonly number[];
  readonly closed: readonly Closed[];
  readonly within: readonly ByteText[] | undefined;
}

interface WaitingPlan {
  readonly sessionId: string;
  readonly newestTurn: number;
  readonly target: Target;
  readonly plan: RestorePlan;
  /** The files when the plan was made. */
  readonly tree: ObjectId;
  readonly record: SnapshotRecord;
  readonly until: number;
}

export class Restores {
  readonly #parts: RestoreParts;
  /** Oldest first. */
  readonly #plans = new Map<string, WaitingPlan>();

  constructor(parts: RestoreParts) {
    this.#parts = parts;
  }

  /** @throws ProtocolError NOT_FOUND; TAMPERED when it cannot be told what is the session's; and as a scan does. */
  plan({ params, newestTurn }: PlanRequest, flag: StopFlag): ResultOf<'restore/plan'> {
    const { side, capture, brackets, scanner } = this.#parts;
    const { sessionId, all = false, overwrite = [] } = params;
    brackets.settleSession(sessionId);
    const target = this.#target({ params, newestTurn });
    if (!all && target.unreadable.length > 0) throw unknownChanges(target.unreadable);
    const { tree, record } = capture.scan(flag, true, ({ tree, record }) => ({ tree, record }));
    const currentRules = scanner.rules();
    const decided = planRestore({
      source: side.store,
      current: tree,
      target: target.tree,
      changes: target.changes,
      later: target.later ?? [],
      currentRules,
      targetRules: rulesOfTree(side.store, target.tree, currentRules.outer),
      skipped: new Set([...record.skipped, ...target.skipped].map(({ path }) => path)),
      denied: deniedOf(target.closed),
      all,
      overwrite: new Set(pathsFromWire(overwrite)),
      ...(target.within === undefined ? {} : { within: target.within }),
    });
    const plan = record.skippedMore + target.skippedMore === 0 ? decided : withoutDeletes(decided);
    const planId = randomUUID();
    this.#plans.set(planId, {
      sessionId,
      newestTurn,
      target,
      plan,
      tree,
      record,
      until: performance.now() + GOOD_FOR_MS,
    });
    this.#clear();
    const warnings = warningsOf(plan, record, target, this.#unknown(params.paths, [tree, target.tree]));
    return shownPlan(planId, plan, side.store, warnings);
  }

  /** Paths that are in none of the trees. */
  #unknown(paths: readonly string[] | undefined, trees: readonly ObjectId[]): ByteText[] {
    const lookups = trees.map((tree) => new TreeLookup(this.#parts.side.store, tree));
    const named = pathsFromWire(paths ?? []).filter((path) => path !== '');
    return named.filter((path) => lookups.every((lookup) => lookup.at(path) === undefined));
  }

  /** @throws ProtocolError NOT_FOUND for a plan that is over; what a restore throws. */
  async apply(sessionId: string, planId: string): Promise<ResultOf<'restore/apply'>> {
    this.#clear();
    const waiting = this.#plans.get(planId);
    const { side, root } = this.#parts;
    if (waiting === undefined || waiting.sessionId !== sessionId) {
      throw new ProtocolError('NOT_FOUND', 'this plan is over: it was carried out, is too old, or m was started anew', {
        hint: 'plan the restore again',
      });
    }
    if (side.journal.isThere()) throw new RestoreUnfinished();
    this.#plans.delete(planId);
    const order = this.#begin(waiting);
    try {
      const { store, journal } = side;
      const keep = (done: RestoreResult): void => this.#finish(done);
      const result = await applyRestore(root, waiting.plan, { source: store, journal, order, keep });
      return shownResult(result, waiting.plan);
    } catch (error) {
      // Nothing was touched unless there is a journal, which says what is left to be done.
      if (!side.journal.isThere()) this.#dropRecord(order);
      throw error;
    }
  }

  forgetSession(sessionId: string): void {
    for (const [id, plan] of this.#plans) if (plan.sessionId === sessionId) this.#plans.delete(id);
  }

  /** Completes a restore that was cut off. @returns what was done, a sentence; undefined when there is nothing to do. */
  async recover(): Promise<string | undefined> {
    const { side, root } = this.#parts;
    const keep = (done: RestoreResult): void => this.#finish(done);
    const result = await resumeRestore(root, side.journal, side.store, { keep });
    if (result === undefined) return undefined;
    const { restored, deleted, skipped, unfinished } = result;
    const state = unfinished ? 'went on and is not complete yet' : 'is complete now';
    return (
      `a restore of ${root} that was cut off ${state}: ` +
      `${restored.length} files restored, ${deleted.length} deleted, ${skipped.length} left as they are`
    );
  }

  /** What plans that wait need, and a restore that is not complete. No name stands for it. */
  held(): ObjectId[] {
    const { store, journal } = this.#parts.side;
    this.#clear();
    const planned = [...this.#plans.values()].flatMap(({ tree, target }) => [tree, target.tree]);
    const order = journal.isThere() ? journal.read()?.order : undefined;
    const open = order === undefined ? [] : [order.target, order.safety.tree, order.safety.commit];
    return [...planned, ...open].filter((id) => store.has(id));
  }

  #target({ params: { sessionId, target, paths }, newestTurn }: PlanRequest): Target {
    const { side, ledger } = this.#parts;
    const named = paths === undefined ? undefined : pathsFromWire(paths);
    if (target.kind === 'turn') {
      const { turn, phase } = target;
      const { tree, record } = side.snapshot({ sessionId, point: target });
      const { skipped, skippedMore, head, closed = [] } = record;
      const known = ledger.since(sessionId, turn, phase);
      return { turn, phase, tree, skipped, skippedMore, head, ...known, closed, within: named };
    }
    if (target.kind === 'taken') {
      const { tree, record } = side.snapshot({ sessionId: undefined, point: target });
      const { skipped, skippedMore, head, at, closed = [] } = record;
      const known = ledger.sinceMoment(sessionId, at);
      return { turn: newestTurn, phase: 'post', tree, skipped, skippedMore, head, ...known, closed, within: named };
    }
    const newest = ledger.newestRestore(sessionId);
    if (newest === undefined) {
      throw new ProtocolError('NOT_FOUND', 'this session has restored nothing that could be undone');
    }
    const { tree, record } = newest;
    const { skipped, skippedMore, head, changes, afterTurn, closed = [] } = record;
    const scope = pathScope(named);
    const within = changes.map(({ path }) => path).filter((path) => scope.holds(path));
    const known = { changes, later: ledger.afterTurn(sessionId, afterTurn), unreadable: [] };
    return { turn: afterTurn, phase: 'post', tree, skipped, skippedMore, head, ...known, closed, within };
  }

  /** The files as they are get a name before the first of them is touched. */
  #begin({ sessionId, newestTurn, target, plan, tree, record }: WaitingPlan): RestoreOrder {
    const { side } = this.#parts;
    const { skipped, skippedMore, head, closed } = record;
    const begun: RestoreRecord = {
      kind: 'restore',
      at: Date.now(),
      sessionId,
      afterTurn: newestTurn,
      done: false,
      changes: [],
      skipped,
      skippedMore,
      ...(closed === undefined ? {} : { closed }),
      ...(head === undefined ? {} : { head }),
    };
    const restores = restoresName(sessionId);
    const last = Math.max(0, ...side.refs.list(restores).map(({ name }) => numberOf(name)));
    const commit = this.#write(tree, begun, `before ${plan.writes.length + plan.deletes.length} files are restored`);
    side.rename([{ name: `${restores}/${last + 1}`, id: commit }]);
    const { turn, phase } = target;
    const safety = { tree, commit };
    return { session: sessionId, turn, phase, safety, target: target.tree, started: begun.at };
  }

  #finish(result: RestoreResult): void {
    if (result.unfinished) return;
    const { side } = this.#parts;
    const { safety } = result.order;
    const changes = changesOf(result);
    const name = this.#recordName(result.order);
    if (name === undefined) return;
    if (changes.length === 0) return this.#dropRecord(result.order);
    const { record } = readRecord(side.store, safety.commit, 'restore');
    const done: RestoreRecord = { ...record, done: true, changes };
    const commit = this.#write(safety.tree, done, `before ${changes.length} files were restored`);
    side.rename([{ name, id: commit }]);
  }

  #write(tree: ObjectId, record: RestoreRecord, subject: string): ObjectId {
    const batch = this.#parts.side.store.begin('compressed');
    try {
      const commit = writeRecord(batch, tree, subject, record);
      batch.commit();
      return commit;
    } finally {
      batch.abandon();
    }
  }

  #dropRecord(order: RestoreOrder): void {
    const name = this.#recordName(order);
    if (name !== undefined) this.#parts.side.rename([{ name, id: undefined }]);
  }

  #recordName({ session, safety }: RestoreOrder): string | undefined {
    const refs = this.#parts.side.refs.list(restoresName(session));
    return refs.find(({ id }) => id === safety.commit)?.name;
  }

  #clear(): void {
    const now = performance.now();
    for (const [id, { until }] of this.#plans) {
      if (until < now || this.#plans.size > MOST_PLANS) this.#plans.delete(id);
    }
  }
}

/** Not all paths that were left out are known: one of them may look like a file that is to go. */
function withoutDeletes(plan: RestorePlan): RestorePlan {
  const kept = plan.deletes.map((item) => ({ ...item, reason: 'skipped' as const }));
  return { ...plan, deletes: [], directories: [], kept: [...plan.kept, ...kept] };
}
