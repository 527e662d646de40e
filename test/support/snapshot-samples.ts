/** Answers about snapshots, to be varied by a test. */
import type { ResultOf } from '../../protocol/methods.ts';
import type { DiffFile, RestorePlan, RestoreResult, SnapshotEntry, SnapshotStatus } from '../../protocol/snapshot.ts';
import type { TurnSummary } from '../../protocol/turn-summary.ts';
import type { FakeDaemon } from './fake-daemon.ts';

export const AT = '2025-07-04T12:30:00.000Z';

export function entry(change: Partial<SnapshotEntry> = {}): SnapshotEntry {
  return {
    restorable: true,
    reason: '',
    files: 2,
    added: 10,
    removed: 3,
    byShell: 1,
    others: 0,
    skipped: 0,
    ...change,
  };
}

export function summary(turn: number, change: Partial<TurnSummary> = {}): TurnSummary {
  return { turn, at: AT, prompt: `prompt ${turn}`, state: 'completed', snapshot: entry(), ...change };
}

export function diffFile(change: Partial<DiffFile> = {}): DiffFile {
  return {
    path: 'src/a.ts',
    change: 'changed',
    content: 'text',
    added: 1,
    removed: 1,
    bytesBefore: 8,
    bytesAfter: 8,
    modeBefore: '100644',
    modeAfter: '100644',
    by: 'tool',
    hunks: [
      {
        oldStart: 1,
        oldLines: 2,
        newStart: 1,
        newLines: 2,
        lines: [
          { kind: ' ', text: 'one' },
          { kind: '-', text: 'two' },
          { kind: '+', text: 'three' },
        ],
      },
    ],
    truncated: false,
    ...change,
  };
}

export function diffPage(
  files: DiffFile[],
  change: Partial<ResultOf<'snapshot/diff'>> = {},
): ResultOf<'snapshot/diff'> {
  return { files, nextOffset: null, total: files.length, added: 1, removed: 1, ...change };
}

export function plan(change: Partial<RestorePlan> = {}): RestorePlan {
  return {
    planId: 'p1',
    files: [{ path: 'src/a.ts', action: 'change', byShell: false, added: 1, removed: 3 }],
    filesMore: 0,
    kept: [],
    keptMore: 0,
    counts: { create: 0, change: 1, delete: 0, kept: 0, conflicts: 0 },
    warnings: [],
    ...change,
  };
}

/** Two files change; one is kept because somebody changed it after the session. */
export function planWithConflict(): RestorePlan {
  return plan({
    planId: 'p-conflict',
    kept: [{ path: 'both.txt', reason: 'conflict' }],
    counts: { create: 0, change: 1, delete: 0, kept: 1, conflicts: 1 },
  });
}

export function result(change: Partial<RestoreResult> = {}): RestoreResult {
  return {
    files: [{ path: 'src/a.ts', outcome: 'restored', reason: '' }],
    filesMore: 0,
    restored: 1,
    deleted: 0,
    left: 0,
    kept: 0,
    conflicts: 0,
    ...change,
  };
}

export function status(change: Partial<SnapshotStatus> = {}): SnapshotStatus {
  return {
    state: 'on',
    reason: '',
    encrypted: true,
    files: 1203,
    bytes: 45_200_000,
    skipped: 3,
    skippedFiles: [],
    lastAt: AT,
    lastDurationMs: 120,
    snapshots: 8,
    storedBytes: 12_000_000,
    busy: null,
    engine: 'scan',
    engineReason: '1203 files are scanned quickly',
    ...change,
  };
}

/** A daemon whose restores go as planned, with the plans that were asked for. */
export function withRestores(daemon: FakeDaemon, plans: RestorePlan[], restored = result()): void {
  let next = 0;
  daemon.overrides['restore/plan'] = () => plans[Math.min(next++, plans.length - 1)];
  daemon.overrides['restore/apply'] = () => restored;
}
