/** The newest turn of which something is true. */
import type { Client } from '../connection/api.ts';
import type { ResultOf } from '../../protocol/methods.ts';
import type { TurnSummary } from '../../protocol/turn-summary.ts';

/** Mostly it is the first one: no more is read than that. */
const FIRST_PAGE = 2;
const PAGE = 100;

export async function newestTurn(
  client: Client,
  sessionId: string,
  isMeant: (turn: TurnSummary) => boolean,
): Promise<number | undefined> {
  let before: number | undefined;
  for (;;) {
    const page: ResultOf<'turn/list'> = await client.call('turn/list', {
      sessionId,
      ...(before === undefined ? { limit: FIRST_PAGE } : { limit: PAGE, before }),
    });
    const found = page.turns.find(isMeant);
    if (found !== undefined) return found.turn;
    before = page.turns.at(-1)?.turn;
    if (!page.more || before === undefined) return undefined;
  }
}
