/** What the commits of a side repository say beside their tree: JSON in the body, with a version. */
import { ProtocolError } from '../../../protocol/errors.ts';
import type { SkipReason } from '../../../protocol/snapshot.ts';
import type { ByteText } from '../byte-text.ts';
import type { FileState, MaybeFile } from '../diff/file-state.ts';
import { encodeCommit } from '../objects/commit-format.ts';
import type { ObjectId, ObjectSink, ObjectSource } from '../objects/object.ts';
import { readCommit } from '../objects/object-walk.ts';
import { TamperedObject, unlessDamaged } from '../objects/store-errors.ts';
import type { TreeMode } from '../objects/tree-format.ts';
import type { SessionChange } from '../restore/attribution.ts';
import type { Closed } from '../scan/scan-result.ts';
import type { ProjectHead } from './project-head.ts';

const VERSION = 1;

/** Byte text, as everywhere in here. */
export interface SkippedPath {
  readonly path: ByteText;
  readonly reason: SkipReason;
  readonly bytes?: number;
}

/** A snapshot of the files. */
export interface SnapshotRecord {
  readonly kind: 'snapshot';
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly files: number;
  readonly bytes: number;
  readonly skipped: readonly SkippedPath[];
  /** How many are not in the list. */
  readonly skippedMore: number;
  readonly remarks: readonly string[];
  readonly rulesHash: string;
  /** Missing for none. */
  readonly closed?: readonly Closed[];
  readonly durationMs: number;
  readonly head?: ProjectHead;
}

/** What one call, or a whole turn, changed; oldest first. */
export interface ChangeRecord {
  readonly kind: 'changes';
  readonly changes: readonly SessionChange[];
}

/** The files before a restore, which is what takes it back. */
export interface RestoreRecord {
  readonly kind: 'restore';
  readonly at: number;
  readonly sessionId: string;
  /** The newest turn of the session that had begun: the restore comes after it and before the next. */
  readonly afterTurn: number;
  /** How many changes of that turn came before it: the turn may have gone on later. Missing for all. */
  readonly afterChanges?: number;
  /** True in a fork: it can be undone there, but what it changed was done by turns that the fork does not have. */
  readonly isInherited?: true;
  /** False until the files are touched no more. */
  readonly done: boolean;
  readonly changes: readonly SessionChange[];
  readonly skipped: readonly SkippedPath[];
  readonly skippedMore: number;
  readonly closed?: readonly Closed[];
  readonly head?: ProjectHead;
}

export type Record = SnapshotRecord | ChangeRecord | RestoreRecord;

type PackedState = readonly [mode: TreeMode, id: ObjectId] | 0;
type PackedChange = readonly [
  path: ByteText,
  before: PackedState,
  after: PackedState,
  by: SessionChange['by'],
  ambiguous: 0 | 1,
  bornAt?: number,
];

/** @returns the id of the commit. */
export function writeRecord(sink: ObjectSink, tree: ObjectId, subject: string, record: Record): ObjectId {
  const body = 'changes' in record ? { ...record, changes: record.changes.map(packed) } : record;
  const at = Math.floor(('at' in record ? record.at : Date.now()) / 1000);
  return sink.write('commit', encodeCommit({ tree, at, subject, body: JSON.stringify({ version: VERSION, ...body }) }));
}

export interface ReadRecord<K extends Record['kind']> {
  readonly commit: ObjectId;
  readonly tree: ObjectId;
  readonly record: Extract<Record, { kind: K }>;
}

/** @throws MissingObject, TamperedObject also when it is another kind of record; ProtocolError STORE_TOO_NEW. */
export function readRecord<K extends Record['kind']>(source: ObjectSource, commit: ObjectId, kind: K): ReadRecord<K> {
  const { tree, body } = readCommit(source, commit);
  const { version, ...record } = JSON.parse(body) as { version: number; kind: string; changes?: PackedChange[] };
  if (version > VERSION) throw tooNew();
  if (record.kind !== kind) {
    throw new TamperedObject(commit, 'its snapshot', 'it is not the record that its name promises');
  }
  const unpacked = record.changes === undefined ? record : { ...record, changes: record.changes.map(unpackedChange) };
  return { commit, tree, record: unpacked as unknown as ReadRecord<K>['record'] };
}

/** @returns undefined when the part of the store that it is in is damaged. @throws ProtocolError STORE_TOO_NEW. */
export function readableRecord<K extends Record['kind']>(
  source: ObjectSource,
  commit: ObjectId,
  kind: K,
): ReadRecord<K> | undefined {
  return unlessDamaged(() => readRecord(source, commit, kind));
}

function tooNew(): ProtocolError {
  return new ProtocolError('STORE_TOO_NEW', 'this snapshot was taken by a newer version of m', {
    hint: 'use the newest version of m that has been used here',
  });
}

function packed({ path, before, after, by, ambiguous, bornAt }: SessionChange): PackedChange {
  const change = [path, packedState(before), packedState(after), by, ambiguous === true ? 1 : 0] as const;
  return bornAt === undefined ? change : [...change, bornAt];
}

function unpackedChange([path, before, after, by, ambiguous, bornAt]: PackedChange): SessionChange {
  return {
    path,
    before: unpackedState(before),
    after: unpackedState(after),
    by,
    ...(ambiguous === 1 ? { ambiguous: true } : {}),
    ...(bornAt === undefined ? {} : { bornAt }),
  };
}

function packedState(state: MaybeFile): PackedState {
  return state === undefined ? 0 : [state.mode, state.id];
}

function unpackedState(state: PackedState): FileState | undefined {
  return state === 0 ? undefined : { mode: state[0], id: state[1] };
}
