/** Heads of sessions: read, verified, changed, and written together with the log. */
import type { KeyObject } from 'node:crypto';
import { ProtocolError } from '../../protocol/errors.ts';
import type { SessionStatus } from '../../protocol/session.ts';
import type { HeadPatch, SessionHead } from '../services/ports.ts';
import { BoundedCache } from './bounded-cache.ts';
import { TamperError, bind, openRecord, sealRecord } from './cipher.ts';
import type { Db } from './database.ts';
import type { Recency } from './recency.ts';
import { NO_CHAIN, digestOfUses, type SegmentUse, type SegmentUses } from './segment-uses.ts';
import { EMPTY_CHAIN, type SegmentHead, type SegmentStore } from './segments.ts';
import type { StoreKeys } from './store-keys.ts';
import type { WorkspaceStore } from './workspaces.ts';

/** Position is the number on disk and never changes. */
const STATUSES: readonly SessionStatus[] = ['idle', 'queued', 'running', 'waiting', 'interrupted', 'failed'];
/** Statuses with a turn that is not finished. */
export const UNFINISHED_STATUSES = [1, 2, 3] as const;

/** A session in memory. Only this room changes it, and only inside a transaction. */
export interface SessionState {
  readonly number: number;
  readonly id: string;
  readonly workspace: number;
  readonly key: KeyObject;
  readonly wrappedKey: Buffer;
  /** What the head is bound to and never changes. */
  readonly fixed: Buffer;
  readonly parent: { readonly sessionId: string; readonly turn: number } | null;
  readonly createdAt: number;
  title: string;
  model: string;
  status: SessionStatus;
  turns: number;
  messages: number;
  inputTokens: number;
  outputTokens: number;
  lastSeq: number;
  updatedAt: number;
  archived: boolean;
  pinned: boolean;
  uses: readonly SegmentUse[];
  open: SegmentHead | null;
}

interface SessionRow {
  number: number;
  id: string;
  workspace: number;
  key: Buffer;
  details: Buffer;
  status: number;
  turns: number;
  messages: number;
  input_tokens: number;
  output_tokens: number;
  last_seq: number;
  created_at: number;
  updated_at: number;
  archived: number;
  pinned: number;
  parent_id: string | null;
  parent_turn: number;
  open_segment: number | null;
  chain: Buffer;
}

export interface NewSession {
  readonly id: string;
  readonly workspace: string;
  readonly title: string;
  readonly model: string;
  readonly at: number;
  readonly parent: { readonly sessionId: string; readonly turn: number } | null;
  /** The shared beginning of a fork. */
  readonly uses: readonly SegmentUse[];
  readonly turns: number;
  readonly messages: number;
  readonly lastSeq: number;
}

export class SessionStore {
  readonly #keys: StoreKeys;
  readonly #segments: SegmentStore;
  readonly #uses: SegmentUses;
  readonly #workspaces: WorkspaceStore;
  readonly #recency: Recency;
  readonly #cache = new BoundedCache<string, SessionState>(512);
  readonly #byId;
  readonly #byNumber;
  readonly #insert;
  readonly #update;
  readonly #delete;
  readonly #nextNumber;

  constructor(db: Db, keys: StoreKeys, parts: { segments: SegmentStore; uses: SegmentUses; workspaces: WorkspaceStore; recency: Recency }) {
    this.#keys = keys;
    this.#segments = parts.segments;
    this.#uses = parts.uses;
    this.#workspaces = parts.workspaces;
    this.#recency = parts.recency;
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
    this.#nextNumber = db.prepare<[], number>('SELECT coalesce(max(number), 0) + 1 FROM session').pluck();
  }

  /** @throws ProtocolError NOT_FOUND; TamperError when the head does not verify. */
  load(id: string): SessionState {
    const cached = this.#cache.get(id);
    if (cached !== undefined) return cached;
    const row = this.#byId.get(id);
    if (row === undefined) throw new ProtocolError('NOT_FOUND', `session not found: ${id}`);
    const state = this.#check(row);
    this.#cache.set(id, state);
    return state;
  }

  /** Whether a session of this id exists, without checking it. */
  exists(id: string): boolean {
    return this.#cache.get(id) !== undefined || this.#byId.get(id) !== undefined;
  }

