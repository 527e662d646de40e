/** Methods about snapshots of files, and about bringing files back. */
import { method } from './method-spec.ts';
import {
  SnapshotExportParams,
  SnapshotExportResult,
  SnapshotGiveUpParams,
  SnapshotGiveUpResult,
  SnapshotTakeParams,
  SnapshotTakeResult,
  SnapshotWriteOutParams,
  SnapshotWriteOutResult,
} from './snapshot-orders.ts';
import {
  RestoreApplyParams,
  RestorePlan,
  RestorePlanParams,
  RestoreResult,
  SnapshotDiffParams,
  SnapshotDiffResult,
  SnapshotListParams,
  SnapshotListResult,
  SnapshotShowParams,
  SnapshotShowResult,
  SnapshotStatus,
  SnapshotStatusParams,
} from './snapshot.ts';
import {
  SnapshotPruneParams,
  SnapshotPruneResult,
  SnapshotRelinkParams,
  SnapshotRelinkResult,
  SnapshotUsageParams,
  SnapshotUsageResult,
  SnapshotVerifyParams,
  SnapshotVerifyResult,
} from './stored-snapshots.ts';
import { TurnListParams, TurnListResult } from './turn-summary.ts';

/** A large workspace is read from the disk, or a slow disk is written to. */
const LONG = 600_000;
/** Everything that is stored of one is read. */
const VERY_LONG = 3_600_000;

export const SNAPSHOT_METHODS = {
  'snapshot/list': method(SnapshotListParams, SnapshotListResult, {
    summary: 'Snapshots of a session or of a workspace, newest first.',
    errors: ['NOT_FOUND'],
    effect: 'read',
    admin: true,
    deadlineMs: LONG,
  }),

  'snapshot/show': method(SnapshotShowParams, SnapshotShowResult, {
    summary: 'One snapshot: what is in it, what was left out and why.',
    errors: ['NOT_FOUND', 'TAMPERED'],
    effect: 'read',
    admin: true,
    deadlineMs: LONG,
  }),

  'snapshot/diff': method(SnapshotDiffParams, SnapshotDiffResult, {
    summary: 'What differs between two snapshots, or between one and the files as they are.',
    errors: ['NOT_FOUND', 'TAMPERED'],
    effect: 'read',
    admin: true,
    deadlineMs: LONG,
  }),

  'snapshot/status': method(SnapshotStatusParams, SnapshotStatus, {
    summary: 'Whether the files of a workspace are captured, and what that costs.',
    errors: [],
    effect: 'read',
    admin: true,
    deadlineMs: 30_000,
  }),

  'snapshot/take': method(SnapshotTakeParams, SnapshotTakeResult, {
    summary: 'Takes a snapshot of a workspace now.',
    errors: ['REFUSED', 'LIMIT_REACHED', 'STORAGE_FULL', 'CONFLICT'],
    effect: 'op',
    admin: true,
    deadlineMs: LONG,
  }),

  'snapshot/giveUp': method(SnapshotGiveUpParams, SnapshotGiveUpResult, {
    summary:
      'Has the running turn go on without the snapshot from before it, or end without the one after it, which takes long.',
    errors: [],
    effect: 'set',
    admin: true,
  }),

  'snapshot/export': method(SnapshotExportParams, SnapshotExportResult, {
    summary: 'Writes the snapshots of a workspace into a new directory as a plain bare git repository.',
    errors: ['NOT_FOUND', 'CONFLICT', 'TAMPERED', 'STORAGE_FULL'],
    effect: 'once',
    admin: true,
    deadlineMs: LONG,
  }),

  'snapshot/writeOut': method(SnapshotWriteOutParams, SnapshotWriteOutResult, {
    summary: 'Writes the files of a snapshot into a new directory.',
    errors: ['NOT_FOUND', 'CONFLICT', 'TAMPERED', 'STORAGE_FULL'],
    effect: 'once',
    admin: true,
    deadlineMs: LONG,
  }),

  'snapshot/prune': method(SnapshotPruneParams, SnapshotPruneResult, {
    summary: 'Removes snapshots that are too old or for which there is no room, and gives back what they took.',
    errors: [],
    effect: 'set',
    admin: true,
    deadlineMs: LONG,
  }),

  'snapshot/verify': method(SnapshotVerifyParams, SnapshotVerifyResult, {
    summary: 'Reads everything that is stored of a workspace with two readers, and says what is damaged.',
    errors: ['NOT_FOUND'],
    effect: 'read',
    admin: true,
    deadlineMs: VERY_LONG,
  }),

  'snapshot/relink': method(SnapshotRelinkParams, SnapshotRelinkResult, {
    summary: 'Lets the sessions and snapshots of a directory that was moved go on at its new path.',
    errors: ['INVALID_PARAMS', 'NOT_FOUND', 'CONFLICT', 'REFUSED', 'TAMPERED'],
    effect: 'op',
    admin: true,
    deadlineMs: 60_000,
  }),

  'snapshot/usage': method(SnapshotUsageParams, SnapshotUsageResult, {
    summary: 'What snapshots take on the disk, and when old ones go.',
    errors: [],
    effect: 'read',
    admin: true,
    deadlineMs: LONG,
  }),

  'restore/plan': method(RestorePlanParams, RestorePlan, {
    summary: 'Says what bringing files back would do. Nothing in the workspace is changed.',
    errors: ['NOT_FOUND', 'CONFLICT', 'TAMPERED', 'REFUSED', 'LIMIT_REACHED', 'STORAGE_FULL'],
    effect: 'read',
    admin: true,
    deadlineMs: LONG,
  }),

  'restore/apply': method(RestoreApplyParams, RestoreResult, {
    summary: 'Does what a plan says. What has changed since the plan is left and reported.',
    errors: ['NOT_FOUND', 'CONFLICT', 'TAMPERED', 'STORAGE_FULL'],
    effect: 'op',
    admin: true,
    deadlineMs: LONG,
  }),

  'turn/list': method(TurnListParams, TurnListResult, {
    summary: 'The turns of a session, newest first, with what each did to the files.',
    errors: ['NOT_FOUND', 'TAMPERED'],
    effect: 'read',
    admin: true,
  }),
} as const;
