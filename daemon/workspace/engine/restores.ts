/** Bringing files back: plans that wait for a yes, the snapshot before each restore, and what each has done. */
import { randomUUID } from 'node:crypto';
import { ProtocolError } from '../../../protocol/errors.ts';
import type { ResultOf } from '../../../protocol/methods.ts';
import type { PlanRequest } from '../../services/snapshot-port.ts';
import { TreeLookup } from '../diff/file-state.ts';
import type { ByteText } from '../byte-text.ts';
import type { ObjectId } from '../objects/object.ts';
import { applyRestore, resumeRestore } from '../restore/apply-restore.ts';
import { keepOlder } from '../restore/older-files.ts';
import { planRestore } from '../restore/plan-restore.ts';
import { RestoreUnfinished } from '../restore/restore-journal.ts';
import type { RestorePlan } from '../restore/restore-plan.ts';
import { changesOf, type RestoreOrder, type RestoreResult } from '../restore/restore-result.ts';
import { deniedOf } from '../scan/closed-paths.ts';
import type { Scanner } from '../scan/scanner.ts';
import { unlessDamaged } from '../objects/store-errors.ts';
import { verifyWayBack } from '../restore/verify-blobs.ts';
import { rulesOfTree } from '../scan/tree-rules.ts';
import type { Capture } from './capture.ts';
import type { CallBrackets } from './call-brackets.ts';
import { numberOf, restoresName } from './names.ts';
import { findTarget, type Target } from './restore-target.ts';
import { unknownChanges, warningsOf } from './restore-warnings.ts';
import { readRecord, writeRecord, type RestoreRecord, type SnapshotRecord } from './records.ts';
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

type Wish = PlanRequest['params'];

interface Draft {
  readonly plan: RestorePlan;
  /** The files when the plan was made. */
  readonly tree: ObjectId;
  readonly record: SnapshotRecord;
}

interface WaitingPlan extends Draft {
  readonly sessionId: string;
  readonly newestTurn: number;
  readonly target: Target;
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
    const { side, brackets } = this.#parts;
    const { sessionId, all = false } = params;
    brackets.settleSession(sessionId);
    const target = findTarget(this.#parts, { params, newestTurn });
    if (!all && target.unreadable.length > 0) throw unknownChanges(target.unreadable);
    const { tree, record, plan } = this.#drafted(params, target, flag);
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

  /** A scan builds upon what was stored before without reading it, and what is replaced must be there to be brought back. */
  #drafted(params: Wish, target: Target, flag: StopFlag): Draft {
    const verified = (): Draft => {
      const draft = this.#draft(params, target, flag);
      verifyWayBack(this.#parts.side.store, draft.plan);
      return draft;
    };
    // When a damage was found, the next scan knows of it, and captures all files anew.
    return unlessDamaged(verified) ?? verified();
  }

  #draft({ all = false, overwrite = [] }: Wish, target: Target, flag: StopFlag): Draft {
    const { root, side, capture, scanner } = this.#parts;
    const { tree, record } = capture.scan(flag, true, ({ tree, record }) => ({ tree, record }));
    const currentRules = scanner.rules();
    const decided = planRestore({
      source: side.store,
      current: tree,
      target: target.tree,
      changes: target.changes,
      earlier: target.earlier,
      later: target.later ?? [],
      currentRules,
      targetRules: rulesOfTree(side.store, target.tree, currentRules.outer),
      skipped: new Set([...record.skipped, ...target.skipped].map(({ path }) => path)),
      denied: deniedOf(target.closed),
      all,
      overwrite: new Set(pathsFromWire(overwrite)),
      ...(target.within === undefined ? {} : { within: target.within }),
    });
    const isKnown = record.skippedMore + target.skippedMore === 0;
    return {
      tree,
      record,
      plan: isKnown ? keepOlder(root, decided, target.at, target.changes) : withoutDeletes(decided),
    };
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

  /** The files as they are get a name before the first of them is touched. */
  #begin({ sessionId, newestTurn, target, plan, tree, record }: WaitingPlan): RestoreOrder {
    const { side, ledger } = this.#parts;
    const { skipped, skippedMore, head, closed } = record;
    // Others may have begun and ended while the plan waited.
    const afterTurn = Math.max(newestTurn, ledger.newestTurn(sessionId));
    const before = ledger.readableChangesOf({ sessionId, turn: afterTurn });
    const begun: RestoreRecord = {
      kind: 'restore',
      at: Date.now(),
      sessionId,
      afterTurn,
      ...(before === undefined ? {} : { afterChanges: before.length }),
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
