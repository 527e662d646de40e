/** The list of sessions, read a page at a time. */
import type { Client } from '../../connection/api.ts';
import type { ParamsOf } from '../../../protocol/methods.ts';

/** What is listed; limit and cursor are added for each page. */
export type ListQuery = Omit<ParamsOf<'session/list'>, 'limit' | 'cursor'>;

const PAGE = 500;

/** @param wanted how many at most. */
export async function* pages(client: Client, params: ListQuery, wanted: number) {
  let left = wanted;
  let cursor: string | null = null;
  do {
    const page: Awaited<ReturnType<typeof fetchPage>> = await fetchPage(client, params, Math.min(PAGE, left), cursor);
    yield page;
    left -= page.sessions.length;
    cursor = page.nextCursor;
  } while (cursor !== null && left > 0);
}

async function fetchPage(client: Client, params: ListQuery, limit: number, cursor: string | null) {
  return client.call('session/list', { ...params, limit, ...(cursor === null ? {} : { cursor }) });
}
