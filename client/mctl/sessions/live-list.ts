/** A list of sessions kept true: read once, changed by what the daemon tells, and read again whenever something may be missing. */
import type { Client } from '../../connection/api.ts';
import { pause } from '../../connection/pause.ts';
import type { ListNotice } from '../../../protocol/event.ts';
import type { Session } from '../../../protocol/session.ts';
import { type ListQuery, pages } from './pages.ts';
import { sessionShape } from './shape.ts';

/** Whoever shows it. */
export interface ListView {
  /** The list as it was found at first, newest first. */
  listed(sessions: readonly Session[]): void;
  changed(session: Session): void;
  /** Deleted, or not part of this list any more. */
  removed(sessionId: string): void;
  lost(reason: string): void;
  /** The connection is there again, and everything that happened meanwhile has been told. */
  restored(): void;
}

/** Time between two readings of a list that only the daemon can filter. */
const FILTERED_PAUSE_MS = 500;

export class LiveList {
  readonly #client: Client;
  readonly #query: ListQuery;
  readonly #wanted: number;
  readonly #view: ListView;
  /** Opens the store when a new daemon has no key. */
  readonly #unlock: () => Promise<unknown>;
  readonly #known = new Map<string, Session>();
  /** Set while the list is being read: what is told meanwhile. */
  #early: ListNotice[] | undefined;
  #isStale = false;
  #isLost = false;
  /** Whether the loss was shown, and its end not yet. */
  #showsLoss = false;
  #isListed = false;
  /** Whether there are sessions beyond those that were read. */
  #hasMore = false;

  constructor(options: {
    client: Client;
    query: ListQuery;
    /** How many are read. */
    wanted: number;
    view: ListView;
    unlock: () => Promise<unknown>;
  }) {
    this.#client = options.client;
    this.#query = options.query;
    this.#wanted = options.wanted;
    this.#view = options.view;
    this.#unlock = options.unlock;
  }

  /** What is known, newest first. */
  get sessions(): Session[] {
    return [...this.#known.values()].sort(
      (left, right) => compare(right.updatedAt, left.updatedAt) || compare(right.id, left.id),
    );
  }

  /**
   * Keeps it true until the signal.
   * @throws ProtocolError when the list cannot be read, or the connection is lost for good.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { promise: over, resolve, reject } = Promise.withResolvers<void>();
    const readAgain = (): void => {
      this.#isStale = true;
      if (this.#early === undefined) this.#read(signal).catch(reject);
    };
    const undos = [
      this.#client.onList((notice) => {
        if (notice.type === 'reset' || this.#query.filter !== undefined) readAgain();
        else if (this.#early === undefined) this.#take(notice, readAgain);
        else this.#early.push(notice);
      }),
      this.#client.onStatus((status) => {
        if (status.state === 'connected') readAgain();
        // The next call says why, and what to do.
        else if (status.state === 'closed') this.#client.call('session/watch', {}).catch(reject);
        else this.#lost(status.reason);
      }),
    ];
    signal.addEventListener('abort', () => {
      resolve();
    });
    if (signal.aborted) resolve();
    readAgain();
    try {
      await over;
    } finally {
      for (const undo of undos) undo();
    }
  }

  #lost(reason: string): void {
    this.#isLost = true;
    this.#showsLoss = true;
    this.#view.lost(reason);
  }

  /** Until what was read is what is. */
  async #read(signal: AbortSignal): Promise<void> {
    this.#early = [];
    try {
      while (this.#isStale && !signal.aborted) {
        this.#isStale = false;
        this.#early = [];
        await this.#readOnce();
        if (this.#query.filter !== undefined) await pause(FILTERED_PAUSE_MS, signal).catch(() => undefined);
      }
    } catch (error) {
      // After a loss the next connection begins anew.
      if (!this.#isLost) throw error;
    } finally {
      this.#early = undefined;
    }
  }

  async #readOnce(): Promise<void> {
    this.#isLost = false;
    if (this.#isListed) await this.#unlock();
    await this.#client.call('session/watch', {});
    const found = new Map<string, Session>();
    this.#hasMore = false;
    for await (const { sessions, nextCursor } of pages(this.#client, this.#query, this.#wanted)) {
      for (const session of sessions) found.set(session.id, session);
      this.#hasMore = nextCursor !== null;
    }
    const again = (): void => {
      this.#isStale = true;
    };
    this.#compare(found);
    for (const notice of this.#early ?? []) this.#take(notice, again);
  }

  #compare(found: ReadonlyMap<string, Session>): void {
    if (!this.#isListed) {
      this.#isListed = true;
      for (const session of found.values()) this.#known.set(session.id, session);
      this.#view.listed([...found.values()]);
      return;
    }
    // What lies beyond the last row that was read may only be older.
    if (!this.#hasMore) for (const id of this.#known.keys()) if (!found.has(id)) this.#remove(id);
    for (const session of [...found.values()].toReversed()) this.#change(session);
    if (this.#showsLoss && !this.#isLost) {
      this.#showsLoss = false;
      this.#view.restored();
    }
  }

  #take(notice: ListNotice, readAgain: () => void): void {
    if (notice.type === 'reset') return;
    if (notice.type === 'changed' && this.#isMember(notice.session)) {
      this.#change(notice.session);
      return;
    }
    const id = notice.type === 'changed' ? notice.session.id : notice.sessionId;
    if (!this.#remove(id)) return;
    // Another row takes the place.
    if (this.#hasMore) readAgain();
  }

  #isMember({ archived, workspace }: Session): boolean {
    const isWanted = this.#query.archived === 'include' || archived === (this.#query.archived === 'only');
    return isWanted && (this.#query.workspace === undefined || workspace === this.#query.workspace);
  }

  #change(session: Session): void {
    const known = this.#known.get(session.id);
    if (known !== undefined && (known.lastSeq > session.lastSeq || known.updatedAt > session.updatedAt)) return;
    this.#known.set(session.id, session);
    if (known === undefined || JSON.stringify(sessionShape(known)) !== JSON.stringify(sessionShape(session))) {
      this.#view.changed(session);
    }
  }

  #remove(sessionId: string): boolean {
    if (!this.#known.delete(sessionId)) return false;
    this.#view.removed(sessionId);
    return true;
  }
}

function compare(left: string, right: string): number {
  return left < right ? -1 : Number(left > right);
}
