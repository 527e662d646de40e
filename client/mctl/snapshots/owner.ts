/** Whose snapshots a command line is about. */
import { resolveWorkspace } from '../../command-line/workspace.ts';
import type { Client } from '../../connection/api.ts';
import type { SnapshotOwner } from '../../../protocol/snapshot.ts';
import { realWorkspace } from '../real-workspace.ts';
import type { MctlContext } from '../context.ts';
import { findRow } from '../sessions/find.ts';

/** The session that is named, or that of a save, with its workspace. */
export interface NamedSession {
  readonly sessionId: string;
  readonly workspace: string;
}

/** @throws ProtocolError NOT_FOUND, AMBIGUOUS. */
export async function namedSession(client: Client, context: MctlContext, reference: string): Promise<NamedSession> {
  const row = await findRow(client, context, reference);
  if (row.kind === 'save') return { sessionId: row.save.sessionId, workspace: row.save.workspace };
  return { sessionId: row.session.id, workspace: row.session.workspace };
}

/** The workspace of `--cwd`, which may be gone: its snapshots are not. */
export function workspaceOwner(context: MctlContext, cwd: string | undefined): SnapshotOwner {
  return { kind: 'workspace', workspace: realWorkspace(context.around.directory, cwd ?? '.') };
}

/** The workspace of `--cwd`, whose files are to be read. @throws ProtocolError INVALID_PARAMS when it is gone. */
export function presentWorkspace(context: MctlContext, cwd: string | undefined): string {
  return resolveWorkspace(cwd, context.around.directory);
}
