/**
 * The calls of turns, bracketed: what a call changed is known from the files before and after it, and stored before its end
 * is answered. A command leaves a mark while it runs, so that after a crash what it had changed is told as uncertain.
 */
import { isAbsolute, relative, sep } from 'node:path';
import type { Mutation, TurnRef } from '../../services/snapshot-port.ts';
import { toByteText, type ByteText } from '../byte-text.ts';
import { TreeLookup, type MaybeFile } from '../diff/file-state.ts';
import { diffTrees } from '../diff/tree-diff.ts';
import { DIRECTORY } from '../objects/tree-format.ts';
import { idOf, type ObjectId, type ObjectSink, type ObjectSource } from '../objects/object.ts';
import { readCommit } from '../objects/object-walk.ts';
import type { RefChange } from '../objects/ref-store.ts';
import { unlessDamaged } from '../objects/store-errors.ts';
import type { SessionChange } from '../restore/attribution.ts';
import { withBirths } from '../restore/older-files.ts';
import type { Scanner } from '../scan/scanner.ts';
import type { Capture, Captured } from './capture.ts';
import { CUT_OFF, NEWEST, openName, turnSnapshotName } from './names.ts';
import { OpenCalls, type CommandBracket, type FilesCall } from './open-calls.ts';
import { writeRecord } from './records.ts';
import type { SideRepository } from './side-repository.ts';
import { newStopFlag } from './stop-flag.ts';
import type { TurnLedger } from './turn-ledger.ts';

export interface BracketParts {
  readonly root: string;
  readonly side: SideRepository;
  readonly scanner: Scanner;
  readonly capture: Capture;
  readonly ledger: TurnLedger;
}

export class CallBrackets {
  readonly #parts: BracketParts;
  readonly #open: OpenCalls;
  /** The files before commands whose end nobody told, by the name of their mark; undefined where they cannot be read. */
  readonly #cutOff = new Map<string, { readonly turn: TurnRef; readonly base: ObjectId | undefined }>();
  /** One of whose tree the files were lately. */
  #lastCommit: ObjectId | undefined;
  /** The trees of the scan that is going on are not in the store yet. */
  #source: ObjectSource;

  constructor(parts: BracketParts) {
    this.#parts = parts;
    const { refs, store } = parts.side;
    this.#source = store;
    this.#open = new OpenCalls((before, after) => diffTrees(this.#source, before, after));
    for (const { name, id } of refs.list(CUT_OFF)) {
      const [, sessionId = '', turn] = name.split('/');
      // One that is damaged keeps nobody from the rest: what the command did then counts as somebody else's.
      const base = unlessDamaged(() => readCommit(store, id).tree);
      this.#cutOff.set(name, { turn: { sessionId, turn: Number(turn) }, base });
    }
  }

  /** @param elsewhere what calls that run in workspaces above or below may change: absolute paths. */
  begin(turn: TurnRef, mutation: Mutation, elsewhere: readonly string[]): void {
    this.settle(turn);
    if (mutation.kind === 'files') {
      const states = this.#inside(mutation.paths).map((path) => [path, this.#stateOf(path)] as const);
      this.#open.beginFiles(turn, mutation.callId, new Map(states));
      return;
    }
    if (this.#open.joinCommand(turn, mutation.callId)) return;
    const { tree, commit } = this.#scan(({ tree, objects }) => ({ tree, commit: this.#commitOf(tree, objects) }));
    this.#lastCommit = commit;
    this.#parts.side.rename([{ name: openName(turn), id: commit }]);
    this.#open.beginCommand(turn, mutation.callId, tree, this.#reachOf(elsewhere));
  }

  /** A call in a workspace above or below begins, which may change what is at these absolute paths. */
  disturb(elsewhere: readonly string[]): void {
    this.#open.disturb(this.#reachOf(elsewhere));
  }

  end(turn: TurnRef, mutation: Mutation): void {
    const call = this.#open.get(turn, mutation.callId);
    if (call?.kind === 'command') this.#endCommand(call, mutation.callId);
    else if (call?.kind === 'files') this.#endFiles(call, mutation.callId);
    else if (mutation.kind === 'files') this.#endUnknown(turn, mutation.paths);
    else this.settle(turn);
  }

  /** No call of the turn runs any more, as far as anybody will tell. What was cut off is looked at and stored. */
  endAll(turn: TurnRef): void {
    const name = openName(turn);
    if (this.#open.hasCommand(turn)) this.#giveUp(turn);
    this.#open.forget(turn);
    if (this.#cutOff.has(name)) this.settle(turn);
  }

  /** What a command that was cut off may have changed is stored as uncertain. */
  settle(turn: TurnRef): void {
    const name = openName(turn);
    const cutOff = this.#cutOff.get(name);
    if (cutOff === undefined) return;
    const { base } = cutOff;
    const since = (before: ObjectId): RefChange | undefined =>
      this.#scan(({ tree, objects }) => {
        const found = unlessDamaged(() => diffTrees(objects, before, tree).map(asUncertain)) ?? [];
        const changes = this.#withBirths(turn, found);
        return changes.length === 0 ? undefined : this.#parts.ledger.addCall(turn, changes, objects, tree);
      });
    const change = base === undefined ? undefined : since(base);
    this.#parts.side.rename([change, { name, id: undefined }]);
    this.#cutOff.delete(name);
  }

  /** As `settle`, for all turns of a session. */
  settleSession(sessionId: string): void {
    for (const { turn } of this.#cutOff.values()) if (turn.sessionId === sessionId) this.settle(turn);
  }

  forgetSession(sessionId: string): void {
    for (const [name, { turn }] of this.#cutOff) if (turn.sessionId === sessionId) this.#cutOff.delete(name);
    this.#open.forgetSession(sessionId);
  }

  /** Mostly nothing has changed since the last one: then a command costs no object. */
  #commitOf(tree: ObjectId, sink: ObjectSink): ObjectId {
    const { refs, store } = this.#parts.side;
    for (const id of [this.#lastCommit, refs.get(NEWEST)]) {
      if (id !== undefined && store.has(id) && readCommit(store, id).tree === tree) return id;
    }
    return writeRecord(sink, tree, 'before a command', { kind: 'changes', changes: [] });
  }

  #endCommand(call: CommandBracket, callId: string): void {
    const { turn } = call;
    try {
      const change = this.#scan(({ tree, objects }) => {
        const changes = this.#withBirths(turn, this.#open.endCommand(call, callId, tree));
        return changes.length === 0 ? undefined : this.#parts.ledger.addCall(turn, changes, objects, tree);
      });
      this.#lastCommit = change?.id ?? this.#lastCommit;
      const mark = this.#markAfter(turn, change?.id);
      this.#parts.side.rename([change, mark]);
    } catch (error) {
      this.#giveUp(turn, call.base);
      throw error;
    }
  }

