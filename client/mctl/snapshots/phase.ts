/** The value of `--phase`. */
import { usageError } from '../../command-line/failure.ts';
import type { SnapshotPhase } from '../../../protocol/snapshot.ts';

/** @throws ProtocolError INVALID_PARAMS. */
export function readPhase(text: string | undefined): SnapshotPhase | undefined {
  if (text === undefined || text === 'pre' || text === 'post') return text;
  throw usageError(`--phase takes pre or post, not ${text}`);
}
