/** Which service answers the methods of snapshots. */
import type { VaultPort } from './services/ports.ts';
import type { PruneService } from './services/prune-service.ts';
import type { RelinkService } from './services/relink-service.ts';
import type { RestoreService } from './services/restore-service.ts';
import type { SnapshotService } from './services/snapshot-service.ts';
import type { WorkspacesPort } from './services/snapshot-port.ts';
import { listTurns } from './services/turn-list.ts';
import type { SnapshotKeeper } from './services/snapshot-keeper.ts';
import type { TurnService } from './services/turn-service.ts';
import type { ServiceRoutes } from './transport/routes.ts';

export interface SnapshotServices {
  readonly vault: VaultPort;
  readonly turns: TurnService;
  readonly workspaces: WorkspacesPort;
  readonly keeper: SnapshotKeeper;
  readonly snapshots: SnapshotService;
  readonly restores: RestoreService;
  readonly pruning: PruneService;
  readonly relinking: RelinkService;
}

export type SnapshotMethod = Extract<keyof ServiceRoutes, `snapshot/${string}` | `restore/${string}`> | 'turn/list';

export function snapshotRoutes(services: SnapshotServices): Pick<ServiceRoutes, SnapshotMethod> {
  const { vault, turns, keeper, snapshots, restores, pruning, relinking } = services;
  return {
    'snapshot/list': (params) => snapshots.list(params),
    'snapshot/show': (params) => snapshots.show(params),
    'snapshot/diff': (params) => snapshots.diff(params),
    'snapshot/status': async (params) => ({
      ...(await snapshots.status(params)),
      ...(await pruning.statusOf(params.workspace)),
    }),
    'snapshot/take': (params) => snapshots.take(params),
    'snapshot/giveUp': ({ sessionId }) => Promise.resolve(keeper.giveUp(sessionId)),
    'snapshot/export': (params) => snapshots.exportTo(params),
    'snapshot/writeOut': (params) => snapshots.writeOut(params),
    'snapshot/prune': (params) => pruning.prune(params),
    'snapshot/usage': (params) => pruning.usage(params),
    'snapshot/verify': (params, { signal }) => snapshots.verify(params, signal),
    'snapshot/relink': (params) => relinking.relink(params),
    'restore/plan': (params) => restores.plan(params),
    'restore/apply': (params) => restores.apply(params),
    'turn/list': (params) => listTurns(vault, params, turns.current(params.sessionId)),
  };
}
