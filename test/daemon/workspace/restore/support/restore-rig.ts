/** A real directory, a session and a user who change files in it, and restores of what they did. */
import { createSecretKey, randomBytes } from 'node:crypto';
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { toBytes } from '../../../../../daemon/workspace/byte-text.ts';
import { sameState, type MaybeFile } from '../../../../../daemon/workspace/diff/file-state.ts';
import { idOf, type ObjectId } from '../../../../../daemon/workspace/objects/object.ts';
import { EXECUTABLE, REGULAR, SYMLINK } from '../../../../../daemon/workspace/objects/tree-format.ts';
import { applyRestore, type KeepResult } from '../../../../../daemon/workspace/restore/apply-restore.ts';
import type { SessionChange } from '../../../../../daemon/workspace/restore/attribution.ts';
import { planRestore, type RestoreInput } from '../../../../../daemon/workspace/restore/plan-restore.ts';
import type { RestoreDisk } from '../../../../../daemon/workspace/restore/restore-disk.ts';
import { RestoreJournal } from '../../../../../daemon/workspace/restore/restore-journal.ts';
import type { RestorePlan } from '../../../../../daemon/workspace/restore/restore-plan.ts';
import {
  changesOf,
  type RestoreOrder,
  type RestoreResult,
} from '../../../../../daemon/workspace/restore/restore-result.ts';
import { MemoryObjects, type SampleFile, type SampleFiles } from '../../support/memory-objects.ts';
import { lookAt, put } from '../../support/sample-directory.ts';

export const KEY = createSecretKey(randomBytes(32));

export const file = (content: string): SampleFile => ({ mode: REGULAR, content });
export const program = (content: string): SampleFile => ({ mode: EXECUTABLE, content });
export const link = (target: string): SampleFile => ({ mode: SYMLINK, content: target });

export function stateOf(sample: SampleFile | undefined): MaybeFile {
  return sample === undefined
    ? undefined
    : { mode: sample.mode, id: idOf('blob', Buffer.from(sample.content, 'latin1')) };
}

/** Files whose names begin with this are ignored by the rules of now, and by those of the target. */
const IGNORED_NOW = /(^|\/)inow/;
const IGNORED_THEN = /(^|\/)ithen/;

export class RestoreRig {
  readonly objects = new MemoryObjects();
  readonly root: string;
  readonly side: string;
  readonly outside: string;
  readonly journal: RestoreJournal;
  readonly changes: SessionChange[] = [];

  constructor(start: Record<string, SampleFile> = {}) {
    const base = realpathSync(mkdtempSync(join(tmpdir(), 'm-restore-')));
    onTestFinished(() => rmSync(base, { recursive: true }));
    this.root = join(base, 'work');
    this.side = join(base, 'side');
    this.outside = join(base, 'outside');
    for (const directory of [this.root, this.side, this.outside]) mkdirSync(directory);
    this.journal = new RestoreJournal(this.side, KEY);
    for (const [path, sample] of Object.entries(start)) put(this.root, path, sample);
  }

  files(): Map<string, SampleFile> {
    return lookAt(this.root);
  }

  /** A full scan. */
  tree(): ObjectId {
    return this.objects.tree(this.files());
  }

  /** What the session does. */
  session(path: string, sample: SampleFile | undefined, how: Partial<SessionChange> = {}): void {
    this.act('tool', () => put(this.root, path, sample), how);
  }

  /** @param by of the session; undefined when it is the user who does it, of which nothing is noted. */
  act(by: SessionChange['by'] | undefined, work: () => void, how: Partial<SessionChange> = {}): void {
    const before = this.files();
    work();
    const now = this.files();
    if (by === undefined) return;
    for (const path of new Set([...before.keys(), ...now.keys()])) {
      const [old, young] = [stateOf(before.get(path)), stateOf(now.get(path))];
      if (!sameState(old, young)) this.changes.push({ path, before: old, after: young, by, ...how });
    }
  }

  user(path: string, sample: SampleFile | undefined): void {
    put(this.root, path, sample);
  }

  plan(target: ObjectId, how: Partial<RestoreInput> = {}): RestorePlan {
    return planRestore({
      source: this.objects,
      current: this.tree(),
      target,
      changes: this.changes,
      currentRules: { isIgnored: (path) => IGNORED_NOW.test(path) },
      targetRules: { isIgnored: (path) => IGNORED_THEN.test(path) },
      skipped: new Set(),
      all: false,
      ...how,
    });
  }

  order(target: ObjectId): RestoreOrder {
    const tree = this.tree();
    return { session: 's', turn: 3, phase: 'pre', safety: { tree, commit: tree }, target, started: 1_700_000_000_000 };
  }

  async apply(
    plan: RestorePlan,
    how: { disk?: RestoreDisk; journal?: RestoreJournal; signal?: AbortSignal; keep?: KeepResult } = {},
  ): Promise<RestoreResult> {
    const order = this.order(this.tree());
    return await applyRestore(this.root, plan, { source: this.objects, journal: this.journal, order, ...how });
  }

  async undo(result: RestoreResult): Promise<RestoreResult> {
    const changes = changesOf(result);
    const within = changes.map(({ path }) => path);
    return await this.apply(this.plan(result.order.safety.tree, { changes, within }));
  }

  /** Names of temporary files anywhere below. */
  leftovers(): string[] {
    const inWork = [...this.files().keys()].filter((path) => path.includes('.m-restore-'));
    return [...inWork, ...readdirSync(this.side)];
  }

  stampsOf(paths: Iterable<string>): Map<string, bigint> {
    return new Map([...paths].map((path) => [path, this.stat(path).mtimeNs]));
  }

  stat(path: string) {
    return lstatSync(toBytes(`${this.root}/${path}`), { bigint: true });
  }
}

/** The files after a plan is carried out. */
export function after(files: SampleFiles, plan: RestorePlan, objects: MemoryObjects): Map<string, SampleFile> {
  const result = new Map(files);
  for (const { path } of plan.deletes) result.delete(path);
  for (const { path, after: state } of plan.writes) {
    result.set(path, { mode: state.mode, content: objects.read(state.id).body.toString('latin1') });
  }
  return result;
}