  /** As `load`, for a list: does not push busier sessions out of memory. */
  peek(number: number): SessionState | undefined {
    const row = this.#byNumber.get(number);
    return row === undefined ? undefined : (this.#cache.get(row.id) ?? this.#check(row));
  }

  create(wanted: NewSession): SessionState {
    const number = this.#nextNumber.get() ?? 1;
    const { key, wrapped } = this.#keys.generate(`session:${wanted.id}`);
    const workspace = this.#workspaces.numberOf(wanted.workspace);
    const parentTurn = wanted.parent?.turn ?? 0;
    const parentId = wanted.parent?.sessionId ?? null;
    this.#insert.run(number, wanted.id, workspace, wrapped, wanted.at, parentId, parentTurn);
    this.#uses.replace('s', number, wanted.uses);
    const state: SessionState = {
      number,
      id: wanted.id,
      workspace,
      key,
      wrappedKey: wrapped,
      fixed: this.#fixedPart(wanted.id, workspace, wanted.at, wrapped, parentId, parentTurn),
      parent: wanted.parent,
      createdAt: wanted.at,
      title: wanted.title,
      model: wanted.model,
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
    this.#segments.complete(open);
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
  }

  /** Writes the head; the tag of its encrypted part covers all of it. */
  write(state: SessionState): void {
    const details = Buffer.from(JSON.stringify({ title: state.title, model: state.model }), 'utf8');
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
      sealRecord(state.key, 1, headBinding(state), details),
      state.number,
    );
    this.#recency.changed(state);
  }

  remove(state: SessionState): void {
    this.#uses.remove('s', state.number);
    this.#delete.run(state.number);
    this.#cache.delete(state.id);
    this.#recency.removed(state.number);
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
  }

  /** Forgets everything in memory, after a rollback. */
  forgetAll(): void {
    this.#cache.clear();
  }

  headOf(state: SessionState): SessionHead {
    return {
      id: state.id,
      workspace: this.#workspaces.pathOf(state.workspace),
      title: state.title,
      model: state.model,
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

  #check(row: SessionRow): SessionState {
    const status = STATUSES[row.status];
    if (status === undefined) throw new TamperError(`session ${row.id} has an unknown status`);
    const key = this.#keys.unwrap(`session:${row.id}`, row.key);
    const state: SessionState = {
      number: row.number,
      id: row.id,
      workspace: row.workspace,
      key,
      wrappedKey: row.key,
      fixed: this.#fixedPart(row.id, row.workspace, row.created_at, row.key, row.parent_id, row.parent_turn),
      parent: row.parent_id === null ? null : { sessionId: row.parent_id, turn: row.parent_turn },
      createdAt: row.created_at,
      title: '',
      model: '',
      status,
      turns: row.turns,
      messages: row.messages,
      inputTokens: row.input_tokens,
      outputTokens: row.output_tokens,
      lastSeq: row.last_seq,
      updatedAt: row.updated_at,
      archived: row.archived === 1,
      pinned: row.pinned === 1,
      uses: this.#uses.of('s', row.number),
      open: row.open_segment === null ? null : this.#segments.reopen(row.open_segment, row.last_seq, row.chain),
    };
    const { title, model } = openDetails(state, row.details);
    state.title = title;
    state.model = model;
    return state;
  }

  #fixedPart(id: string, workspace: number, at: number, wrapped: Buffer, parentId: string | null, parentTurn: number): Buffer {
    return bind('m/session', this.#keys.storeId, id, workspace, at, wrapped, parentId ?? '', parentTurn);
  }

}

/** Everything in a head that code trusts, in a fixed order. */
function headBinding(state: SessionState): Buffer {
  const { open } = state;
  const numbers = Float64Array.of(
    STATUSES.indexOf(state.status),
    state.turns,
    state.messages,
    state.inputTokens,
    state.outputTokens,
    state.lastSeq,
    state.updatedAt,
    state.archived ? 1 : 0,
    state.pinned ? 1 : 0,
    open?.id ?? -1,
  );
  return Buffer.concat([
    state.fixed,
    Buffer.from(numbers.buffer),
    open?.chain ?? EMPTY_CHAIN,
    digestOfUses(state.uses),
  ]);
}

function openDetails(state: SessionState, details: Buffer): { title: string; model: string } {
  try {
    const plaintext = openRecord(state.key, 1, headBinding(state), details);
    return JSON.parse(plaintext.toString('utf8')) as { title: string; model: string };
  } catch (error) {
    if (!(error instanceof TamperError)) throw error;
    throw new TamperError(`the head of session ${state.id} does not verify`, { cause: error });
  }
}
