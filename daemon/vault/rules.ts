/** Approvals that hold for more than one call: found by workspace, believed only when they verify. */
import type { KeyObject } from 'node:crypto';
import { ProtocolError } from '../../protocol/errors.ts';
import type { NewRule, StoredRule } from '../services/tool-records.ts';
import { bind, openRecord, requireBytes, requireIntegers, sealRecord } from './cipher.ts';
import { orDamaged } from './damage.ts';
import type { Db } from './database.ts';
import type { StoreKeys } from './keys/store-keys.ts';
import type { SessionState } from './session-head.ts';
import type { SessionStore } from './sessions.ts';
import { SliceTimer, type SlicedJob } from './slices.ts';
import type { WorkspaceStore } from './workspaces.ts';

/** More than this nobody oversees, and every approval looks through those of its workspace. */
const MAX_RULES_OF_WORKSPACE = 1000;
/** Rows that are fetched at a time. */
const PAGE = 100;

interface RuleRow {
  readonly id: number;
  readonly workspace: number;
  readonly session: number | null;
  /** Keyed hash of all that the rule says. */
  readonly mark: Buffer;
  readonly created_at: number;
  readonly body: Buffer;
}

type Content = Pick<NewRule, 'effect' | 'subject'>;
/** The next rows behind an id, in the order of ids. */
type Pages = (after: number) => RuleRow[];

/**
 * A rule of a workspace is encrypted under a key of the store, one of a session under the session's, with which it goes. It
 * is bound to its id, its workspace, its session and its time. Somebody who can write the file and kept an older copy of it
 * can put a rule back that was removed since: that is noticed as little as a file that was put back as a whole.
 */
export class RuleStore {
  readonly #db: Db;
  readonly #keys: StoreKeys;
  readonly #sessions: SessionStore;
  readonly #workspaces: WorkspaceStore;
  readonly #page;
  readonly #pageOfWorkspace;
  readonly #pageOfSession;
  readonly #byMark;

