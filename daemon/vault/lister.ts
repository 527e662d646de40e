/** Lists sessions, a page at a time, without decrypting what is not shown. */
import type { ListRequest, ListResult, SessionHead } from '../services/ports.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import { DAMAGED_TEXT, orDamaged, someTime } from './damage.ts';
import type { Recency, RecencyEntry } from './recency.ts';
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
    const matching = this.#candidates(request);
    const words = (request.filter ?? '')
      .toLocaleLowerCase()
      .split(/\s+/)
      .filter((word) => word !== '');
    const heads: SessionHead[] = [];
    const timer = new SliceTimer();
    let nextCursor: string | null = null;
    for (const candidate of request.cursor === undefined ? matching : after(matching, request.cursor)) {
      const head = this.#head(candidate);
      if (head !== undefined && matches(head, words)) {
        if (heads.length === request.limit) {
          nextCursor = cursorOf(heads.at(-1));
          break;
        }
        heads.push(head);
      }
      if (timer.used()) yield;
    }
    return { heads, nextCursor, total: words.length > 0 ? null : matching.length };
  }

  #candidates(request: ListRequest): RecencyEntry[] {
    const workspace = request.workspace === undefined ? undefined : this.#workspaces.find(request.workspace);
    if (request.workspace !== undefined && workspace === undefined) return [];
    return this.#recency
      .newestFirst()
      .filter(
        (entry) =>
          (workspace === undefined || entry.workspace === workspace) &&
          (request.archived === 'include' || entry.archived === (request.archived === 'only')) &&
          (request.nonEmpty !== true || entry.turns > 0),
      );
  }

  /** A session that does not verify is listed as such: hiding it would hide the damage. */
  #head(entry: RecencyEntry): SessionHead | undefined {
    return orDamaged(
      () => {
        const state = this.#sessions.peek(entry.number);
        return state === undefined ? undefined : this.#sessions.headOf(state);
      },
      () => damaged(entry, this.#workspaces.pathOf(entry.workspace)),
    );
  }
}

function damaged(entry: RecencyEntry, workspace: string): SessionHead {
  return {
    id: entry.id,
    workspace,
    title: DAMAGED_TEXT,
    model: '',
    status: 'failed',
    turns: 0,
    messages: 0,
    inputTokens: 0,
    outputTokens: 0,
    lastSeq: 0,
    createdAt: someTime(entry.updatedAt),
    updatedAt: someTime(entry.updatedAt),
    archived: entry.archived,
    pinned: entry.pinned,
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

/** What follows the cursor, also when the session it names has moved since. */
function after(entries: readonly RecencyEntry[], cursor: string): RecencyEntry[] {
  const match = /^(\d{1,16}):([0-9A-Z]{26})$/.exec(cursor);
  if (match === null) throw new ProtocolError('INVALID_PARAMS', 'this cursor was not made by a list');
  const at = Number(match[1]);
  const index = entries.findIndex((entry) => entry.id === match[2] && entry.updatedAt === at);
  return index === -1 ? entries.filter((entry) => entry.updatedAt < at) : entries.slice(index + 1);
}
