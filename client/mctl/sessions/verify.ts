/** `mctl sessions verify` */
import { EXIT } from '../../command-line/failure.ts';
import { harmlessLine } from '../../command-line/harmless-text.ts';
import { count } from '../../command-line/wording.ts';
import type { Client } from '../../connection/api.ts';
import type { MctlContext } from '../context.ts';
import type { Verb } from '../verb.ts';
import { findSession } from './find.ts';

const PAGE = 500;
/** In the place of an id, for what belongs to no session. */
const REST = 'store';

export const verify: Verb<{ readonly json?: boolean }> = async ({ context, args }) => {
  const client = await context.connectUnlocked();
  const results: { id: string; entries: number; problems: string[] }[] = [];
  for await (const id of idsOf(client, context, args)) {
    const { entries, problems } = await client.call('session/verify', { sessionId: id });
    results.push({ id, entries, problems });
    for (const problem of problems) context.say(`${id}: ${harmlessLine(problem)}`);
  }
  const all = args.length === 0;
  if (all) {
    const { entries, problems } = await client.call('store/verify', {});
    results.push({ id: REST, entries, problems });
    for (const problem of problems) context.say(harmlessLine(problem));
  }
  const sessions = results.length - (all ? 1 : 0);
  const bad = results.filter(({ problems }) => problems.length > 0).length;
  const entries = results.reduce((sum, result) => sum + result.entries, 0);
  const verdict = bad === 0 ? 'everything verifies' : `${bad} do not verify`;
  const what = all
    ? `all sessions (${sessions}, archived ones too) and what belongs to none`
    : count(sessions, 'session');
  context.result(results, `${what}, ${entries} entries: ${verdict}`);
  return bad === 0 ? EXIT.ok : EXIT.failed;
};

async function* idsOf(client: Client, context: MctlContext, references: readonly string[]): AsyncGenerator<string> {
  for (const reference of references) yield (await findSession(client, context, reference)).id;
  if (references.length > 0) return;
  let cursor: string | null = null;
  do {
    const page: { sessions: { id: string }[]; nextCursor: string | null } = await client.call('session/list', {
      archived: 'include',
      limit: PAGE,
      ...(cursor === null ? {} : { cursor }),
    });
    for (const { id } of page.sessions) yield id;
    cursor = page.nextCursor;
  } while (cursor !== null);
}
