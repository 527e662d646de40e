/** Segments: runs of one log, each with a key of its own and a head that makes loss, reordering and truncation visible. */
import type { KeyObject } from 'node:crypto';
import type { DurableEventType } from '../../protocol/event.ts';
import type { NewEntry, StoredEntry } from '../services/ports.ts';
import { CHAIN_BYTES, TamperError, bind, nextLink, openRecord, requireIntegers, sealRecord } from './cipher.ts';
import type { Db } from './database.ts';
import { BoundedCache } from './bounded-cache.ts';
import type { StoreKeys } from './keys/store-keys.ts';

/** Numbers on disk. They are part of the format and never change. */
const KINDS: Readonly<Record<DurableEventType, number>> = {
  message: 1,
  turn: 2,
  cutoff: 3,
  settings: 4,
  title: 5,
  origin: 6,
};
const TYPES = new Map(Object.entries(KINDS).map(([type, kind]) => [kind, type as DurableEventType]));

export const MESSAGE_KIND = KINDS.message;
const EPOCH = 1;
const FINGERPRINT_BYTES = 16;
/** Link before the first entry of a segment. */
export const EMPTY_CHAIN = Buffer.alloc(CHAIN_BYTES);

/** Head of a segment that grows. The chain is replaced, never changed in place. */
export interface SegmentHead {
  readonly id: number;
  readonly firstSeq: number;
  lastSeq: number;
  chain: Buffer;
}

interface SegmentKeys {
  readonly key: KeyObject;
  readonly binding: Buffer;
}

export interface EntryRow {
  readonly seq: number;
  readonly kind: number;
  readonly turn: number;
  readonly at: number;
  /** Null where the query left the body out. */
  readonly body: Buffer | null;
}

interface SegmentRow {
  readonly key: Buffer;
  readonly first_seq: number;
}

export class SegmentStore {
  readonly #keys: StoreKeys;
  readonly #unwrapped = new BoundedCache<number, SegmentKeys>(2048);
  readonly #insertEntry;
  readonly #insertSegment;
  readonly #updateHead;
  readonly #selectSegment;
  readonly #nextId;
  readonly #lastEntry;
  readonly #opExists;
  readonly #byOp;
  readonly #countMessages;
  readonly #turnAt;

