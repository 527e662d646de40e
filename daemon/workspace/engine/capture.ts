/** Scans whose objects are durable: every reading of the workspace goes through here. */
import { ProtocolError } from '../../../protocol/errors.ts';
import type { SkipReason } from '../../../protocol/snapshot.ts';
import type { GitObject, ObjectId, ObjectKind, ObjectSink, ObjectSource } from '../objects/object.ts';
import type { ObjectStore } from '../objects/object-store.ts';
import type { ScanResult } from '../scan/scan-result.ts';
import type { WatchedScanner } from '../watch/watched-scanner.ts';
import { projectHead } from './project-head.ts';
import type { SkippedPath, SnapshotRecord } from './records.ts';
import { countFile, expectFiles, isAborted, signalOf, type StopFlag } from './stop-flag.ts';

const MEGABYTE = 1024 * 1024;
/** What either limit of a workspace can be set to, in files and in megabytes. */
const MOST = 1_000_000;

/** What the rest of a scan is told: its result, and a place to put further objects that are kept with those of the scan. */
export interface Captured {
  readonly tree: ObjectId;
  readonly record: SnapshotRecord;
  /** Reads the trees of the scan too, which are not in the store yet. */
  readonly objects: ObjectSink & ObjectSource;
}

export class Capture {
  readonly #root: string;
  readonly #store: ObjectStore;
  readonly #scanner: WatchedScanner;
  #remarks: readonly string[] = [];
  #losses = 0;
  /** How many of them were known when all that is stored had last been read. */
  #known = 0;

  constructor(root: string, store: ObjectStore, scanner: WatchedScanner) {
    this.#root = root;
    this.#store = store;
    this.#scanner = scanner;
    const { length } = store.damage();
    if (length === 0) return;
    // What the damaged packs held is not known to be there any more: every file is read again.
    scanner.forget();
    this.#remarks = [
      `${length} of the stored packs ${length === 1 ? 'is' : 'are'} damaged: all files were captured anew`,
    ];
  }

  /**
   * @param relist reads every directory, also those that look unchanged.
   * @param use what it returns is returned once everything it wrote is durable.
   * @throws ProtocolError LIMIT_REACHED, CANCELLED; StoreFull, WorkspaceUnreadable. Nothing is kept then.
   */
  scan<T>(flag: StopFlag, relist: boolean, use: (captured: Captured) => T): T {
    if (isAborted(flag)) throw cancelled();
    if (this.#store.losses > this.#losses) this.#beginAnew(flag);
    const batch = this.#store.begin(this.#store.packs().length === 0 ? 'fast' : 'compressed');
    const objects = new GrowingObjects(batch, this.#store, flag);
    const begun = performance.now();
    try {
      const counted = (files: number): void => {
        expectFiles(flag, files);
      };
      const result = this.#scanner.scan(objects, signalOf(flag), { relist, counted });
      refuseTruncated(this.#root, result);
      const value = use({ tree: result.tree, record: this.#record(result, performance.now() - begun), objects });
      batch.commit();
      this.#remarks = [];
      return value;
    } finally {
      batch.abandon();
    }
  }

  /** All that is stored has just been read. */
  storeWasRead(): void {
    this.#known = this.#store.losses;
  }

  /** Something was damaged while the store was open: what is left of it is found out, and the rest written again. */
  #beginAnew(flag: StopFlag): void {
    if (this.#store.losses > this.#known && !this.#store.verify(signalOf(flag)).complete) throw cancelled();
    this.#losses = this.#store.losses;
    this.#scanner.forget();
    this.#remarks = ['a part of the stored packs is damaged: all files were captured anew'];
  }

  #record(result: ScanResult, durationMs: number): SnapshotRecord {
    const { files, bytes, skipped, skippedInAll, remarks, rulesHash, closed } = result;
    const head = projectHead(this.#root);
    return {
      kind: 'snapshot',
      at: Date.now(),
      files,
      bytes,
      skipped: skipped.map(asRecorded),
      skippedMore: skippedInAll - skipped.length,
      remarks: [...this.#remarks, ...remarks],
      rulesHash,
      durationMs: Math.round(durationMs),
      ...(closed.length === 0 ? {} : { closed }),
      ...(head === undefined ? {} : { head }),
    };
  }
}

/** A batch that can be read: its trees are needed before they are in the store. Blobs are not. */
class GrowingObjects implements ObjectSink, ObjectSource {
  readonly #flag: StopFlag;
  readonly #batch: ObjectSink;
  readonly #store: ObjectSource;
  readonly #trees = new Map<ObjectId, Buffer>();

  constructor(batch: ObjectSink, store: ObjectSource, flag: StopFlag) {
    this.#flag = flag;
    this.#batch = batch;
    this.#store = store;
  }

  has(id: ObjectId): boolean {
    return this.#batch.has(id);
  }

  write(kind: ObjectKind, body: Buffer): ObjectId {
    const id = this.#batch.write(kind, body);
    if (kind === 'tree') this.#trees.set(id, body);
    if (kind === 'blob') countFile(this.#flag);
    return id;
  }

  read(id: ObjectId): GitObject {
    const body = this.#trees.get(id);
    return body === undefined ? this.#store.read(id) : { kind: 'tree', body };
  }
}

function refuseTruncated(root: string, { truncated }: ScanResult): void {
  if (truncated === undefined) return;
  if (truncated.reason === 'aborted') throw cancelled();
  const unit = truncated.reason === 'files' ? 1 : MEGABYTE;
  const limit = Math.round((truncated.limit ?? 0) / unit);
  const what = truncated.reason === 'files' ? `${limit} files` : `${limit} MB`;
  const setting = truncated.reason === 'files' ? 'snapshots_max_files' : 'snapshots_max_megabytes';
  // Where only this sentence is shown, as at the end of a turn, it has to say what can be done.
  const more = Math.min(limit * 2, MOST);
  const way = limit >= MOST ? '' : `; \`mctl config set ${setting} ${more}\` would allow more`;
  throw new ProtocolError('LIMIT_REACHED', `${root} holds more than ${what}, so its files are not captured${way}`, {
    hint: 'Or name what need not be captured in a .gitignore.',
  });
}

function asRecorded({ path, reason, bytes }: ScanResult['skipped'][number]): SkippedPath {
  const known: SkipReason = reason === 'path-too-long' ? 'name-too-long' : reason;
  return bytes === undefined ? { path, reason: known } : { path, reason: known, bytes };
}

function cancelled(): ProtocolError {
  return new ProtocolError('CANCELLED', 'the snapshot was cancelled; nothing of it was kept');
}