  #withBirths(turn: TurnRef, changes: readonly SessionChange[]): readonly SessionChange[] {
    if (changes.every(({ before }) => before !== undefined)) return changes;
    const { side, root } = this.#parts;
    const pre = unlessDamaged(() => side.findSnapshot(turnSnapshotName(turn, 'pre')));
    return pre === undefined ? changes : withBirths(root, changes, pre.record.at);
  }

  /** Other commands of the turn may still run: what they change is looked for from here on. */
  #markAfter(turn: TurnRef, now: ObjectId | undefined): { name: string; id: ObjectId | undefined } | undefined {
    const name = openName(turn);
    if (!this.#open.hasCommand(turn)) return { name, id: undefined };
    return now === undefined ? undefined : { name, id: now };
  }

  /** What commands of a turn changed could not be found out now: it is when the turn goes on or ends. */
  #giveUp(turn: TurnRef, base?: ObjectId): void {
    const name = openName(turn);
    const mark = this.#parts.side.refs.get(name);
    const tree = mark === undefined ? base : readCommit(this.#parts.side.store, mark).tree;
    if (tree !== undefined) this.#cutOff.set(name, { turn, base: tree });
    this.#open.forget(turn);
  }

  #endFiles(call: FilesCall, callId: string): void {
    this.#store(call.turn, (sink) => {
      const now = new Map([...call.before.keys()].map((path) => [path, this.#stateOf(path, sink)] as const));
      return this.#open.endFiles(call, callId, now);
    });
  }

  /** It began before a crash: what it changed is measured by the newest files that are known of its turn. */
  #endUnknown(turn: TurnRef, paths: readonly string[]): void {
    const pre = this.#parts.side.findSnapshot(turnSnapshotName(turn, 'pre'));
    if (pre === undefined) return;
    const known = new Map(this.#parts.ledger.changesOf(turn).map(({ path, after }) => [path, after] as const));
    const lookup = new TreeLookup(this.#parts.side.store, pre.tree);
    this.#store(turn, (sink) =>
      this.#inside(paths).flatMap((path) => {
        const before = known.has(path) ? known.get(path) : fileAt(lookup, path);
        const after = this.#stateOf(path, sink);
        if (before?.id === after?.id && before?.mode === after?.mode) return [];
        return [{ path, before, after, by: 'tool', ambiguous: true } as const];
      }),
    );
  }

  #store(turn: TurnRef, look: (sink: ObjectSink) => SessionChange[]): void {
    const batch = this.#parts.side.store.begin('compressed');
    try {
      const changes = look(batch);
      const change = changes.length === 0 ? undefined : this.#parts.ledger.addCall(turn, changes, batch);
      batch.commit();
      this.#parts.side.rename([change]);
    } finally {
      batch.abandon();
    }
  }

  #scan<T>(use: (captured: Captured) => T): T {
    return this.#parts.capture.scan(newStopFlag(), false, (captured) => {
      this.#source = captured.objects;
      try {
        return use(captured);
      } finally {
        this.#source = this.#parts.side.store;
      }
    });
  }

  #stateOf(path: ByteText, sink: ObjectSink = HASHES_ONLY): MaybeFile {
    return this.#parts.scanner.capture(path, sink);
  }

  /** What of the workspace is at absolute paths or in them; the empty path is all of it. */
  #reachOf(places: readonly string[]): ByteText[] {
    const isAround = (place: string): boolean => !leavesRoot(relative(place, this.#parts.root));
    return places.some(isAround) ? [''] : this.#inside(places);
  }

  /** Of paths as tools name them, those in the workspace. */
  #inside(paths: readonly string[]): ByteText[] {
    const { root } = this.#parts;
    const inside = paths.map((path) => relative(root, path)).filter((path) => path !== '' && !leavesRoot(path));
    return [...new Set(inside)].map(toByteText);
  }
}

/** For content that nobody will ask for: its id tells whether it changes. */
const HASHES_ONLY: ObjectSink = { has: () => false, write: idOf };

function leavesRoot(path: string): boolean {
  return isAbsolute(path) || path === '..' || path.startsWith(`..${sep}`);
}

function fileAt(lookup: TreeLookup, path: ByteText): MaybeFile {
  const entry = lookup.at(path);
  return entry === undefined || entry.mode === DIRECTORY ? undefined : { mode: entry.mode, id: entry.id };
}

function asUncertain({ path, before, after }: { path: ByteText; before: MaybeFile; after: MaybeFile }): SessionChange {
  return { path, before, after, by: 'shell', ambiguous: true };
}
