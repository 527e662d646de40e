/**
 * Carries out the plan of a restore: everything that is needed is read and checked, the plan is made durable, new content
 * is written beside its places, then files are deleted and replaced. A crash anywhere in between is completed later.
 */
import { randomBytes } from 'node:crypto';
import { constants, openSync } from 'node:fs';
import type { ByteText } from '../byte-text.ts';
import type { ObjectSource } from '../objects/object.ts';
import { areOthers, HeldRoot, WorkspaceReplaced } from './held-root.ts';
import { requireRestorable } from './restorable-path.ts';
import { realDisk, systemCode, type RestoreDisk } from './restore-disk.ts';
import type { JournalRecord, RestoreJournal } from './restore-journal.ts';
import type { RestorePlan } from './restore-plan.ts';
import { reasonOf, type RestoreOrder, type RestoreResult } from './restore-result.ts';
import { RestoreRun } from './restore-run.ts';
import { nameOf, parentOf, Staging } from './staging.ts';
import { verifyBlobs } from './verify-blobs.ts';

const SYNCED_AT_ONCE = 64;
/** What cannot be synced because of what it is, or who may look at it. */
const NEVER_SYNCED = new Set(['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'EACCES', 'EPERM', 'ENOENT', 'ELOOP', 'ENOTDIR']);

export interface RestoreParts {
  readonly source: ObjectSource;
  readonly journal: RestoreJournal;
  readonly order: RestoreOrder;
  /** Heard until the first file is touched; a restore that has begun is completed. */
  readonly signal?: AbortSignal;
  readonly keep?: KeepResult;
  readonly disk?: RestoreDisk;
}

/**
 * Keeps what was done, so that it can be undone, before the journal goes. After a crash in between it is called once more with
 * the same, by the restore that is resumed.
 */
export type KeepResult = (result: RestoreResult) => void;

/**
 * @param root of the workspace: absolute, through no symbolic link.
 * @throws RestoreUnfinished when one before has to be completed first; MissingObject, TamperedObject; StoreFull; the signal's
 *   reason; RangeError for a plan that leads out of the workspace. Nothing is touched then. WorkspaceMoved when the root
 *   goes away in the middle; the restore can be resumed when it is back.
 */
export async function applyRestore(root: string, plan: RestorePlan, parts: RestoreParts): Promise<RestoreResult> {
  const { source, journal, order, signal, keep, disk = realDisk } = parts;
  const { writes, deletes, directories } = plan;
  for (const { path } of [...writes, ...deletes]) requireRestorable(path);
  if (writes.length + deletes.length === 0) return nothingToDo(order, keep);
  verifyBlobs(source, plan);
  signal?.throwIfAborted();
  const held = new HeldRoot(root);
  const mark = randomBytes(8).toString('hex');
  try {
    const record = { order, place: held.identity, mark, writes, deletes, directories };
    journal.begin(record);
    const staging = new Staging(held, source, disk, record.mark);
    try {
      await staging.stage(writes);
      signal?.throwIfAborted();
    } catch (error) {
      staging.clear();
      journal.end();
      throw error;
    }
    return await carryOut(new RestoreRun({ root: held, record, source, staging, disk, resumed: false }), staging, {
      held,
      record,
      journal,
      keep,
      disk,
    });
  } finally {
    held.close();
  }
}

function nothingToDo(order: RestoreOrder, keep: KeepResult | undefined): RestoreResult {
  const result = { order, resumed: false, restored: [], deleted: [], skipped: [], unfinished: false };
  keep?.(result);
  return result;
}

/**
 * Completes what a crash or a full disk has cut off; it may be cut off again. A path that is neither as it was before the
 * restore nor as it should become is left and reported.
 *
 * @returns undefined when there is nothing to complete.
 * @throws TamperedJournal; WorkspaceMoved, WorkspaceReplaced. The journal stays then.
 */
export async function resumeRestore(
  root: string,
  journal: RestoreJournal,
  source: ObjectSource,
  { keep, disk = realDisk }: Pick<RestoreParts, 'keep' | 'disk'> = {},
): Promise<RestoreResult | undefined> {
  const record = journal.read();
  if (record === undefined) return undefined;
  for (const { path } of [...record.writes, ...record.deletes]) requireRestorable(path);
  const held = new HeldRoot(root);
  try {
    if (record.place !== undefined && areOthers(record.place, held.identity)) {
      throw new WorkspaceReplaced(root, journal.path);
    }
    const staging = new Staging(held, source, disk, record.mark);
    staging.clearLeftovers(record.writes);
    const run = new RestoreRun({ root: held, record, source, staging, disk, resumed: true });
    await staging.stage(record.writes.filter((write) => !run.isDone(write)));
    return await carryOut(run, staging, { held, record, journal, keep, disk });
  } finally {
    held.close();
  }
}

interface Surroundings {
  readonly held: HeldRoot;
  readonly record: JournalRecord;
  readonly journal: RestoreJournal;
  readonly keep: KeepResult | undefined;
  readonly disk: RestoreDisk;
}

async function carryOut(run: RestoreRun, staging: Staging, around: Surroundings): Promise<RestoreResult> {
  const { held, record, journal, keep, disk } = around;
  run.deleteFiles();
  run.removeDirectories();
  // What found no room before may find it now that files are gone.
  await staging.stage(record.writes.filter(({ path }) => staging.failureOf(path) === 'disk-full'));
  run.writeFiles();
  staging.clear();
  const isDurable = await syncAll(held, run.touched, disk);
  const result = run.result(isDurable);
  keep?.(result);
  if (!result.unfinished) journal.end();
  return result;
}

/** @returns whether all of it is durable. */
async function syncAll(held: HeldRoot, paths: ReadonlySet<ByteText>, disk: RestoreDisk): Promise<boolean> {
  const waiting = [...paths];
  let isDurable = true;
  for (let from = 0; from < waiting.length; from += SYNCED_AT_ONCE) {
    const files: number[] = [];
    try {
      for (const path of waiting.slice(from, from + SYNCED_AT_ONCE)) {
        const file = openToSync(held, path);
        if (file !== undefined) files.push(file);
      }
      const outcomes = await Promise.allSettled(files.map((file) => disk.sync(file)));
      for (const outcome of outcomes) if (outcome.status === 'rejected') isDurable &&= isHarmless(outcome.reason);
    } finally {
      for (const file of files) disk.close(file);
    }
  }
  return isDurable;
}

function openToSync(held: HeldRoot, path: ByteText): number | undefined {
  const { depth, obstacle } = held.enter(parentOf(path));
  if (obstacle !== undefined) return undefined;
  try {
    const name = path === '' ? '.' : nameOf(path);
    return openSync(held.at(depth, name), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (isHarmless(error)) return undefined;
    throw error;
  }
}

/** @throws what is no failure of the disk. */
function isHarmless(error: unknown): boolean {
  const code = systemCode(error);
  if (code !== undefined && NEVER_SYNCED.has(code)) return true;
  if (reasonOf(error) === undefined) throw error;
  return false;
}
