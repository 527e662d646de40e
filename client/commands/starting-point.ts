/** Where a frontend begins, as its flags `-c` and `-r` say. */
import type { StartWish } from '../command-line/start-flags.ts';
import type { CatalogRow } from '../../protocol/session.ts';
import type { CommandContext } from './command.ts';
import { rowById } from './resume.ts';
import { rowOfSession } from './session-rows.ts';

/**
 * The row to go on with, or undefined for a new session. `list` is not decided here: somebody has to be asked.
 * @throws ProtocolError NOT_FOUND, AMBIGUOUS.
 */
export async function startingRow(
  context: Pick<CommandContext, 'client' | 'talk'>,
  from: StartWish['from'],
): Promise<CatalogRow | undefined> {
  switch (from.kind) {
    case 'new':
    case 'list':
      return undefined;
    case 'resume':
      return rowById(context, from.reference);
    case 'continue': {
      const { sessions } = await context.client.call('session/list', { workspace: context.talk.workspace, limit: 1 });
      return sessions[0] === undefined ? undefined : rowOfSession(sessions[0]);
    }
  }
}
