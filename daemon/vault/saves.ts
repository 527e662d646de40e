/** Saves: positions that a person named. A save holds its segments itself, so it outlives its session. */
import { ProtocolError } from '../../protocol/errors.ts';
import type { ApprovalMode } from '../../protocol/tool.ts';
import type { StoredSave } from '../services/ports.ts';
import { bind, openRecord, requireTexts, sealRecord } from './cipher.ts';
import { DAMAGED_TEXT, orDamaged, someTime } from './damage.ts';
import type { Db } from './database.ts';
import { digestOfUses, type SegmentUse, type SegmentUses } from './segment-uses.ts';
import type { StoreKeys } from './keys/store-keys.ts';
import type { WorkspaceStore } from './workspaces.ts';

interface SaveRow {
  number: number;
  session_id: string;
  key: Buffer;
  details: Buffer;
  turn: number;
  seq: number;
  messages: number;
  workspace: number;
  created_at: number;
}

/** Saves that were made before there were modes and agents have neither. */
interface Details {
  readonly id: string;
  readonly model: string;
  readonly mode?: ApprovalMode;
  readonly agent?: string;
  readonly title: string;
}

/** A save in memory. */
export interface SaveState extends StoredSave {
  readonly number: number;
  readonly uses: readonly SegmentUse[];
}

export class SaveStore {
  readonly #db: Db;
  readonly #keys: StoreKeys;
  readonly #uses: SegmentUses;
  readonly #workspaces: WorkspaceStore;
  /** Names are encrypted, so they are found here. Loaded on first use. */
  #numbers: Map<string, number> | undefined;

  constructor(db: Db, keys: StoreKeys, uses: SegmentUses, workspaces: WorkspaceStore) {
    this.#db = db;
    this.#keys = keys;
    this.#uses = uses;
    this.#workspaces = workspaces;
  }

  /** @throws ProtocolError NOT_FOUND; TamperError */
  load(id: string): SaveState {
    return this.#open(this.#rowOf(id));
  }

  /** As `load`, for whoever only wants to be rid of it: a save that does not verify is found too. */
  find(id: string): SaveState {
    return this.#openOrStandIn(this.#rowOf(id));
  }

  /** The wanted id, with a suffix `-2`, `-3`, … while it is taken. */
  freeId(wanted: string): string {
    const names = this.#names();
    let id = wanted;
    for (let suffix = 2; names.has(id); suffix += 1) id = `${wanted}-${suffix}`;
    return id;
  }

