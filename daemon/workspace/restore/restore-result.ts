/** What a restore has done, path by path, and what it needs to be taken back. */
import type { ByteText } from '../byte-text.ts';
import type { MaybeFile } from '../diff/file-state.ts';
import type { ObjectId } from '../objects/object.ts';
import { MissingObject, TamperedObject } from '../objects/store-errors.ts';
import type { SessionChange } from './attribution.ts';
import { systemCode } from './restore-disk.ts';

/** Which restore it was; kept in the journal so that a resumed one can be told of. */
export interface RestoreOrder {
  readonly session: string;
  readonly turn: number;
  readonly phase: 'pre' | 'post';
  /** The state before the restore. */
  readonly safety: { readonly tree: ObjectId; readonly commit: ObjectId };
  readonly target: ObjectId;
  /** Milliseconds since the epoch. */
  readonly started: number;
}

export interface RestoredPath {
  readonly path: ByteText;
  readonly before: MaybeFile;
  readonly after: MaybeFile;
  readonly byShell: boolean;
}

/**
 * - `already-there`: somebody else has brought it to the state of the target.
 * - `changed`: it is not what the safety snapshot holds any more.
 * - `parent-not-directory`: a file or a link stands where its directory has to be.
 * - `directory-in-the-way`: a directory that is not empty stands in its place.
 * - `content-lost`: the content that a restore was completed with is missing from the store, or damaged.
 * - `disk-full`, `disk-failed`: the restore is unfinished and can go on later.
 * - `not-possible`: this file system has no such name or kind of file.
 */
export type SkipReason =
  | 'already-there'
  | 'changed'
  | 'parent-not-directory'
  | 'directory-in-the-way'
  | 'no-permission'
  | 'busy'
  | 'not-possible'
  | 'content-lost'
  | 'disk-full'
  | 'disk-failed';

export interface SkippedPath extends RestoredPath {
  readonly reason: SkipReason;
}

export interface RestoreResult {
  readonly order: RestoreOrder;
  /** True when a crash or a full disk had cut it off before. */
  readonly resumed: boolean;
  readonly restored: readonly RestoredPath[];
  readonly deleted: readonly RestoredPath[];
  readonly skipped: readonly SkippedPath[];
  /** The disk failed: the journal stays, and `resumeRestore` goes on with what is left. */
  readonly unfinished: boolean;
}

/** What it changed, for the plan that takes it back: target is the safety tree, limited to these paths. */
export function changesOf({ restored, deleted }: RestoreResult): SessionChange[] {
  return [...restored, ...deleted].map(({ path, before, after }) => ({ path, before, after, by: 'restore' }));
}

const REASONS: ReadonlyMap<string, SkipReason> = new Map([
  ['EACCES', 'no-permission'],
  ['EPERM', 'no-permission'],
  ['EROFS', 'no-permission'],
  ['ENOSPC', 'disk-full'],
  ['EDQUOT', 'disk-full'],
  ['EIO', 'disk-failed'],
  ['EEXIST', 'changed'],
  ['ENOENT', 'changed'],
  ['EISDIR', 'directory-in-the-way'],
  ['ENOTEMPTY', 'directory-in-the-way'],
  ['ENOTDIR', 'parent-not-directory'],
  ['ELOOP', 'parent-not-directory'],
  ['EBUSY', 'busy'],
  ['ETXTBSY', 'busy'],
  ['ENAMETOOLONG', 'not-possible'],
  ['EILSEQ', 'not-possible'],
  ['EINVAL', 'not-possible'],
  ['ENOTSUP', 'not-possible'],
  ['EOPNOTSUPP', 'not-possible'],
  ['EFBIG', 'not-possible'],
]);

/** @returns undefined for an error that says nothing of one path. */
export function reasonOf(error: unknown): SkipReason | undefined {
  if (error instanceof MissingObject || error instanceof TamperedObject) return 'content-lost';
  return REASONS.get(systemCode(error) ?? '');
}
