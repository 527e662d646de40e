/** Lists sessions, a page at a time, without decrypting what is not shown. */
import type { ListRequest, ListResult, SessionHead } from '../services/ports.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import { DAMAGED_TEXT, orDamaged, someTime } from './damage.ts';
import type { Place, Recency, RecencyRow, SessionFilter } from './recency.ts';
import type { SessionStore } from './sessions.ts';
import { SliceTimer, type SlicedJob } from './slices.ts';
import type { WorkspaceStore } from './workspaces.ts';

/** Ids begin with the time, so a shorter beginning would match nearly everything. */
const MIN_ID_PREFIX = 6;

export class Lister {
  readonly #recency: Recency;
  readonly #sessions: SessionStore;
  readonly #workspaces: WorkspaceStore;

  constructor(recency: Recency, sessions: SessionStore, workspaces: WorkspaceStore) {
    this.#recency = recency;
    this.#sessions = sessions;
    this.#workspaces = workspaces;
  }

  /** @throws ProtocolError INVALID_PARAMS for a cursor that is not one of ours. */
  *list(request: ListRequest): SlicedJob<ListResult> {
    const filter = this.#filter(request);
    if (filter === undefined) return { heads: [], nextCursor: null, total: 0 };
    const place = request.cursor === undefined ? undefined : placeOf(request.cursor);
    const words = (request.filter ?? '')
      .toLocaleLowerCase()
      .split(/\s+/)
      .filter((word) => word !== '');
    // Words are in what is encrypted, so any number of sessions may have to be opened for a page.
    const most = words.length > 0 ? undefined : request.limit + 1;
    const numbers = this.#recency.newestFirst(filter, place, most);
    const heads: SessionHead[] = [];
    const timer = new SliceTimer();
    let nextCursor: string | null = null;
    for (const number of numbers) {
      const head = this.#head(number);
      if (head !== undefined && matches(head, words)) {
        if (heads.length === request.limit) {
          nextCursor = cursorOf(heads.at(-1));
          break;
        }
        heads.push(head);
      }
      if (timer.used()) yield;
    }
    // A session that was deleted between two slices makes the page shorter, not the list.
    if (numbers.length === most && heads.length > 0) nextCursor ??= cursorOf(heads.at(-1));
    return { heads, nextCursor, total: words.length > 0 ? null : this.#recency.countMatching(filter) };
  }

  /** @returns undefined for a workspace in which there has never been a session. */
  #filter({ workspace: path, archived, nonEmpty }: ListRequest): SessionFilter | undefined {
    const workspace = path === undefined ? undefined : this.#workspaces.find(path);
    if (path !== undefined && workspace === undefined) return undefined;
    return { workspace, archived, nonEmpty: nonEmpty === true };
  }

  /** A session that does not verify is listed as such: hiding it would hide the damage. */
  #head(number: number): SessionHead | undefined {
    return orDamaged(
      () => {
        const state = this.#sessions.peek(number);
        return state === undefined ? undefined : this.#sessions.headOf(state);
      },
      () => {
        const row = this.#recency.row(number);
        return row === undefined ? undefined : damaged(row, this.#workspaces.pathOf(row.workspace));
      },
    );
  }
}

function damaged(entry: RecencyRow, workspace: string): SessionHead {
  return {
    id: entry.id,
    workspace,
    title: DAMAGED_TEXT,
    model: '',
    mode: 'ask',
    agent: '',
    status: 'failed',
    turns: 0,
    messages: 0,
    inputTokens: 0,
    outputTokens: 0,
    lastSeq: 0,
    createdAt: someTime(entry.updatedAt),
    updatedAt: someTime(entry.updatedAt),
    archived: entry.archived === 1,
    pinned: entry.pinned === 1,
    parent: null,
  };
}

function matches(head: SessionHead, words: readonly string[]): boolean {
  if (words.length === 0) return true;
  const text = `${head.title}\n${head.workspace}\n${head.model}`.toLocaleLowerCase();
  const id = head.id.toLocaleLowerCase();
  return words.every((word) => text.includes(word) || (word.length >= MIN_ID_PREFIX && id.startsWith(word)));
}

function cursorOf(head: SessionHead | undefined): string | null {
  return head === undefined ? null : `${head.updatedAt}:${head.id}`;
}

function placeOf(cursor: string): Place {
  const match = /^(\d{1,16}):([0-9A-Z]{26})$/.exec(cursor);
  if (match === null) throw new ProtocolError('INVALID_PARAMS', 'this cursor was not made by a list');
  return { updatedAt: Number(match[1]), id: match[2] ?? '' };
}