  /** @returns the number of its row. */
  insert(save: StoredSave, uses: readonly SegmentUse[]): number {
    const number = this.#db.prepare<[], number>('SELECT coalesce(max(number), 0) + 1 FROM save').pluck().get() ?? 1;
    const { wrapped } = this.#keys.generate(`save:${number}`);
    const row: SaveRow = {
      number,
      session_id: save.sessionId,
      key: wrapped,
      details: Buffer.alloc(0),
      turn: save.turn,
      seq: save.seq,
      messages: save.messages,
      workspace: this.#workspaces.numberOf(save.workspace),
      created_at: save.createdAt,
    };
    const details = this.#seal(row, uses, detailsOf(save));
    this.#db
      .prepare(
        `INSERT INTO save(number, session_id, key, details, turn, seq, messages, workspace, created_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(number, row.session_id, row.key, details, row.turn, row.seq, row.messages, row.workspace, row.created_at);
    this.#uses.replace('v', number, uses);
    this.#names().set(save.id, number);
    return number;
  }

  /** Newest first. */
  page(limit: number, offset: number): { saves: SaveState[]; total: number } {
    const rows = this.#db
      .prepare<[number, number], SaveRow>('SELECT * FROM save ORDER BY created_at DESC, number DESC LIMIT ? OFFSET ?')
      .all(limit, offset);
    const total = this.#db.prepare<[], number>('SELECT count(*) FROM save').pluck().get() ?? 0;
    return { saves: rows.map((row) => this.#openOrStandIn(row)), total };
  }

  ofSession(sessionId: string): SaveState[] {
    const rows = this.#db.prepare<[string], SaveRow>('SELECT * FROM save WHERE session_id = ?').all(sessionId);
    return rows.map((row) => this.#openOrStandIn(row));
  }

  /** Saves that outlived their session. */
  withoutSession(): SaveState[] {
    const rows = this.#db
      .prepare<[], SaveRow>('SELECT * FROM save WHERE session_id NOT IN (SELECT id FROM session)')
      .all();
    return rows.map((row) => this.#openOrStandIn(row));
  }

  /** What is wrong with the saves of a session, in sentences. */
  problems(sessionId: string): string[] {
    return this.ofSession(sessionId).flatMap((save) => this.problemsOf(save));
  }

  problemsOf({ id, number }: SaveState): string[] {
    return id === standInId(number) ? [`the save ${id} does not verify`] : [];
  }

  byNumber(number: number): SaveState | undefined {
    const row = this.#row(number);
    return row === undefined ? undefined : this.#open(row);
  }

  withPrefix(prefix: string, limit: number): string[] {
    return [...this.#names().keys()].filter((id) => id.startsWith(prefix)).slice(0, limit);
  }

  remove(save: SaveState): void {
    this.#uses.remove('v', save.number);
    this.#db.prepare('DELETE FROM save WHERE number = ?').run(save.number);
    this.#names().delete(save.id);
  }

  replaceUses(save: SaveState, uses: readonly SegmentUse[]): void {
    const row = this.#row(save.number);
    if (row === undefined) return;
    this.#uses.replace('v', save.number, uses);
    const details = this.#seal(row, uses, detailsOf(save));
    this.#db.prepare('UPDATE save SET details = ? WHERE number = ?').run(details, save.number);
  }

  /** What does not verify stays. @param from number of a workspace. */
  relocate(from: number, to: number): void {
    const rows = this.#db.prepare<[number], SaveRow>('SELECT * FROM save WHERE workspace = ?').all(from);
    const update = this.#db.prepare<[number, Buffer, number]>(
      'UPDATE save SET workspace = ?, details = ? WHERE number = ?',
    );
    for (const row of rows) {
      const save = this.#openOrStandIn(row);
      if (this.problemsOf(save).length > 0) continue;
      update.run(to, this.#seal({ ...row, workspace: to }, save.uses, detailsOf(save)), row.number);
    }
  }

  /** After a rollback. */
  forgetAll(): void {
    this.#numbers = undefined;
  }

  #names(): Map<string, number> {
    if (this.#numbers === undefined) {
      const rows = this.#db.prepare<[], SaveRow>('SELECT * FROM save').all();
      this.#numbers = new Map(rows.map((row) => [this.#openOrStandIn(row).id, row.number]));
    }
    return this.#numbers;
  }

  #row(number: number): SaveRow | undefined {
    return this.#db.prepare<[number], SaveRow>('SELECT * FROM save WHERE number = ?').get(number);
  }

  #rowOf(id: string): SaveRow {
    const number = this.#names().get(id);
    const row = number === undefined ? undefined : this.#row(number);
    if (row === undefined) throw new ProtocolError('NOT_FOUND', `save not found: ${id}`);
    return row;
  }

  /** A save that does not verify is listed as such, under a name by which it can be deleted. */
  #openOrStandIn(row: SaveRow): SaveState {
    return orDamaged(
      () => this.#open(row),
      () => ({
        number: row.number,
        uses: [],
        id: standInId(row.number),
        sessionId: String(row.session_id),
        turn: 0,
        seq: 0,
        messages: 0,
        model: '',
        mode: 'ask',
        agent: '',
        workspace: this.#workspaces.pathOf(row.workspace),
        title: DAMAGED_TEXT,
        createdAt: someTime(row.created_at),
      }),
    );
  }

  #open(row: SaveRow): SaveState {
    requireTexts(row.session_id);
    const uses = this.#uses.of('v', row.number);
    const key = this.#keys.unwrap(`save:${row.number}`, row.key);
    const details = JSON.parse(openRecord(key, 1, this.#binding(row, uses), row.details).toString('utf8')) as Details;
    return {
      number: row.number,
      uses,
      id: details.id,
      sessionId: row.session_id,
      turn: row.turn,
      seq: row.seq,
      messages: row.messages,
      model: details.model,
      mode: details.mode ?? 'ask',
      agent: details.agent ?? '',
      workspace: this.#workspaces.pathOf(row.workspace),
      title: details.title,
      createdAt: row.created_at,
    };
  }

  #seal(row: SaveRow, uses: readonly SegmentUse[], details: Details): Buffer {
    const key = this.#keys.unwrap(`save:${row.number}`, row.key);
    return sealRecord(key, 1, this.#binding(row, uses), Buffer.from(JSON.stringify(details), 'utf8'));
  }

  #binding(row: SaveRow, uses: readonly SegmentUse[]): Buffer {
    const { number, session_id: session, turn, seq, messages, workspace, created_at: at } = row;
    return bind('m/save', this.#keys.storeId, number, session, turn, seq, messages, workspace, at, digestOfUses(uses));
  }
}

function detailsOf({ id, model, mode, agent, title }: StoredSave): Details {
  return { id, model, mode, agent, title };
}

/** The names of saves begin with a date, so none of them is one of these. */
function standInId(number: number): string {
  return `damaged-${number}`;
}
