/** Finds the session or save that a person names. */
import { realpathSync } from 'node:fs';
import type { Client } from '../../connection/api.ts';
import { ProtocolError } from '../../../protocol/errors.ts';
import type { CatalogRow, Session } from '../../../protocol/session.ts';
import type { MctlContext } from '../context.ts';

/**
 * @param reference `_autosave`, an id, or the beginning of one.
 * @throws ProtocolError NOT_FOUND, AMBIGUOUS.
 */
export async function findRow(client: Client, context: MctlContext, reference: string): Promise<CatalogRow> {
  try {
    return await client.call('session/resolve', { reference, workspace: realpathSync(context.around.directory) });
  } catch (error) {
    if (!(error instanceof ProtocolError) || error.kind !== 'NOT_FOUND') throw error;
    throw new ProtocolError('NOT_FOUND', `session not found: ${reference}`, {
      hint: '`mctl sessions list --all` lists them.',
      cause: error,
    });
  }
}

/**
 * A session to be changed.
 * @throws ProtocolError NOT_FOUND, AMBIGUOUS; INVALID_PARAMS for a save.
 */
export async function findSession(client: Client, context: MctlContext, reference: string): Promise<Session> {
  const row = await findRow(client, context, reference);
  if (row.kind !== 'save') return row.session;
  throw new ProtocolError('INVALID_PARAMS', `${row.id} is a save, which never changes`, {
    hint: `Its session is ${row.save.sessionId}.`,
  });
}