  constructor(db: Db, keys: StoreKeys, parts: { sessions: SessionStore; workspaces: WorkspaceStore }) {
    this.#db = db;
    this.#keys = keys;
    this.#sessions = parts.sessions;
    this.#workspaces = parts.workspaces;
    this.#page = db.prepare<[number], RuleRow>(`SELECT * FROM rule WHERE id > ? ORDER BY id LIMIT ${PAGE}`);
    this.#pageOfWorkspace = db.prepare<[number, number], RuleRow>(
      `SELECT * FROM rule WHERE workspace = ? AND id > ? ORDER BY id LIMIT ${PAGE}`,
    );
    this.#pageOfSession = db.prepare<[number, number], RuleRow>(
      `SELECT * FROM rule WHERE session = ? AND id > ? ORDER BY id LIMIT ${PAGE}`,
    );
    this.#byMark = db.prepare<[Buffer], RuleRow>('SELECT * FROM rule WHERE mark = ?');
  }

  /**
   * @returns its id; that of the rule that is there when it says the same.
   * @throws ProtocolError NOT_FOUND for a session that is not there, LIMIT_REACHED when the workspace has 1,000 rules.
   */
  add(rule: NewRule): number {
    const { workspace: path, sessionId, effect, subject, createdAt } = rule;
    const session = sessionId === null ? undefined : this.#sessions.load(sessionId);
    const mark = this.#keys.fingerprint('rule', JSON.stringify([path, sessionId, effect, subject]));
    const same = this.#byMark.get(mark);
    if (same !== undefined) {
      if (this.#open(same) !== undefined) return same.id;
      this.#delete(same.id);
    }
    const workspace = this.#workspaces.numberOf(path);
    this.#requireRoom(workspace);
    const row = { id: this.#nextId(), workspace, session: session?.number ?? null, mark, created_at: createdAt };
    const content: Content = { effect, subject };
    const binding = this.#binding(row, session);
    const body = sealRecord(this.#keyOf(session), 1, binding, Buffer.from(JSON.stringify(content), 'utf8'));
    this.#db
      .prepare('INSERT INTO rule(id, workspace, session, mark, created_at, body) VALUES (?, ?, ?, ?, ?, ?)')
      .run(row.id, row.workspace, row.session, mark, createdAt, body);
    return row.id;
  }

  /** Of one workspace, or all, oldest first, a slice at a time. What does not verify allows nothing and is left out. */
  *list(workspace?: string): SlicedJob<StoredRule[]> {
    const rules: StoredRule[] = [];
    const number = workspace === undefined ? undefined : this.#workspaces.find(workspace);
    if (workspace !== undefined && number === undefined) return rules;
    yield* this.#eachRow(this.#pagesOf(number), (row) => {
      const rule = this.#open(row);
      if (rule !== undefined) rules.push(rule);
    });
    return rules;
  }

  /**
   * What is wrong with the rules that hold in a session, or say they do, in sentences. One that was given to another place
   * holds nowhere, and is named by the sessions of both.
   */
  *problems(session: SessionState): SlicedJob<string[]> {
    const problems: string[] = [];
    const look = (row: RuleRow): void => {
      if (this.#open(row) === undefined) problems.push(`the rule ${row.id} does not verify`);
    };
    yield* this.#eachRow(this.#pagesOf(session.workspace), (row) => {
      const isOfAnother = row.session !== null && row.session !== session.number;
      if (!isOfAnother || this.#placeOf(row) === 'elsewhere') look(row);
    });
    const own: Pages = (after) => this.#pageOfSession.all(session.number, after);
    yield* this.#eachRow(own, (row) => {
      if (row.workspace !== session.workspace) look(row);
    });
    return problems;
  }

  /** How many do not verify of those that are not of a session alone: there may be none to name them. */
  *damaged(): SlicedJob<number> {
    let damaged = 0;
    yield* this.#eachRow(this.#pagesOf(undefined), (row) => {
      if (this.#placeOf(row) !== 'here' && this.#open(row) === undefined) damaged += 1;
    });
    return damaged;
  }

  /** Also one that does not verify. @throws ProtocolError NOT_FOUND */
  remove(id: number): void {
    if (!this.#delete(id)) throw new ProtocolError('NOT_FOUND', `rule not found: ${id}`);
    this.#workspaces.removeUnused();
  }

  removeOf(session: Pick<SessionState, 'number'>): void {
    this.#db.prepare<[number]>('DELETE FROM rule WHERE session = ?').run(session.number);
  }

  removeOfWorkspace(workspace: number): void {
    this.#db.prepare<[number]>('DELETE FROM rule WHERE workspace = ?').run(workspace);
  }

  /** @param workspace undefined: of all. */
  #pagesOf(workspace: number | undefined): Pages {
    return workspace === undefined
      ? (after) => this.#page.all(after)
      : (after) => this.#pageOfWorkspace.all(workspace, after);
  }

  *#eachRow(pages: Pages, look: (row: RuleRow) => void): SlicedJob<void> {
    const timer = new SliceTimer();
    // Ids begin at 1, but somebody may have put another one there.
    let last = -Infinity;
    for (;;) {
      const page = pages(last);
      for (const row of page) look(row);
      last = page.at(-1)?.id ?? last;
      if (page.length < PAGE) return;
      if (timer.used()) yield;
    }
  }

  #requireRoom(workspace: number): void {
    const count = this.#db.prepare<[number], number>('SELECT count(*) FROM rule WHERE workspace = ?').pluck();
    if ((count.get(workspace) ?? 0) < MAX_RULES_OF_WORKSPACE) return;
    throw new ProtocolError(
      'LIMIT_REACHED',
      `this workspace has ${MAX_RULES_OF_WORKSPACE} remembered approvals, which is as many as it may have`,
      { hint: 'Revoke some that are not needed any more.' },
    );
  }

  /** Ids are never given again: a person revokes what a list showed a while ago. */
  #nextId(): number {
    const last = this.#db.prepare<[], number>("SELECT seq FROM sqlite_sequence WHERE name = 'rule'").pluck().get();
    return (last ?? 0) + 1;
  }

  #delete(id: number): boolean {
    return this.#db.prepare<[number]>('DELETE FROM rule WHERE id = ?').run(id).changes > 0;
  }

  #open(row: RuleRow): StoredRule | undefined {
    return orDamaged<StoredRule | undefined>(
      () => {
        requireIntegers(row.id, row.created_at);
        requireBytes(row.mark);
        const workspace = this.#workspaces.pathOf(row.workspace);
        const session = row.session === null ? undefined : this.#sessions.peek(row.session);
        const isLost = row.session !== null && session === undefined;
        if (workspace === '' || isLost) return undefined;
        const body = openRecord(this.#keyOf(session), 1, this.#binding(row, session), row.body);
        const { effect, subject } = JSON.parse(body.toString('utf8')) as Content;
        return { id: row.id, workspace, sessionId: session?.id ?? null, effect, subject, createdAt: row.created_at };
      },
      () => undefined,
    );
  }

  /** Where the session is that a rule says it is of: in the rule's workspace or in another; undefined: nowhere. */
  #placeOf({ session, workspace }: RuleRow): 'here' | 'elsewhere' | undefined {
    if (session === null) return undefined;
    return orDamaged(
      () => {
        const found = this.#sessions.peek(session);
        if (found === undefined) return undefined;
        return found.workspace === workspace ? 'here' : 'elsewhere';
      },
      // The check of that session says more.
      () => 'here',
    );
  }

  #keyOf(session: SessionState | undefined): KeyObject {
    return session?.key ?? this.#keys.for('rule');
  }

  #binding(row: Omit<RuleRow, 'body'>, session: SessionState | undefined): Buffer {
    const path = this.#workspaces.pathOf(row.workspace);
    return bind('m/rule', this.#keys.storeId, row.id, path, session?.id ?? '', row.created_at, row.mark);
  }
}
