/** `/history` and `/more`: browse all sessions, a page at a time. */
import { count } from '../command-line/wording.ts';
import type { Command, CommandContext } from './command.ts';
import { rowOfSession, sessionRows } from './session-rows.ts';
import type { Page } from './shown-list.ts';

const PAGE = 20;

export const history: Command = {
  name: 'history',
  takes: '[words]',
  summary: 'browse sessions of every workspace; words must occur in title, workspace or id',
  async run(context, argument) {
    const { page, total } = await fetchPage(context, argument, undefined);
    context.shown.begin(page);
    if (page.rows.length === 0) {
      context.print(argument === '' ? 'no sessions' : `no session matches: ${argument}`);
      return;
    }
    const heading = total === null ? 'sessions:' : `sessions (${total}):`;
    context.print(
      [heading, ...sessionRows(page.rows, 1, context.talk.workspace, context.columns), footer(context)].join('\n'),
    );
  },
};

export const more: Command = {
  name: 'more',
  summary: 'the next page of /history',
  async run(context) {
    const next = await context.shown.more();
    if (next === undefined) {
      context.print('nothing more to show');
      return;
    }
    context.print(
      [...sessionRows(next.page.rows, next.first, context.talk.workspace, context.columns), footer(context)].join('\n'),
    );
  },
};

async function fetchPage(
  context: CommandContext,
  filter: string,
  cursor: string | undefined,
): Promise<{ page: Page; total: number | null }> {
  const { sessions, nextCursor, total } = await context.client.call('session/list', {
    limit: PAGE,
    ...(filter === '' ? {} : { filter }),
    ...(cursor === undefined ? {} : { cursor }),
  });
  const next = nextCursor === null ? undefined : async () => (await fetchPage(context, filter, nextCursor)).page;
  return { page: { rows: sessions.map(rowOfSession), next }, total };
}

function footer(context: CommandContext): string {
  const shown = count(context.shown.rows?.length ?? 0, 'session');
  const rest = context.shown.hasMore ? `; ${shown} shown, /more shows the next` : '';
  return `use /resume <id or number> to restore${rest}`;
}
