/** `mctl sessions delete` */
import { usageError } from '../../command-line/failure.ts';
import { harmlessLine } from '../../command-line/harmless-text.ts';
import { count } from '../../command-line/wording.ts';
import type { Client } from '../../connection/api.ts';
import { ProtocolError } from '../../../protocol/errors.ts';
import type { ResultOf } from '../../../protocol/methods.ts';
import type { Session } from '../../../protocol/session.ts';
import type { Verb } from '../verb.ts';
import { findRow } from './find.ts';

interface DeleteOptions {
  readonly json?: boolean;
  readonly saves?: string;
  readonly yes?: boolean;
}

type SavesChoice = 'refuse' | 'keep' | 'delete';

export const remove: Verb<DeleteOptions> = async ({ context, args, options }) => {
  const saves = readSaves(options.saves);
  const yes = options.yes === true;
  const client = await context.connectUnlocked();
  const row = await findRow(client, context, args[0] ?? '');
  if (row.kind === 'save') {
    await context.confirm(`delete the save ${row.id}; its session stays`, yes);
    const { deleted } = await client.call('save/delete', { opId: client.newOpId(), saveId: row.id });
    context.result({ deleted, session: row.save.sessionId }, `save deleted: ${deleted}`);
    return;
  }
  await context.confirm(question(row.session), yes);
  const receipt = await deleteSession(client, row.session.id, saves);
  context.result(receipt, receiptText(receipt));
};

function readSaves(text: string | undefined): SavesChoice {
  if (text === undefined) return 'refuse';
  if (text === 'keep' || text === 'delete') return text;
  throw usageError(`--saves takes keep or delete, not ${text}`);
}

function question({ id, title, messages }: Session): string {
  const name = title === '' ? '' : ` “${harmlessLine(title)}”`;
  return `delete session ${id}${name} with ${count(messages, 'message')} for good`;
}

async function deleteSession(
  client: Client,
  sessionId: string,
  saves: SavesChoice,
): Promise<ResultOf<'session/delete'>> {
  try {
    return await client.call('session/delete', { opId: client.newOpId(), sessionId, saves });
  } catch (error) {
    const mayBeSaves = error instanceof ProtocolError && error.kind === 'CONFLICT' && saves === 'refuse';
    if (!mayBeSaves || error.hint !== '') throw error;
    throw new ProtocolError('CONFLICT', error.message, {
      hint: 'If it has saves: --saves keep leaves them readable, --saves delete deletes them too.',
      cause: error,
    });
  }
}

function receiptText({ deleted, savesKept, savesDeleted, backups }: ResultOf<'session/delete'>): string {
  const lines = [`session deleted: ${deleted}`, '  its entries and the keys that could read them are gone'];
  if (savesKept > 0) lines.push(`  ${count(savesKept, 'save')} kept, with what is needed to read them`);
  if (savesDeleted > 0) lines.push(`  ${count(savesDeleted, 'save')} deleted`);
  if (backups.length > 0) {
    lines.push('  older backups still hold the key; delete them too to make it final:');
    lines.push(...backups.map((path) => `    ${harmlessLine(path)}`));
  }
  return lines.join('\n');
}
