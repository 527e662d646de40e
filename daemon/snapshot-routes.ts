/** Which service answers the methods of snapshots. */
import { ProtocolError } from '../protocol/errors.ts';
import type { ServiceRoutes } from './transport/routes.ts';

export type SnapshotMethod = Extract<keyof ServiceRoutes, `snapshot/${string}` | `restore/${string}`> | 'turn/list';

export function snapshotRoutes(): Pick<ServiceRoutes, SnapshotMethod> {
  const later = (): never => {
    throw new ProtocolError('INTERNAL', 'not wired yet');
  };
  return {
    'snapshot/list': later,
    'snapshot/show': later,
    'snapshot/diff': later,
    'snapshot/status': later,
    'snapshot/take': later,
    'snapshot/export': later,
    'snapshot/writeOut': later,
    'restore/plan': later,
    'restore/apply': later,
    'turn/list': later,
  };
}
