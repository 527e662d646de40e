/** `mctl sessions list` */
import { harmlessJson } from '../../command-line/harmless-text.ts';
import type { Client } from '../../connection/api.ts';
import type { Session } from '../../../protocol/session.ts';
import type { MctlContext } from '../context.ts';
import { wholeNumber } from '../number-option.ts';
import { realWorkspace } from '../real-workspace.ts';
import type { Verb } from '../verb.ts';
import { type ListQuery, pages } from './pages.ts';
import { sessionShape } from './shape.ts';
import { table } from './table.ts';

interface ListOptions {
  readonly json?: boolean;
  readonly workspace?: string;
  readonly archived?: boolean;
  readonly all?: boolean;
  readonly limit?: string;
  readonly watch?: boolean;
}

const DEFAULT_ROWS = 50;

export const list: Verb<ListOptions> = async ({ context, args, options }) => {
  const wanted = wholeNumber('--limit', options.limit) ?? (context.isJson ? Number.POSITIVE_INFINITY : DEFAULT_ROWS);
  const params = query(options, args, context.around.directory);
  const client = await context.connectUnlocked();
  if (options.watch === true) {
    const { watch } = await import('./watch.ts');
    await watch(context, client, params, wanted);
    return;
  }
  if (context.isJson) await printJson(context, pages(client, params, wanted));
  else await printText(context, client, params, wanted);
};

function query(options: ListOptions, words: readonly string[], directory: string): ListQuery {
  return {
    archived: options.archived === true ? 'only' : options.all === true ? 'include' : 'exclude',
    ...(words.length === 0 ? {} : { filter: words.join(' ') }),
    ...(options.workspace === undefined ? {} : { workspace: realWorkspace(directory, options.workspace) }),
  };
}

async function printJson(context: MctlContext, all: ReturnType<typeof pages>): Promise<void> {
  let isFirst = true;
  for await (const { sessions } of all) {
    for (const session of sessions) {
      context.stdout.write(`${isFirst ? '[\n' : ',\n'}  ${harmlessJson(sessionShape(session))}`);
      isFirst = false;
    }
    await context.stdout.drained();
  }
  context.stdout.write(isFirst ? '[]\n' : '\n]\n');
}

async function printText(context: MctlContext, client: Client, params: ListQuery, wanted: number): Promise<void> {
  const sessions: Session[] = [];
  let more: string | null = null;
  let total: number | null = null;
  for await (const page of pages(client, params, wanted)) {
    sessions.push(...page.sessions);
    more = page.nextCursor;
    total = page.total;
  }
  if (sessions.length === 0) {
    context.say(params.filter === undefined ? 'no sessions' : `no session matches: ${params.filter}`);
    return;
  }
  const columns = context.stdout.isTerminal ? context.stdout.columns : Number.POSITIVE_INFINITY;
  context.stdout.line(table(sessions, columns).join('\n'));
  if (more !== null) {
    const of = total === null ? '' : ` of ${total}`;
    context.stderr.line(`${sessions.length}${of} shown; --limit shows more`);
  }
}
