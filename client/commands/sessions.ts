/** `/sessions`: everything that can be resumed. */
import { ProtocolError } from '../../protocol/errors.ts';
import type { Command, CommandContext } from './command.ts';
import { sessionRows } from './session-rows.ts';
import type { Page } from './shown-list.ts';

const FIRST_ROWS = 40;
const ALL_ROWS = 500;

export const sessions: Command = {
  name: 'sessions',
  takes: '[all]',
  summary: 'list what can be resumed: _autosave, saves, then other sessions',
  async run(context, argument) {
    if (argument !== '' && argument !== 'all') {
      throw new ProtocolError('INVALID_PARAMS', `/sessions takes nothing or \`all\`, not ${argument}`, {
        hint: '/history searches sessions.',
      });
    }
    const { page, more } = await catalog(context, argument === 'all' ? ALL_ROWS : FIRST_ROWS);
    context.shown.begin(page);
    if (page.rows.length === 0) {
      context.print('no saved sessions');
      return;
    }
    const rows = sessionRows(page.rows, 1, context.talk.workspace, context.columns);
    const lines = [`saved sessions (${page.rows.length + more}):`, ...rows];
    if (more > 0) lines.push(`  … and ${more} more: /sessions all, or /history [words] to search`);
    lines.push('use /resume <id or number> to restore');
    context.print(lines.join('\n'));
  },
};

/** What `/sessions` lists. */
export async function catalog(context: CommandContext, limit = FIRST_ROWS): Promise<{ page: Page; more: number }> {
  const { workspace, left } = context.talk;
  const { rows, more } = await context.client.call('session/catalog', {
    workspace,
    limit,
    ...(left === undefined ? {} : { left }),
  });
  return { page: { rows }, more };
}
