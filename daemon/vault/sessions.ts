/** Heads of sessions: read, verified, changed, and written together with the log. */
import { ProtocolError } from '../../protocol/errors.ts';
import type { HeadPatch, SessionHead } from '../services/ports.ts';
import type { ApprovalMode } from '../../protocol/tool.ts';
import { BoundedCache } from './bounded-cache.ts';
import { TamperError } from './cipher.ts';
import { numberOfStandIn } from './damage.ts';
import type { Db } from './database.ts';
import { NO_CHAIN, type SegmentUse, type SegmentUses } from './segment-uses.ts';
import { STATUSES, fixedPart, sealDetails, stateOf, type SessionRow, type SessionState } from './session-head.ts';
import { EMPTY_CHAIN, type SegmentHead, type SegmentStore } from './segments.ts';
import type { StoreKeys } from './keys/store-keys.ts';
import type { WorkspaceStore } from './workspaces.ts';

export interface NewSession {
  readonly id: string;
  readonly workspace: string;
  readonly title: string;
  readonly model: string;
  readonly mode: ApprovalMode;
  readonly agent: string;
  readonly at: number;
  readonly parent: { readonly sessionId: string; readonly turn: number } | null;
  /** The shared beginning of a fork. */
  readonly uses: readonly SegmentUse[];
  readonly turns: number;
  readonly messages: number;
  readonly lastSeq: number;
}

/** Not one that rows of a lost session have: they would be taken for those of the new one, or give way to them. */
const NEXT_NUMBER = `SELECT 1 + max(
  coalesce((SELECT max(number) FROM session), 0),
  coalesce((SELECT max(holder) FROM segment_use WHERE kind = 's' AND typeof(holder) = 'integer'), 0),
  coalesce((SELECT max(session) FROM environment), 0),
  coalesce((SELECT max(session) FROM rule WHERE typeof(session) = 'integer'), 0),
  coalesce((SELECT max(session) FROM queued WHERE typeof(session) = 'integer'), 0),
  coalesce((SELECT max(session) FROM draft WHERE typeof(session) = 'integer'), 0))`;

export class SessionStore {
  readonly #keys: StoreKeys;
  readonly #segments: SegmentStore;
  readonly #uses: SegmentUses;
  readonly #workspaces: WorkspaceStore;
  readonly #cache = new BoundedCache<string, SessionState>(512);
  /** Those that lists have shown. A session is here or in the other one, so that there is one state of it. */
  readonly #shown = new BoundedCache<string, SessionState>(256);
  readonly #damaged = new Set<number>();
  readonly #unplaced = new Set<number>();
  readonly #byId;
  readonly #byNumber;
  readonly #insert;
  readonly #update;
  readonly #delete;
  readonly #nextNumber;

