/** Whose snapshots a command line is about. */
import { resolveWorkspace } from '../../command-line/workspace.ts';
import type { Client } from '../../connection/api.ts';
import { takenId } from '../../files/restore-point.ts';
import { ProtocolError } from '../../../protocol/errors.ts';
import type { SnapshotOwner } from '../../../protocol/snapshot.ts';
import { realWorkspace } from '../real-workspace.ts';
import type { MctlContext } from '../context.ts';
import { findRow } from '../sessions/find.ts';

/** The session that is named, or that of a save, with its workspace. */
export interface NamedSession {
  readonly kind: 'session';
  readonly sessionId: string;
  readonly workspace: string;
}

/** @throws ProtocolError NOT_FOUND, AMBIGUOUS. */
export async function namedSession(client: Client, context: MctlContext, reference: string): Promise<NamedSession> {
  const row = await findRow(client, context, reference);
  if (row.kind === 'save') return { kind: 'session', sessionId: row.save.sessionId, workspace: row.save.workspace };
  return { kind: 'session', sessionId: row.session.id, workspace: row.session.workspace };
}

/** A snapshot that was taken by hand, by its id, with its workspace. */
export interface TakenSnapshot {
  readonly kind: 'taken';
  readonly id: string;
  readonly workspace: string;
}

/** @returns undefined for what cannot be the id of a snapshot. */
export function takenSnapshot(
  context: MctlContext,
  reference: string,
  cwd: string | undefined,
): TakenSnapshot | undefined {
  const id = takenId(reference);
  if (id === undefined) return undefined;
  return { kind: 'taken', id, workspace: realWorkspace(context.around.directory, cwd ?? '.') };
}

/** What is no session may be a snapshot: no id is both. @throws ProtocolError NOT_FOUND, AMBIGUOUS. */
export async function sessionOrTaken(
  client: Client,
  context: MctlContext,
  reference: string,
  cwd: string | undefined,
): Promise<NamedSession | TakenSnapshot> {
  try {
    return await namedSession(client, context, reference);
  } catch (error) {
    const taken = takenSnapshot(context, reference, cwd);
    if (taken === undefined || !(error instanceof ProtocolError) || error.kind !== 'NOT_FOUND') throw error;
    return taken;
  }
}

/** The workspace of `--cwd`, which may be gone: its snapshots are not. */
export function workspaceOwner(context: MctlContext, cwd: string | undefined): SnapshotOwner {
  return { kind: 'workspace', workspace: realWorkspace(context.around.directory, cwd ?? '.') };
}

/** The workspace of `--cwd`, whose files are to be read. @throws ProtocolError INVALID_PARAMS when it is gone. */
export function presentWorkspace(context: MctlContext, cwd: string | undefined): string {
  return resolveWorkspace(cwd, context.around.directory);
}
