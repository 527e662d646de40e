/** Snapshots as clients see them: lists in pages, one with all that is known of it, and the state of the workspace. */
import { ProtocolError } from '../../../protocol/errors.ts';
import type { ResultOf } from '../../../protocol/methods.ts';
import type { Snapshot, SkippedFile } from '../../../protocol/snapshot.ts';
import type { PointName } from '../../services/snapshot-port.ts';
import { toWirePath } from '../byte-text.ts';
import type { ObjectId } from '../objects/object.ts';
import { NEWEST, numberOf, pointOf, SNAPSHOTS, TAKEN } from './names.ts';
import { readableRecord, type SkippedPath, type SnapshotRecord } from './records.ts';
import type { SideRepository } from './side-repository.ts';

/** Left-out files of one answer; the rest is counted. */
const SHOWN = 1_000;
/** Of `snapshot/status`, which is asked for often. */
const SHOWN_IN_STATUS = 50;

type Summary = Pick<Snapshot, 'at' | 'files' | 'bytes' | 'skipped'>;

interface Listed {
  readonly name: string;
  readonly id: ObjectId;
}

export class SnapshotList {
  readonly #side: SideRepository;
  /** By commit, which never changes. */
  readonly #summaries = new Map<ObjectId, Summary>();

  constructor(side: SideRepository) {
    this.#side = side;
  }

  /**
   * @param sessionId undefined for the whole workspace.
   * Those that a damage of the store keeps from being read are counted, so that the others can be found.
   * @throws ProtocolError INVALID_PARAMS for a cursor that is none
   */
  list(sessionId: string | undefined, limit: number, cursor: string | undefined): ResultOf<'snapshot/list'> {
    const names = sessionId === undefined ? this.#allNewestFirst() : this.#ofSession(sessionId);
    const start = cursor === undefined ? 0 : names.findIndex(({ name }) => name === cursor) + 1;
    if (cursor !== undefined && start === 0) {
      throw new ProtocolError('INVALID_PARAMS', 'the snapshot after which the list goes on is gone', {
        hint: 'list again from the beginning',
      });
    }
    const page = names.slice(start, start + limit);
    this.#keepOnly(names);
    const snapshots = page.flatMap(({ name, id }) => {
      const [point, summary] = [pointOf(name), this.#summaryOf(id)];
      return point === undefined || summary === undefined ? [] : [{ ...shownPoint(point), ...summary }];
    });
    const unreadable = page.length - snapshots.length;
    return {
      snapshots,
      ...(unreadable === 0 ? {} : { unreadable }),
      nextCursor: start + limit < names.length ? (page.at(-1)?.name ?? null) : null,
    };
  }

  /** @throws ProtocolError NOT_FOUND; TamperedObject, MissingObject */
  show(name: PointName): ResultOf<'snapshot/show'> {
    const { commit, tree, record } = this.#side.snapshot(name);
    const { skipped, skippedMore, remarks, durationMs } = record;
    const { files, more } = shownSkipped(skipped, skippedMore, SHOWN);
    return {
      snapshot: shownSnapshot(name, record),
      commit,
      tree,
      skippedFiles: files,
      skippedMore: more,
      remarks: [...remarks],
      durationMs,
    };
  }

  /** Of the newest snapshot, and of all. */
  status(): Omit<ResultOf<'snapshot/status'>, 'state' | 'reason' | 'busy'> {
    const { refs, store, key } = this.#side;
    const newest = refs.get(NEWEST);
    const record = newest === undefined ? undefined : readableRecord(store, newest, 'snapshot')?.record;
    const damagedPacks = store.damage().length;
    const skipped = shownSkipped(record?.skipped ?? [], record?.skippedMore ?? 0, SHOWN_IN_STATUS);
    return {
      encrypted: key !== undefined,
      files: record?.files ?? 0,
      bytes: record?.bytes ?? 0,
      skipped: skipped.files.length + skipped.more,
      skippedFiles: skipped.files,
      lastAt: record === undefined ? null : new Date(record.at).toISOString(),
      lastDurationMs: record?.durationMs ?? 0,
      snapshots: this.#names().length,
      storedBytes: store.sizeOnDisk(),
      ...(damagedPacks === 0 ? {} : { damagedPacks }),
    };
  }

  #names(): Listed[] {
    const { refs } = this.#side;
    return [...refs.list(SNAPSHOTS), ...refs.list(TAKEN)];
  }

  #ofSession(sessionId: string): Listed[] {
    const inOrder = (name: string): number => numberOf(name) * 2 + (name.endsWith('-post') ? 1 : 0);
    return this.#side.refs
      .list(`${SNAPSHOTS}/${sessionId}`)
      .toSorted((left, right) => inOrder(right.name) - inOrder(left.name));
  }

  #allNewestFirst(): Listed[] {
    return this.#names()
      .map((listed) => ({ ...listed, at: this.#summaryOf(listed.id)?.at ?? '' }))
      .toSorted((left, right) => compare(right.at, left.at) || compare(right.name, left.name));
  }

  /** Undefined when it cannot be read. */
  #summaryOf(id: ObjectId): Summary | undefined {
    const known = this.#summaries.get(id);
    if (known !== undefined) return known;
    const record = readableRecord(this.#side.store, id, 'snapshot')?.record;
    if (record === undefined) return undefined;
    const summary = summaryOf(record);
    this.#summaries.set(id, summary);
    return summary;
  }

  /** Of snapshots that are gone nothing stays in memory. */
  #keepOnly(names: readonly Listed[]): void {
    if (this.#summaries.size <= 2 * this.#names().length) return;
    const ids = new Set(names.map(({ id }) => id));
    for (const id of this.#summaries.keys()) if (!ids.has(id)) this.#summaries.delete(id);
  }
}

export function shownSnapshot(name: PointName, record: SnapshotRecord): Snapshot {
  return { ...shownPoint(name), ...summaryOf(record) };
}

function shownPoint({ sessionId, point }: PointName): Pick<Snapshot, 'point' | 'sessionId'> {
  return { point, sessionId: sessionId ?? null };
}

function summaryOf({ at, files, bytes, skipped, skippedMore }: SnapshotRecord): Summary {
  return { at: new Date(at).toISOString(), files, bytes, skipped: skipped.length + skippedMore };
}

function shownSkipped(
  skipped: readonly SkippedPath[],
  alreadyMore: number,
  limit: number,
): { files: SkippedFile[]; more: number } {
  const files = skipped.slice(0, limit).map(({ path, reason, bytes }) => {
    const file = { path: toWirePath(path), reason };
    return bytes === undefined ? file : { ...file, bytes };
  });
  return { files, more: skipped.length - files.length + alreadyMore };
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