  constructor(
    db: Db,
    keys: StoreKeys,
    parts: { segments: SegmentStore; uses: SegmentUses; workspaces: WorkspaceStore },
  ) {
    this.#keys = keys;
    this.#segments = parts.segments;
    this.#uses = parts.uses;
    this.#workspaces = parts.workspaces;
    this.#byId = db.prepare<[string], SessionRow>('SELECT * FROM session WHERE id = ?');
    this.#byNumber = db.prepare<[number], SessionRow>('SELECT * FROM session WHERE number = ?');
    this.#insert = db.prepare<[number, string, number, Buffer, number, string | null, number]>(
      `INSERT INTO session(number, id, workspace, key, status, turns, messages, input_tokens, output_tokens, last_seq,
         created_at, updated_at, archived, pinned, parent_id, parent_turn, open_segment, chain, details)
       VALUES (?, ?, ?, ?, 0, 0, 0, 0, 0, 0, ?, 0, 0, 0, ?, ?, NULL, x'', x'')`,
    );
    this.#update = db.prepare(
      `UPDATE session SET status = ?, turns = ?, messages = ?, input_tokens = ?, output_tokens = ?, last_seq = ?,
         updated_at = ?, archived = ?, pinned = ?, open_segment = ?, chain = ?, details = ? WHERE number = ?`,
    );
    this.#delete = db.prepare<[number]>('DELETE FROM session WHERE number = ?');
    this.#nextNumber = db.prepare<[], number>(NEXT_NUMBER).pluck();
  }

  /** @throws ProtocolError NOT_FOUND; TamperError when the head does not verify. */
  load(id: string): SessionState {
    const cached = this.#cache.get(id);
    if (cached !== undefined) return cached;
    const state = this.#shown.get(id) ?? this.#check(this.#rowOf(id));
    this.#shown.delete(id);
    this.#cache.set(id, state);
    return state;
  }

  /** Whether a session of this id exists, without checking it. */
  exists(id: string): boolean {
    return this.#cache.get(id) !== undefined || this.#byId.get(id) !== undefined;
  }

  /** Where a session is that does not verify, for whoever wants to be rid of it. @throws ProtocolError NOT_FOUND */
  locate(id: string): Pick<SessionState, 'number' | 'id' | 'createdAt'> {
    return { number: this.#rowOf(id).number, id, createdAt: 0 };
  }

  /** Numbers of the sessions that were looked at and do not verify. */
  get damaged(): ReadonlySet<number> {
    return this.#damaged;
  }

  /** Numbers of the sessions that were looked at and whose workspace cannot be read. */
  get unplaced(): ReadonlySet<number> {
    return this.#unplaced;
  }

  /** As `load`, for a list: does not push busier sessions out of memory. */
  peek(number: number): SessionState | undefined {
    const row = this.#byNumber.get(number);
    if (row === undefined) return undefined;
    const known = this.#cache.get(row.id) ?? this.#shown.get(row.id);
    if (known !== undefined) return known;
    const state = this.#check(row);
    this.#shown.set(row.id, state);
    return state;
  }

  /** Looks at one session and keeps nothing of it but whether it is damaged. @throws TamperError */
  look(number: number): void {
    const row = this.#byNumber.get(number);
    if (row !== undefined && this.#cache.get(row.id) === undefined) this.#check(row);
  }

  create(wanted: NewSession): SessionState {
    const number = this.#nextNumber.get() ?? 1;
    const { key, wrapped } = this.#keys.generate(`session:${wanted.id}`);
    const workspace = this.#workspaces.numberOf(wanted.workspace);
    const parentTurn = wanted.parent?.turn ?? 0;
    const parentId = wanted.parent?.sessionId ?? null;
    this.#insert.run(number, wanted.id, workspace, wrapped, wanted.at, parentId, parentTurn);
    this.#uses.replace('s', number, wanted.uses);
    const { id, at: createdAt, parent } = wanted;
    const fixedColumns = { id, workspace, createdAt, wrappedKey: wrapped, parent };
    const state: SessionState = {
      ...fixedColumns,
      number,
      key,
      fixed: fixedPart(this.#keys.storeId, fixedColumns),
      title: wanted.title,
      model: wanted.model,
      mode: wanted.mode,
      agent: wanted.agent,
      environment: 0,
      status: 'idle',
      turns: wanted.turns,
      messages: wanted.messages,
      inputTokens: 0,
      outputTokens: 0,
      lastSeq: wanted.lastSeq,
      updatedAt: wanted.at,
      archived: false,
      pinned: false,
      uses: wanted.uses,
      open: null,
      cancelled: [],
    };
    this.#cache.set(state.id, state);
    return state;
  }

  /** The segment that takes the next entry; a new one when the last is shared or there is none. */
  openSegment(state: SessionState): SegmentHead {
    if (state.open === null) {
      state.open = this.#segments.create(state.id, state.lastSeq + 1);
      const use: SegmentUse = { segment: state.open.id, firstSeq: state.open.firstSeq, upTo: null, chain: NO_CHAIN };
      this.#uses.add('s', state.number, state.uses.length, use);
      state.uses = [...state.uses, use];
    }
    return state.open;
  }

  /** Ends the growing segment, because someone else is about to share it. The caller writes the head. */
  closeSegment(state: SessionState): void {
    const open = state.open;
    if (open === null) return;
    this.#segments.complete(open, state.id);
    this.#uses.end('s', state.number, open.id, open.lastSeq);
    const complete = { upTo: open.lastSeq, chain: open.chain };
    state.uses = state.uses.map((use) => (use.segment === open.id ? { ...use, ...complete } : use));
    state.open = null;
  }

  apply(state: SessionState, patch: HeadPatch): void {
    if (patch.status !== undefined) state.status = patch.status;
    if (patch.turns !== undefined) state.turns = patch.turns;
    if (patch.usage !== undefined) {
      state.inputTokens += patch.usage.inputTokens;
      state.outputTokens += patch.usage.outputTokens;
    }
    state.title = patch.title ?? state.title;
    state.model = patch.model ?? state.model;
    state.mode = patch.mode ?? state.mode;
    state.agent = patch.agent ?? state.agent;
  }

  /** Writes the head; the tag of its encrypted part covers all of it. */
  write(state: SessionState): void {
    this.#update.run(
      STATUSES.indexOf(state.status),
      state.turns,
      state.messages,
      state.inputTokens,
      state.outputTokens,
      state.lastSeq,
      state.updatedAt,
      state.archived ? 1 : 0,
      state.pinned ? 1 : 0,
      state.open?.id ?? null,
      state.open?.chain ?? EMPTY_CHAIN,
      sealDetails(state),
      state.number,
    );
  }

  remove(state: Pick<SessionState, 'number' | 'id'>): void {
    this.#uses.remove('s', state.number);
    this.#delete.run(state.number);
    this.forget(state.id);
    this.#damaged.delete(state.number);
    this.#unplaced.delete(state.number);
  }

  /** Replaces the segments of a session, after one of them was copied to another key. */
  replaceUses(state: SessionState, uses: readonly SegmentUse[]): void {
    this.#uses.replace('s', state.number, uses);
    state.uses = uses;
    this.write(state);
  }

  /** Forgets one session in memory, so that it is read and checked anew. */
  forget(id: string): void {
    this.#cache.delete(id);
    this.#shown.delete(id);
  }

  /** Forgets everything in memory, after a rollback. */
  forgetAll(): void {
    this.#cache.clear();
    this.#shown.clear();
  }

  headOf(state: SessionState): SessionHead {
    return {
      id: state.id,
      workspace: this.#workspaces.pathOf(state.workspace),
      title: state.title,
      model: state.model,
      mode: state.mode,
      agent: state.agent,
      status: state.status,
      turns: state.turns,
      messages: state.messages,
      inputTokens: state.inputTokens,
      outputTokens: state.outputTokens,
      lastSeq: state.lastSeq,
      createdAt: state.createdAt,
      updatedAt: state.updatedAt,
      archived: state.archived,
      pinned: state.pinned,
      parent: state.parent,
    };
  }

  /** @throws ProtocolError NOT_FOUND */
  #rowOf(id: string): SessionRow {
    const standIn = numberOfStandIn(id);
    const row = standIn === undefined ? this.#byId.get(id) : this.#byNumber.get(standIn);
    if (row === undefined) throw new ProtocolError('NOT_FOUND', `session not found: ${id}`);
    return row;
  }

  #check(row: SessionRow): SessionState {
    try {
      const state = this.#verified(row);
      this.#damaged.delete(row.number);
      if (this.#workspaces.pathOf(row.workspace) === '') this.#unplaced.add(row.number);
      return state;
    } catch (error) {
      if (error instanceof TamperError) this.#damaged.add(row.number);
      throw error;
    }
  }

  #verified(row: SessionRow): SessionState {
    const key = this.#keys.unwrap(`session:${row.id}`, row.key);
    const uses = this.#uses.of('s', row.number);
    const open = row.open_segment === null ? null : this.#segments.reopen(row.open_segment, row.last_seq, row.chain);
    return stateOf(row, { storeId: this.#keys.storeId, key, uses, open });
  }
}
