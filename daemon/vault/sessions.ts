/** Heads of sessions: read, checked against their MAC, changed, and written together with the log. */
import { createHmac, timingSafeEqual, type KeyObject } from 'node:crypto';
import { ProtocolError } from '../../protocol/errors.ts';
import type { SessionStatus } from '../../protocol/session.ts';
import type { HeadPatch, SessionHead } from '../services/ports.ts';
import { BoundedCache } from './bounded-cache.ts';
import { TamperError, bind, openRecord, recordSeal, sealRecord } from './cipher.ts';
import type { Db } from './database.ts';
import type { Recency } from './recency.ts';
import { digestOfUses, type SegmentUse, type SegmentUses } from './segment-uses.ts';
import type { SegmentHead, SegmentStore } from './segments.ts';
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
  /** What the MAC covers and never changes. */
  readonly fixed: Buffer;
  readonly parent: { readonly sessionId: string; readonly turn: number } | null;
  readonly createdAt: number;
  details: Buffer;
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
  mac: Buffer;
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
    this.#insert = db.prepare<[number, string, number, Buffer, Buffer, number, string | null, number, Buffer]>(
      `INSERT INTO session(number, id, workspace, key, details, status, turns, messages, input_tokens, output_tokens,
         last_seq, created_at, updated_at, archived, pinned, parent_id, parent_turn, open_segment, mac)
       VALUES (?, ?, ?, ?, ?, 0, 0, 0, 0, 0, 0, ?, 0, 0, 0, ?, ?, NULL, ?)`,
    );
    this.#update = db.prepare(
      `UPDATE session SET details = ?, status = ?, turns = ?, messages = ?, input_tokens = ?, output_tokens = ?,
         last_seq = ?, updated_at = ?, archived = ?, pinned = ?, open_segment = ?, mac = ? WHERE number = ?`,
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
    this.#insert.run(number, wanted.id, workspace, wrapped, Buffer.alloc(0), wanted.at, parentId, parentTurn, Buffer.alloc(0));
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
      details: this.#sealDetails(wanted.id, key, wanted.title, wanted.model),
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
      const use: SegmentUse = { segment: state.open.id, firstSeq: state.open.firstSeq, upTo: null };
      this.#uses.add('s', state.number, state.uses.length, use);
      state.uses = [...state.uses, use];
    }
    return state.open;
  }

  /** Ends the growing segment, because someone else is about to share it. The caller writes the head. */
  closeSegment(state: SessionState): void {
    const open = state.open;
    if (open === null) return;
    this.#uses.end('s', state.number, open.id, open.lastSeq);
    state.uses = state.uses.map((use) => (use.segment === open.id ? { ...use, upTo: open.lastSeq } : use));
    state.open = null;
  }

  apply(state: SessionState, patch: HeadPatch): void {
    if (patch.status !== undefined) state.status = patch.status;
    if (patch.turns !== undefined) state.turns = patch.turns;
    if (patch.usage !== undefined) {
      state.inputTokens += patch.usage.inputTokens;
      state.outputTokens += patch.usage.outputTokens;
    }
    if (patch.title !== undefined || patch.model !== undefined) {
      state.title = patch.title ?? state.title;
      state.model = patch.model ?? state.model;
      state.details = this.#sealDetails(state.id, state.key, state.title, state.model);
    }
  }

  /** Writes the head with its MAC. */
  write(state: SessionState): void {
    this.#update.run(
      state.details,
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
      this.#mac(state),
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
    const details = this.#openDetails(row.id, key, row.details);
    const state: SessionState = {
      number: row.number,
      id: row.id,
      workspace: row.workspace,
      key,
      wrappedKey: row.key,
      fixed: this.#fixedPart(row.id, row.workspace, row.created_at, row.key, row.parent_id, row.parent_turn),
      parent: row.parent_id === null ? null : { sessionId: row.parent_id, turn: row.parent_turn },
      createdAt: row.created_at,
      details: row.details,
      title: details.title,
      model: details.model,
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
      open: row.open_segment === null ? null : this.#segments.load(row.open_segment),
    };
    const mac = this.#mac(state);
    if (mac.length !== row.mac.length || !timingSafeEqual(mac, row.mac)) {
      throw new TamperError(`the head of session ${row.id} does not verify`);
    }
    return state;
  }

  #fixedPart(id: string, workspace: number, at: number, wrapped: Buffer, parentId: string | null, parentTurn: number): Buffer {
    return bind('m/session', this.#keys.storeId, id, workspace, at, wrapped, parentId ?? '', parentTurn);
  }

  #mac(state: SessionState): Buffer {
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
      state.open?.id ?? -1,
      state.open?.lastSeq ?? -1,
    );
    const mac = createHmac('sha256', this.#keys.for('session-head')).update(state.fixed).update(numbers);
    mac.update(recordSeal(state.details)).update(state.open?.chain ?? Buffer.alloc(32));
    return mac.update(digestOfUses(state.uses)).digest();
  }

  #sealDetails(id: string, key: KeyObject, title: string, model: string): Buffer {
    const plaintext = Buffer.from(JSON.stringify({ title, model }), 'utf8');
    return sealRecord(key, 1, bind('m/session-details', this.#keys.storeId, id), plaintext);
  }

  #openDetails(id: string, key: KeyObject, details: Buffer): { title: string; model: string } {
    const plaintext = openRecord(key, 1, bind('m/session-details', this.#keys.storeId, id), details);
    return JSON.parse(plaintext.toString('utf8')) as { title: string; model: string };
  }
}