  constructor(db: Db, keys: StoreKeys) {
    this.#keys = keys;
    this.#insertEntry = db.prepare<[number, number, number, number, number, string | null, Buffer]>(
      'INSERT INTO entry(segment, seq, kind, turn, at, op, body) VALUES (?, ?, ?, ?, ?, ?, ?)',
    );
    this.#insertSegment = db.prepare<[number, string, Buffer, number, number, number, Buffer]>(
      'INSERT INTO segment(id, owner, key, epoch, first_seq, last_seq, chain) VALUES (?, ?, ?, ?, ?, ?, ?)',
    );
    this.#updateHead = db.prepare<[number, Buffer, number]>('UPDATE segment SET last_seq = ?, chain = ? WHERE id = ?');
    this.#selectSegment = db.prepare<[number], SegmentRow>('SELECT key, first_seq FROM segment WHERE id = ?');
    this.#nextId = db.prepare<[], number>('SELECT coalesce(max(id), 0) + 1 FROM segment').pluck();
    this.#lastEntry = db.prepare<[number], number>('SELECT max(seq) FROM entry WHERE segment = ?').pluck();
    this.#countMessages = db
      .prepare<[number, number, number], number>(
        `SELECT count(*) FROM entry WHERE segment = ? AND seq BETWEEN ? AND ? AND kind = ${KINDS.message}`,
      )
      .pluck();
    this.#turnAt = db.prepare<[number, number], number>('SELECT turn FROM entry WHERE segment = ? AND seq = ?').pluck();
    this.#opExists = db.prepare<[string], number>('SELECT 1 FROM entry WHERE op = ?').pluck();
    this.#byOp = db.prepare<[string], { segment: number; owner: string } & EntryRow>(
      `SELECT entry.segment, segment.owner, seq, kind, turn, at, body
       FROM entry JOIN segment ON segment.id = entry.segment WHERE op = ?`,
    );
  }

  /** A new, empty segment whose first entry will be `firstSeq`. */
  create(owner: string, firstSeq: number): SegmentHead {
    const id = this.#nextId.get() ?? 1;
    const { key, wrapped } = this.#keys.generate(`segment:${id}`);
    this.#insertSegment.run(id, owner, wrapped, EPOCH, firstSeq, firstSeq - 1, EMPTY_CHAIN);
    this.#unwrapped.set(id, this.#expand(id, key));
    return { id, firstSeq, lastSeq: firstSeq - 1, chain: EMPTY_CHAIN };
  }

  /** A growing segment, whose end its session knows, checked against the rows that are there. */
  reopen(id: number, lastSeq: number, chain: Buffer): SegmentHead {
    const { first_seq: firstSeq } = this.#row(id);
    const last = this.#lastEntry.get(id) ?? firstSeq - 1;
    if (last !== lastSeq) throw new TamperError(`the log ends at entry ${last}; its head says ${lastSeq}`);
    return { id, firstSeq, lastSeq, chain };
  }

  /** The segment is complete: its head moves from the session to the segment itself. */
  complete(head: SegmentHead): void {
    this.#updateHead.run(head.lastSeq, head.chain, head.id);
  }

  /**
   * Appends entries and moves the head along; the caller stores the head with the session.
   * @param op id of the operation, kept with the first entry; `fingerprint` tells whether a repetition asks for the same.
   */
  append(head: SegmentHead, entries: readonly NewEntry[], op: string | null, fingerprint: Buffer | null): void {
    const keys = this.#keysOf(head.id);
    for (const [index, entry] of entries.entries()) {
      const seq = head.lastSeq + 1;
      const kind = KINDS[entry.type];
      const plaintext = encodePayload(entry.body, index === 0 ? fingerprint : null);
      const body = sealRecord(keys.key, EPOCH, entryBinding(keys.binding, seq, kind, entry.turn, entry.at), plaintext);
      this.#insertEntry.run(head.id, seq, kind, entry.turn, entry.at, index === 0 ? op : null, body);
      head.chain = nextLink(head.chain, seq, body);
      head.lastSeq = seq;
    }
  }

  /** @throws TamperError when the row does not belong here or was changed. */
  open(segment: number, row: EntryRow): StoredEntry {
    return this.#decode(segment, row).entry;
  }

  /** The entry that an operation wrote first, with the session that owned its segment then. */
  findByOp(op: string): { owner: string; entry: StoredEntry; fingerprint: Buffer | undefined } | undefined {
    // Asked with nearly every write and nearly always in vain, so the question is cheaper than the answer.
    if (this.#opExists.get(op) === undefined) return undefined;
    const row = this.#byOp.get(op);
    return row === undefined ? undefined : { owner: row.owner, ...this.#decode(row.segment, row) };
  }

  countMessages(segment: number, first: number, last: number): number {
    return this.#countMessages.get(segment, first, last) ?? 0;
  }

  turnAt(segment: number, seq: number): number {
    const turn = this.#turnAt.get(segment, seq);
    if (turn === undefined) throw new TamperError(`entry ${seq} is missing`);
    return turn;
  }

  /** Adds a row of another segment under this one's key; the content stays as it is. */
  adopt(head: SegmentHead, source: number, row: EntryRow): void {
    const { entry, fingerprint } = this.#decode(source, row);
    const keys = this.#keysOf(head.id);
    const binding = entryBinding(keys.binding, row.seq, row.kind, row.turn, row.at);
    const body = sealRecord(keys.key, EPOCH, binding, encodePayload(entry.body, fingerprint ?? null));
    this.#insertEntry.run(head.id, row.seq, row.kind, row.turn, row.at, null, body);
    head.chain = nextLink(head.chain, row.seq, body);
    head.lastSeq = row.seq;
  }

  /** Must be called for a segment that is gone: its key must not outlive it. */
  forget(id: number): void {
    this.#unwrapped.delete(id);
  }

  /** After a rollback: ids that were given in it will be given again, with other keys. */
  forgetAll(): void {
    this.#unwrapped.clear();
  }

  #decode(segment: number, row: EntryRow): { entry: StoredEntry; fingerprint: Buffer | undefined } {
    const type = TYPES.get(row.kind);
    if (type === undefined || row.body === null) throw new TamperError(`entry ${row.seq} is of no known kind`);
    requireIntegers(row.seq, row.turn, row.at);
    const keys = this.#keysOf(segment);
    const binding = entryBinding(keys.binding, row.seq, row.kind, row.turn, row.at);
    const { body, fingerprint } = decodePayload(openEntry(keys.key, binding, row));
    return { entry: { seq: row.seq, type, turn: row.turn, at: row.at, body }, fingerprint };
  }

  #keysOf(id: number): SegmentKeys {
    let keys = this.#unwrapped.get(id);
    if (keys === undefined) {
      keys = this.#expand(id, this.#keys.unwrap(`segment:${id}`, this.#row(id).key));
      this.#unwrapped.set(id, keys);
    }
    return keys;
  }

  #expand(id: number, key: KeyObject): SegmentKeys {
    return { key, binding: bind('m/entry', this.#keys.storeId, id) };
  }

  #row(id: number): SegmentRow {
    const row = this.#selectSegment.get(id);
    if (row === undefined) throw new TamperError(`segment ${id} is missing`);
    return row;
  }
}

function openEntry(key: KeyObject, binding: Buffer, row: EntryRow): Buffer {
  try {
    return openRecord(key, EPOCH, binding, row.body ?? Buffer.alloc(0));
  } catch (error) {
    if (error instanceof TamperError) throw new TamperError(`entry ${row.seq}: ${error.message}`, { cause: error });
    throw error;
  }
}

/** Fixed-width numbers behind a length-prefixed prefix: unambiguous, and cheaper than prefixing each. */
function entryBinding(prefix: Buffer, seq: number, kind: number, turn: number, at: number): Buffer {
  const binding = Buffer.allocUnsafe(prefix.length + 28);
  prefix.copy(binding);
  let offset = prefix.length;
  binding.writeDoubleBE(seq, offset);
  binding.writeDoubleBE(turn, (offset += 8));
  binding.writeDoubleBE(at, (offset += 8));
  binding.writeUInt32BE(kind, offset + 8);
  return binding;
}

function encodePayload(text: string, fingerprint: Buffer | null): Buffer {
  const start = fingerprint === null ? 1 : 1 + FINGERPRINT_BYTES;
  const payload = Buffer.allocUnsafe(start + Buffer.byteLength(text));
  payload[0] = fingerprint === null ? 0 : 1;
  fingerprint?.copy(payload, 1);
  payload.write(text, start, 'utf8');
  return payload;
}

function decodePayload(payload: Buffer): { body: string; fingerprint: Buffer | undefined } {
  if (payload[0] === 0) return { body: payload.toString('utf8', 1), fingerprint: undefined };
  const start = 1 + FINGERPRINT_BYTES;
  return { body: payload.toString('utf8', start), fingerprint: Buffer.from(payload.subarray(1, start)) };
}
