/** What fails with the files of workspaces for a reason that is known, told in the log: nobody has to look for a bug. */
import { ProtocolError, type ErrorKind } from '../protocol/errors.ts';
import type { Log } from './log.ts';
import type { Report } from './reporter.ts';

/** Nothing that the error itself says: that names paths. */
const REASONS: Partial<Record<ErrorKind, string>> = {
  STORAGE_FULL: 'because the disk is full',
  STORAGE_FAILED: 'because the system refused a file operation',
  TAMPERED: 'because what is stored is damaged',
  STORE_TOO_NEW: 'because a newer m has stored it',
  NOT_FOUND: 'because the directory is not there',
  REFUSED: 'because snapshots there are refused',
  DEADLINE: 'because it took too long',
  CANCELLED: 'because something else came first',
  INTERNAL: 'because of an error that was told before',
};

/** @param what in lower-case words, such as `snapshots were not cleared up`. */
export type TellFailure = (what: string, error: unknown) => void;

export function failureTeller(log: Log, report: Report): TellFailure {
  return (what, error) => {
    if (error instanceof ProtocolError) log.warn(`${what} ${REASONS[error.kind] ?? ''}`.trim(), { kind: error.kind });
    else report('snapshots', error);
  };
}
