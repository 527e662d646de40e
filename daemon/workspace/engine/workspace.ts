/**
 * The files of one workspace, synchronous but for restores: snapshots, whose changes are whose, differences, and the way
 * back. Lives in a thread of its own; calls come one after the other.
 */
import { join } from 'node:path';
import type { KeyObject } from 'node:crypto';
import { ProtocolError } from '../../../protocol/errors.ts';
import type { ParamsOf, ResultOf } from '../../../protocol/methods.ts';
import type {
  Mutation,
  PlanRequest,
  PointName,
  PruneOrder,
  PruneOutcome,
  StoredUse,
  TakenSnapshot,
  TurnRef,
} from '../../services/snapshot-port.ts';
import { diffTrees } from '../diff/tree-diff.ts';
import type { ObjectId } from '../objects/object.ts';
import { Scanner } from '../scan/scanner.ts';
import { Scout } from '../scan/scout.ts';
import type { ScanLimits } from '../scan/scan-result.ts';
import type { Places } from '../scan/outer-rules.ts';
import type { WatchSetting } from '../watch/choose-engine.ts';
import { WatchedScanner } from '../watch/watched-scanner.ts';
import { Capture } from './capture.ts';
import { CallBrackets } from './call-brackets.ts';
import { Checking, type CheckOrder, type CheckStep } from './checking.ts';
import { Clearing } from './clearing.ts';
import { pageOf } from './differences.ts';
import { exportSnapshots } from './export-snapshots.ts';
import { NEWEST, pointOf, snapshotName, turnSnapshotName } from './names.ts';
import { writeRecord, type ReadRecord } from './records.ts';
import { Recompression } from './recompression.ts';
import { requireOutside } from './destination.ts';
import { Restores } from './restores.ts';
import { unknownChanges } from './restore-warnings.ts';
import { copyNames, dropNames } from './session-names.ts';
import { SideRepository } from './side-repository.ts';
import { shownSnapshot, SnapshotList } from './snapshot-list.ts';
import { claimName, newStopFlag, signalOf, type StopFlag } from './stop-flag.ts';
import { countsOf, whoBetween, type TurnCounts } from './turn-ends.ts';
import { TurnLedger } from './turn-ledger.ts';
import { pathsFromWire } from './wire-paths.ts';
import { writeTree } from './write-out.ts';

export interface WorkspaceParts {
  /** Realpath. */
  readonly root: string;
  /** Of the side repository; made when it is not there. */
  readonly directory: string;
  readonly dataDirectory: string;
  readonly key: KeyObject;
  /** How a new side repository is made. */
  readonly encrypt: boolean;
  readonly places: Places;
  readonly limits: ScanLimits;
  readonly watch: WatchSetting;
}

export class Workspace {
  readonly #parts: WorkspaceParts;
  readonly #side: SideRepository;
  readonly #scout: Scout;
  readonly #scanner: Scanner;
  readonly #watched: WatchedScanner;
  readonly #capture: Capture;
  readonly #ledger: TurnLedger;
  readonly #brackets: CallBrackets;
  readonly #restores: Restores;
  readonly #list: SnapshotList;
  readonly #clearing: Clearing;
  readonly #recompression: Recompression;
  readonly #checking: Checking;

  /** @throws TamperedRefs, TamperedObject, and the system's errors. */
  constructor(parts: WorkspaceParts) {
    const { root, directory, key, encrypt, places, limits, watch } = parts;
    this.#parts = parts;
    const side = new SideRepository(directory, key, encrypt);
    const scout = new Scout();
    const cacheFile = join(directory, 'stat-cache');
    const scanner = new Scanner({ root, cacheFile, key: side.key, places, limits, scout });
    const watched = new WatchedScanner({ scanner, root, cookies: join(directory, 'watch'), setting: watch });
    const capture = new Capture(root, side.store, watched);
    const ledger = new TurnLedger(side);
    const brackets = new CallBrackets({ root, side, scanner, capture, ledger });
    this.#side = side;
    this.#scout = scout;
    this.#scanner = scanner;
    this.#watched = watched;
    this.#capture = capture;
    this.#ledger = ledger;
    this.#brackets = brackets;
    this.#restores = new Restores({ root, side, scanner, capture, ledger, brackets });
    this.#list = new SnapshotList(side);
    this.#clearing = new Clearing(side, (strictly) => [...this.#restores.held(), ...(strictly ? [] : this.#built())]);
    this.#recompression = new Recompression(side.store);
    this.#checking = new Checking(side, () => capture.storeWasRead());
  }

