/** The messages of a session or save, a page at a time, so that no conversation is too long to be read. */
import type { Client } from '../../connection/api.ts';
import type { Message } from '../../../protocol/message.ts';
import type { CatalogRow } from '../../../protocol/session.ts';

const PAGE = 200;
const LONGEST_PAGE = 500;

/** All messages, oldest first, in pages. */
export async function* messagesOf(client: Client, row: CatalogRow): AsyncGenerator<readonly Message[]> {
  if (row.kind === 'save') yield* messagesOfSave(client, row.id);
  else yield* messagesOfSession(client, row.session.id);
}

/** All messages in pages, the newest page first, each with its oldest message first. */
export async function* messagesFromEnd(client: Client, row: CatalogRow): AsyncGenerator<readonly Message[]> {
  let before: number | undefined;
  for (;;) {
    const { messages, more } = await pageBefore(client, row, before, PAGE);
    yield messages;
    before = messages[0]?.seq;
    if (!more || before === undefined) return;
  }
}

/** The newest messages, oldest first. */
export async function newestMessages(client: Client, row: CatalogRow, wanted: number): Promise<Message[]> {
  const pages: (readonly Message[])[] = [];
  let left = wanted;
  let before: number | undefined;
  while (left > 0) {
    const page = await pageBefore(client, row, before, Math.min(LONGEST_PAGE, left));
    pages.unshift(page.messages);
    left -= page.messages.length;
    before = page.messages[0]?.seq;
    if (!page.more || before === undefined) break;
  }
  return pages.flat();
}

async function* messagesOfSession(client: Client, sessionId: string): AsyncGenerator<readonly Message[]> {
  let after = 0;
  for (;;) {
    const { messages, more } = await client.call('session/messages', { sessionId, after, limit: PAGE });
    yield messages;
    after = messages.at(-1)?.seq ?? after;
    if (!more || messages.length === 0) return;
  }
}

/** A save is read from its end: first come the places where pages begin, then the pages in reverse. */
async function* messagesOfSave(client: Client, saveId: string): AsyncGenerator<readonly Message[]> {
  const ends: (number | undefined)[] = [];
  let before: number | undefined;
  for (;;) {
    const { messages, more } = await client.call('save/messages', {
      saveId,
      limit: PAGE,
      ...(before === undefined ? {} : { before }),
    });
    if (!more && ends.length === 0) {
      yield messages;
      return;
    }
    ends.unshift(before);
    before = messages[0]?.seq;
    if (!more || before === undefined) break;
  }
  for (const end of ends) {
    const page = await client.call('save/messages', {
      saveId,
      limit: PAGE,
      ...(end === undefined ? {} : { before: end }),
    });
    yield page.messages;
  }
}

async function pageBefore(client: Client, row: CatalogRow, before: number | undefined, limit: number) {
  const position = before === undefined ? { limit } : { limit, before };
  return row.kind === 'save'
    ? client.call('save/messages', { saveId: row.id, ...position })
    : client.call('session/messages', { sessionId: row.session.id, ...position });
}
