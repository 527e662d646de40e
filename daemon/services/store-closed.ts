/** What fails because the store is put away. */
import { ProtocolError } from '../../protocol/errors.ts';

/** True when the daemon leaves, or its store was locked or lost: whoever did that tells of it. */
export function isStoreClosed(error: unknown): boolean {
  return error instanceof ProtocolError && (error.kind === 'DRAINING' || error.kind.startsWith('KEY_'));
}
