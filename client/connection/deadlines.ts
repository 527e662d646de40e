/**
 * What a client must know of the method table at run time. The table itself would bring the schema library into every
 * client, so the exceptions are repeated here; a test compares the two.
 */
import type { MethodName } from '../../protocol/methods.ts';

const USUAL_MS = 10_000;
const UNUSUAL_MS: Partial<Record<MethodName, number>> = {
  'daemon/release': 30_000,
  'key/status': 150_000,
  'key/unlock': 150_000,
  'key/move': 150_000,
  'model/list': 15_000,
  'session/compact': 600_000,
  'session/delete': 120_000,
  'session/verify': 120_000,
  'store/verify': 120_000,
  'snapshot/list': 600_000,
  'snapshot/show': 600_000,
  'snapshot/diff': 600_000,
  'snapshot/status': 30_000,
  'snapshot/take': 600_000,
  'snapshot/export': 600_000,
  'snapshot/writeOut': 600_000,
  'snapshot/prune': 600_000,
  'snapshot/verify': 3_600_000,
  'snapshot/relink': 60_000,
  'snapshot/usage': 600_000,
  'restore/plan': 600_000,
  'restore/apply': 600_000,
};
const ONCE: readonly MethodName[] = [
  'daemon/release',
  'key/move',
  'session/compact',
  'history/add',
  'snapshot/export',
  'snapshot/writeOut',
];

/** The daemon's own deadline for a method, in milliseconds. */
export function deadlineOf(method: MethodName): number {
  return UNUSUAL_MS[method] ?? USUAL_MS;
}

/** Whether a call whose answer was lost may be sent again. */
export function isRepeatable(method: MethodName): boolean {
  return !ONCE.includes(method);
}
