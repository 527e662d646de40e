/** Failures of the rooms of this thread as clients hear of them. */
import { ProtocolError } from '../../../protocol/errors.ts';
import {
  DestinationNotEmpty,
  ExportStopped,
  MissingObject,
  StoreFull,
  TamperedObject,
  TamperedRefs,
} from '../objects/store-errors.ts';
import { WorkspaceMoved } from '../restore/held-root.ts';
import { systemCode } from '../restore/restore-disk.ts';
import { RestoreUnfinished, TamperedJournal } from '../restore/restore-journal.ts';
import { WorkspaceUnreadable } from '../scan/scan-result.ts';

const NO_ROOM = new Set(['ENOSPC', 'EDQUOT']);

/** @returns undefined for a bug. */
export function asProtocolError(error: unknown): ProtocolError | undefined {
  if (error instanceof ProtocolError) return error;
  if (!(error instanceof Error)) return undefined;
  const { message } = error;
  if (error instanceof TamperedObject || error instanceof TamperedRefs) return new ProtocolError('TAMPERED', message);
  if (error instanceof MissingObject || error instanceof TamperedJournal) return new ProtocolError('TAMPERED', message);
  if (error instanceof StoreFull) return new ProtocolError('STORAGE_FULL', message, { retryable: true });
  if (error instanceof DestinationNotEmpty) return new ProtocolError('CONFLICT', message);
  if (error instanceof RestoreUnfinished) return new ProtocolError('CONFLICT', message, { retryable: true });
  if (error instanceof ExportStopped) return new ProtocolError('CANCELLED', message);
  if (error instanceof WorkspaceUnreadable) return new ProtocolError('NOT_FOUND', message);
  if (error instanceof WorkspaceMoved) return new ProtocolError('NOT_FOUND', message);
  return fromSystem(error);
}

function fromSystem(error: Error): ProtocolError | undefined {
  const code = systemCode(error);
  if (code === undefined) return undefined;
  if (NO_ROOM.has(code)) {
    return new ProtocolError('STORAGE_FULL', 'there is no room left on the disk', { retryable: true, cause: error });
  }
  return new ProtocolError('STORAGE_FAILED', `the system refused a file operation (${code})`, {
    hint: 'look whether the workspace and the data directory are there, and may be read and written',
    cause: error,
  });
}