  /** @throws ProtocolError DEADLINE when it came too late; as a scan does. */
  take(point: PointName, flag: StopFlag): TakenSnapshot {
    const name = snapshotName(point);
    const known = this.#side.findSnapshot(name);
    if (known !== undefined) {
      // A turn that goes on: the files from before it are those from before its first part.
      if (point.sessionId !== undefined && point.point.kind === 'turn')
        this.#brackets.settle({ sessionId: point.sessionId, turn: point.point.turn });
      return taken(point, known);
    }
    const snapshot = this.#snapshot(flag, name);
    this.#side.rename([
      { name, id: snapshot.commit },
      { name: NEWEST, id: snapshot.commit },
    ]);
    return taken(point, snapshot);
  }

  /** @param elsewhere what calls that run in workspaces above or below may change: absolute paths. */
  beginCall(turn: TurnRef, mutation: Mutation, elsewhere: readonly string[] = []): void {
    this.#brackets.begin(turn, mutation, elsewhere);
  }

  /** Such a call begins. */
  disturb(elsewhere: readonly string[]): void {
    this.#brackets.disturb(elsewhere);
  }

  endCall(turn: TurnRef, mutation: Mutation): void {
    this.#brackets.end(turn, mutation);
  }

  /** @throws ProtocolError TAMPERED when it cannot be told what the turn changed; the files after it are captured then. */
  endTurn(turn: TurnRef, flag: StopFlag): TurnCounts {
    this.#brackets.endAll(turn);
    const changes = this.#ledger.readableChangesOf(turn);
    const name = turnSnapshotName(turn, 'post');
    const { post, names } = this.#capture.scan(flag, false, ({ tree, record, objects }) => ({
      post: { tree, record, commit: writeRecord(objects, tree, `after turn ${turn.turn}`, record) },
      names: changes === undefined ? [] : this.#ledger.fold(turn, changes, objects),
    }));
    // The next turn may have changed files meanwhile; what this one has changed is known all the same.
    const isInTime = claimName(flag);
    const named = isInTime ? [name, NEWEST].map((each) => ({ name: each, id: post.commit })) : [];
    this.#side.rename([...named, ...names]);
    if (changes === undefined) throw unknownChanges([turn.turn]);
    return countsOf(this.#side, this.#side.findSnapshot(turnSnapshotName(turn, 'pre')), post, changes);
  }

  list(sessionId: string | undefined, limit: number, cursor: string | undefined): ResultOf<'snapshot/list'> {
    return this.#list.list(sessionId, limit, cursor);
  }

  show(point: PointName): ResultOf<'snapshot/show'> {
    return this.#list.show(point);
  }

  status(): ReturnType<SnapshotList['status']> {
    const { engine, reason } = this.#watched.choice;
    return { ...this.#list.status(), engine, engineReason: reason };
  }

  diff(
    sessionId: string | undefined,
    { from, to, paths, offset = 0 }: Omit<ParamsOf<'snapshot/diff'>, 'owner'>,
  ): ResultOf<'snapshot/diff'> {
    const before = this.#side.snapshot({ sessionId, point: from }).tree;
    const after = to === undefined ? this.#now() : this.#side.snapshot({ sessionId, point: to }).tree;
    const within = paths === undefined ? undefined : pathsFromWire(paths);
    const by = whoBetween(this.#ledger, sessionId, from, to);
    return pageOf(this.#side.store, diffTrees(this.#side.store, before, after, within), offset, by);
  }

  exportTo(destination: string, flag: StopFlag): ResultOf<'snapshot/export'> {
    requireOutside(destination, this.#parts);
    const { store, refs } = this.#side;
    const snapshots = refs.list().filter(({ name }) => pointOf(name) !== undefined);
    return exportSnapshots(store, snapshots, destination, signalOf(flag));
  }

  writeOut(point: PointName, destination: string): Promise<ResultOf<'snapshot/writeOut'>> {
    requireOutside(destination, this.#parts);
    const { tree, record } = this.#side.snapshot(point);
    return writeTree(this.#side.store, tree, destination, record.closed);
  }

  /** Completes a restore that was cut off before it makes another plan. */
  async plan(request: PlanRequest, flag: StopFlag): Promise<ResultOf<'restore/plan'>> {
    await this.#restores.recover();
    return this.#restores.plan(request, flag);
  }

  apply(sessionId: string, planId: string): Promise<ResultOf<'restore/apply'>> {
    return this.#restores.apply(sessionId, planId);
  }

  recover(): Promise<string | undefined> {
    return this.#restores.recover();
  }

  copySession(from: string, to: string, upToTurn: number): void {
    copyNames(this.#side, this.#ledger, { from, to, upToTurn });
  }

  forgetSession(sessionId: string): boolean {
    this.#brackets.forgetSession(sessionId);
    this.#restores.forgetSession(sessionId);
    return dropNames(this.#side, sessionId);
  }

  /** How many snapshots there are, and from when. */
  use(): StoredUse {
    return this.#clearing.use();
  }

  /** Whether it may go as a whole: nothing has a name any more, and the list of names is not lost. */
  isEmpty(): boolean {
    const { refs, isListLost } = this.#side;
    return !isListLost && refs.list().every(({ name }) => name === NEWEST);
  }

  /** Begins to clear up; what was begun before and not ended is given up. */
  beginPrune(order: PruneOrder): void {
    this.#clearing.begin(order);
  }

  /** A slice of it, so that others come in between. @returns undefined until all is done. */
  stepPrune(): PruneOutcome | undefined {
    return this.#clearing.step();
  }

  /** A slice of a check of what is stored. */
  verify(order: CheckOrder): Promise<CheckStep> {
    return this.#checking.obey(order);
  }

  /** What is known of the files, for a quick start next time. */
  saveCache(): void {
    this.#scanner.saveCache();
  }

  /** Sees for itself what was only told by watches, so that nobody has to wait for that later. */
  lookAgain(): void {
    if (this.#watched.due !== undefined) this.#now();
  }

  /** A moment of work that nobody waits for. @returns whether there is more of it. */
  tidy(): boolean {
    // What was begun has not gone on for as long as nobody has asked for anything, and this moves what is stored.
    this.#clearing.stop();
    this.#checking.stop();
    return this.#recompression.step();
  }

  /** Somebody asks for something: what was begun is given up. */
  stopTidying(): void {
    this.#recompression.stop();
  }

  async close(): Promise<void> {
    try {
      this.#clearing.stop();
      this.saveCache();
    } finally {
      void this.#scout.end();
      this.#side.close();
      // What the watches have started is ended while this thread is there to hear of it.
      await this.#watched.close();
    }
  }

  #snapshot(flag: StopFlag, name: string): ReadRecord<'snapshot'> {
    const snapshot = this.#capture.scan(flag, false, ({ tree, record, objects }) => ({
      tree,
      record,
      commit: writeRecord(objects, tree, name, record),
    }));
    if (claimName(flag)) return snapshot;
    throw new ProtocolError('DEADLINE', 'the snapshot was not ready before the first change of the turn');
  }

  /** Without it the next scan would have to read every file. */
  #built(): ObjectId[] {
    const { newest } = this.#scanner;
    return newest !== undefined && this.#side.store.has(newest) ? [newest] : [];
  }

  #now(): ObjectId {
    return this.#capture.scan(newStopFlag(), false, ({ tree }) => tree);
  }
}

function taken(point: PointName, { record }: ReadRecord<'snapshot'>): TakenSnapshot {
  return { snapshot: shownSnapshot(point, record), durationMs: record.durationMs };
}
