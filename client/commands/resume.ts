/** `/resume`: go on with a session or a save. */
import { count } from '../command-line/wording.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { CatalogRow } from '../../protocol/session.ts';
import type { Command, CommandContext } from './command.ts';
import { catalog } from './sessions.ts';

/** Numbers of lists begin with another digit than 0, as ids do. */
const NUMBER = /^[1-9][0-9]{0,5}$/;

export const resume: Command = {
  name: 'resume',
  takes: '<id or number>',
  summary: 'go on with a session or save; nothing is written before the next prompt',
  async run(context, argument) {
    if (argument === '') {
      throw new ProtocolError('INVALID_PARAMS', '/resume takes an id or a number', {
        hint: '/sessions lists what can be resumed.',
      });
    }
    const row = NUMBER.test(argument) ? await rowByNumber(context, Number(argument)) : await rowById(context, argument);
    if (row !== undefined) await goTo(context, row);
  },
};

/** Puts the talk on a row of a list, says so, and shows the end of the conversation. */
export async function goTo(context: Pick<CommandContext, 'talk' | 'print'>, row: CatalogRow): Promise<void> {
  if (row.kind === 'save') {
    await context.talk.openSave(row.save, (save) => {
      context.print(resumedLine(save.id, save.messages, save.model));
    });
    return;
  }
  await context.talk.open(row.session.id, (session) => {
    context.print(resumedLine(row.id, session.messages, session.model));
  });
}

/**
 * Finds what a person means by an id.
 * @throws ProtocolError NOT_FOUND `session not found: <id>`, AMBIGUOUS.
 */
export async function rowById(
  context: Pick<CommandContext, 'client' | 'talk'>,
  reference: string,
): Promise<CatalogRow> {
  const { workspace, left } = context.talk;
  try {
    return await context.client.call('session/resolve', {
      reference,
      workspace,
      ...(left === undefined ? {} : { left }),
    });
  } catch (error) {
    if (!(error instanceof ProtocolError) || error.kind !== 'NOT_FOUND') throw error;
    throw new ProtocolError('NOT_FOUND', `session not found: ${reference}`, { cause: error });
  }
}

/** `resumed session _autosave (12 messages, alibaba/deepseek-v3.2)` */
function resumedLine(name: string, messages: number, model: string): string {
  return `resumed session ${name} (${count(messages, 'message')}, ${model})`;
}

/** @returns undefined when there is no such number, which has been said. */
async function rowByNumber(context: CommandContext, number: number): Promise<CatalogRow | undefined> {
  if (context.shown.rows === undefined) context.shown.begin((await catalog(context)).page);
  const rows = context.shown.rows ?? [];
  const row = rows[number - 1];
  if (row === undefined) {
    context.print(rows.length === 0 ? 'no saved sessions' : `pick a number between 1 and ${rows.length}`);
  }
  return row;
}
