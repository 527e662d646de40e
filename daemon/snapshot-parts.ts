/** Builds what keeps the files of workspaces, for daemon.ts. */
import { homedir } from 'node:os';
import type { ConfigurationStore } from './config/store.ts';
import type { DaemonContext } from './life/daemon-context.ts';
import type { Report } from './reporter.ts';
import { fulfilsWithin } from './services/deadline.ts';
import type { ClockPort, SessionHead, VaultPort } from './services/ports.ts';
import type { ProtectionChanges } from './services/protection-changes.ts';
import { PruneService } from './services/prune-service.ts';
import { RelinkService } from './services/relink-service.ts';
import { RestoreService } from './services/restore-service.ts';
import { SessionFiles } from './services/session-files.ts';
import type { SessionService } from './services/session-service.ts';
import type { WorkspacesPort } from './services/snapshot-port.ts';
import { SnapshotService } from './services/snapshot-service.ts';
import type { TurnService } from './services/turn-service.ts';
import { SnapshotKeeper } from './services/snapshot-keeper.ts';
import { WorkspaceHolds } from './services/workspace-holds.ts';
import { failureTeller } from './snapshot-failures.ts';
import { WorkspaceThreads } from './workspace/thread/workspace-threads.ts';

/** How long turns wait for restores to be completed that a daemon before this one had begun, in milliseconds. */
const RECOVERY_MS = 60_000;

export interface SnapshotParts {
  readonly configuration: ConfigurationStore;
  readonly vault: VaultPort;
  readonly clock: ClockPort;
  readonly report: Report;
  readonly protections: ProtectionChanges;
}

export interface SnapshotRoom {
  readonly workspaces: WorkspacesPort;
  readonly holds: WorkspaceHolds;
  /** For turns. */
  readonly keeper: SnapshotKeeper;
  /** For forks and deletions. */
  readonly files: SessionFiles;
  readonly snapshots: SnapshotService;
  readonly pruning: PruneService;
  restoresOf(turns: TurnService): RestoreService;
  relinkingOf(parts: { readonly turns: TurnService; readonly sessions: SessionService }): RelinkService;
  /** Completes restores that were cut off, so that no turn goes on among half of the files. Never rejects. */
  recover(): Promise<void>;
}

export function buildSnapshots({ dataDir, log }: DaemonContext, parts: SnapshotParts): SnapshotRoom {
  const { configuration, vault, clock } = parts;
  const report = (error: unknown): string => parts.report('snapshots', error);
  const tell = failureTeller(log, parts.report);
  const settings = () => configuration.current.snapshots;
  const workspaces = new WorkspaceThreads({
    dataDirectory: dataDir,
    home: homedir(),
    // Empty counts as not set, as the specification of these directories says.
    configHome: process.env['XDG_CONFIG_HOME'] === '' ? undefined : process.env['XDG_CONFIG_HOME'],
    keys: vault,
    settings,
    onUnexpected: (name, stack) => {
      const error = new Error('unexpected');
      error.stack = stack;
      parts.report(`workspace.${name}`, error);
    },
  });
  const holds = new WorkspaceHolds();
  return {
    workspaces,
    holds,
    keeper: new SnapshotKeeper({ workspaces, holds, settings, report }),
    files: new SessionFiles(workspaces, (error) => tell('snapshots of a session not updated', error)),
    snapshots: new SnapshotService({ vault, clock, workspaces, settings }),
    pruning: new PruneService({
      vault,
      clock,
      workspaces,
      changes: parts.protections,
      settings,
      failed: (error) => tell('snapshots not cleared up', error),
      log: (message, facts) => {
        log.info(message, facts);
      },
    }),
    restoresOf: (turns) => new RestoreService({ vault, turns, workspaces, holds }),
    relinkingOf: ({ turns, sessions }) => {
      const changed = (head: SessionHead): void => sessions.changed(head);
      return new RelinkService({ vault, turns, workspaces, holds, changed });
    },
    recover: async () => {
      const done = workspaces.recover().then((sentences) => {
        // What they say names files.
        if (sentences.length > 0) log.info('restores completed', { count: sentences.length });
      });
      try {
        if (!(await fulfilsWithin(done, RECOVERY_MS))) log.warn('restores are still being completed');
      } catch (error) {
        // The store may be put away, or the daemon stopped, at any moment of a start.
        tell('restores were not completed', error);
      }
    },
  };
}
