/** Lists sessions, a page at a time, without decrypting what is not shown. */
import type { ListRequest, ListResult, SessionHead } from '../services/ports.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import { DAMAGED_TEXT, nameable, orDamaged, someTime } from './damage.ts';
import type { HeadCheck } from './head-check.ts';
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

  readonly #check: HeadCheck;

  constructor(recency: Recency, sessions: SessionStore, workspaces: WorkspaceStore, check: HeadCheck) {
    this.#check = check;
    this.#recency = recency;
    this.#sessions = sessions;
    this.#workspaces = workspaces;
  }

  /** @throws ProtocolError INVALID_PARAMS for a cursor that is not one of ours. */
  *list(request: ListRequest): SlicedJob<ListResult> {
    this.#check.start();
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
    let last = 0;
    for (const number of numbers) {
      const head = this.#head(number);
      if (head !== undefined && matches(head, words)) {
        if (heads.length === request.limit) {
          nextCursor = cursorOf(heads.at(-1), last);
          break;
        }
        heads.push(head);
        last = number;
      }
      if (timer.used()) yield;
    }
    // A session that was deleted between two slices makes the page shorter, not the list.
    if (numbers.length === most && heads.length > 0) nextCursor ??= cursorOf(heads.at(-1), last);
    return { heads, nextCursor, total: words.length > 0 ? null : this.#recency.countMatching(filter) };
  }

  /** @returns undefined when there is nothing to list: a workspace in which there has never been a session. */
  #filter({ workspace: path, archived, nonEmpty }: ListRequest): SessionFilter | undefined {
    const { damaged, unplaced } = this.#sessions;
    const workspace = path === undefined ? undefined : this.#workspaces.find(path);
    if (path !== undefined && workspace === undefined && damaged.size + unplaced.size === 0) return undefined;
    // No workspace has this number.
    return {
      workspace: path === undefined ? undefined : (workspace ?? -1),
      archived,
      nonEmpty: nonEmpty === true,
      damaged,
      unplaced,
    };
  }

  /** A session as lists show it. @throws ProtocolError NOT_FOUND */
  one(id: string): SessionHead {
    const head = this.#head(this.#sessions.locate(id).number);
    if (head === undefined) throw new ProtocolError('NOT_FOUND', `session not found: ${id}`);
    return head;
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
        return row === undefined ? undefined : damaged(row, number, this.#workspaces.pathOf(row.workspace));
      },
    );
  }
}

function damaged(entry: RecencyRow, number: number, workspace: string): SessionHead {
  return {
    id: nameable(entry.id, number),
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
    createdAt: someTime(entry.createdAt),
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

/** @param number of the row that the head is in. */
function cursorOf(head: SessionHead | undefined, number: number): string {
  return `${head?.updatedAt ?? 0}:${number}`;
}

function placeOf(cursor: string): Place {
  const match = /^(\d{1,16}):(-?\d{1,16})$/.exec(cursor);
  if (match === null) throw new ProtocolError('INVALID_PARAMS', 'this cursor was not made by a list');
  return { updatedAt: Number(match[1]), number: Number(match[2]) };
}
