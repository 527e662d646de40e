/** Segments: runs of one log, each with a key of its own and a head that makes loss, reordering and truncation visible. */
import type { KeyObject } from 'node:crypto';
import type { DurableEventType } from '../../protocol/event.ts';
import type { NewEntry, StoredEntry } from '../services/ports.ts';
import { CHAIN_BYTES, TamperError, bind, nextLink, openRecord, requireIntegers, sealRecord } from './cipher.ts';
import type { Db } from './database.ts';
import { NO_MARK, decodePayload, encodePayload, type Mark } from './entry-payload.ts';
import { BoundedCache } from './bounded-cache.ts';
import type { StoreKeys } from './keys/store-keys.ts';
import type { SegmentUse } from './segment-uses.ts';

/** Numbers on disk. They are part of the format and never change. */
const KINDS: Readonly<Record<DurableEventType, number>> = {
  message: 1,
  turn: 2,
  cutoff: 3,
  settings: 4,
  title: 5,
  origin: 6,
  call: 7,
  approval: 8,
  summary: 9,
  retry: 10,
  snapshot: 11,
};
/** The number of a type of entry. */
export function kindOf(type: DurableEventType): number {
  return KINDS[type];
}

const TYPES = new Map(Object.entries(KINDS).map(([type, kind]) => [kind, type as DurableEventType]));

export const MESSAGE_KIND = KINDS.message;
const EPOCH = 1;
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

/**
 * What the first entry of an operation remembers of it. A client's operation is found by an index, whatever session it
 * went to, and `fingerprint` tells whether a repetition asks for the same; null when that is not known any more. A step of
 * the daemon itself is only ever looked for at the end of its session, so it does without the index, which would cost each
 * step a page.
 */
export type Origin =
  | { readonly by: 'client'; readonly opId: string; readonly fingerprint: Buffer | null }
  | { readonly by: 'daemon'; readonly opId: string };

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
  readonly #newestFirst;
  readonly #countMessages;
  readonly #bySeq;

  constructor(db: Db, keys: StoreKeys) {
    this.#keys = keys;
    this.#insertEntry = db.prepare<[number, number, number, number, number, string | null, Buffer]>(
      'INSERT INTO entry(segment, seq, kind, turn, at, op, body) VALUES (?, ?, ?, ?, ?, ?, ?)',
    );
    this.#insertSegment = db.prepare<[number, string, Buffer, number, number, number, Buffer]>(
      'INSERT INTO segment(id, owner, key, epoch, first_seq, last_seq, chain) VALUES (?, ?, ?, ?, ?, ?, ?)',
    );
    this.#updateHead = db.prepare<[number, Buffer, string, number]>(
      'UPDATE segment SET last_seq = ?, chain = ?, owner = ? WHERE id = ?',
    );
    this.#selectSegment = db.prepare<[number], SegmentRow>('SELECT key, first_seq FROM segment WHERE id = ?');
    this.#nextId = db.prepare<[], number>('SELECT coalesce(max(id), 0) + 1 FROM segment').pluck();
    this.#lastEntry = db.prepare<[number], number>('SELECT max(seq) FROM entry WHERE segment = ?').pluck();
    this.#countMessages = db
      .prepare<[number, number, number], number>(
        `SELECT count(*) FROM entry WHERE segment = ? AND seq BETWEEN ? AND ? AND kind = ${KINDS.message}`,
      )
      .pluck();
    this.#bySeq = db.prepare<[number, number], EntryRow>(
      'SELECT seq, kind, turn, at, body FROM entry WHERE segment = ? AND seq = ?',
    );
    this.#opExists = db.prepare<[string], number>('SELECT 1 FROM entry WHERE op = ?').pluck();
    this.#newestFirst = db.prepare<[number, number], EntryRow>(
      'SELECT seq, kind, turn, at, body FROM entry WHERE segment = ? AND seq <= ? ORDER BY seq DESC',
    );
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
  complete(head: SegmentHead, owner: string): void {
    this.#updateHead.run(head.lastSeq, head.chain, owner, head.id);
  }

  /** Appends entries and moves the head along; the caller stores the head with the session. */
  append(head: SegmentHead, entries: readonly NewEntry[], origin: Origin): void {
    const keys = this.#keysOf(head.id);
    let mark = markOf(origin);
    let op = origin.by === 'client' ? origin.opId : null;
    for (const { type, turn, at, body } of entries) {
      const seq = head.lastSeq + 1;
      const kind = KINDS[type];
      const binding = entryBinding(keys.binding, seq, kind, turn, at);
      const record = sealRecord(keys.key, EPOCH, binding, encodePayload(body, mark));
      this.#insertEntry.run(head.id, seq, kind, turn, at, op, record);
      head.chain = nextLink(head.chain, seq, record);
      head.lastSeq = seq;
      mark = NO_MARK;
      op = null;
    }
  }

  /** @throws TamperError when the row does not belong here or was changed. */
  open(segment: number, row: EntryRow): StoredEntry {
    return this.#decode(segment, row).entry;
  }

  /**
   * As `open`, for a row with its column of operations too: without it a repeated request would be done again.
   * @param forgotten operations before this one were removed from the column, since nobody repeats them.
   */
  check(segment: number, row: EntryRow & { readonly op: string | null }, forgotten: string): StoredEntry {
    const { entry, mark } = this.#decode(segment, row);
    const isRemembered = mark.op !== null && mark.fingerprint !== null && mark.op >= forgotten;
    const isWithout = row.op === null && !isRemembered;
    if (isWithout || row.op === mark.op) return entry;
    // Written before operations were part of what is encrypted.
    if (mark.op === null && mark.fingerprint !== null) return entry;
    throw new TamperError(`entry ${row.seq}: its operation is not the one that wrote it`);
  }

  /** The entry that an operation wrote first, with the session that owned its segment then. */
  findByOp(op: string): { owner: string; segment: number; entry: StoredEntry; fingerprint: Buffer | null } | undefined {
    // Asked with nearly every write and nearly always in vain, so the question is cheaper than the answer.
    if (this.#opExists.get(op) === undefined) return undefined;
    const row = this.#byOp.get(op);
    if (row === undefined) return undefined;
    const { entry, mark } = this.#decode(row.segment, row);
    if (mark.op !== null && mark.op !== op) throw new TamperError(`entry ${row.seq} says it is of another operation`);
    return { owner: row.owner, segment: row.segment, entry, fingerprint: mark.fingerprint };
  }

  /**
   * The entry that a step of the daemon wrote first, if it is at the end of this log. Turns never decrease along a log, so
   * nothing before the step's own turn is looked at.
   */
  findStep(uses: readonly SegmentUse[], op: string, turn: number): StoredEntry | undefined {
    for (const use of uses.toReversed()) {
      for (const row of this.#newestFirst.iterate(use.segment, use.upTo ?? use.firstSeq - 1)) {
        if (row.turn < turn) return undefined;
        const { entry, mark } = this.#decode(use.segment, row);
        if (mark.op === op) return entry;
      }
    }
    return undefined;
  }

  countMessages(segment: number, first: number, last: number): number {
    return this.#countMessages.get(segment, first, last) ?? 0;
  }

  /** @throws TamperError when the entry is missing or does not verify: what is done next hangs on its turn. */
  turnAt(segment: number, seq: number): number {
    const row = this.#bySeq.get(segment, seq);
    if (row === undefined) throw new TamperError(`entry ${seq} is missing`);
    return this.#decode(segment, row).entry.turn;
  }

  /** Adds a row of another segment under this one's key; the content stays as it is, its operation is forgotten. */
  adopt(head: SegmentHead, source: number, row: EntryRow): void {
    const { entry } = this.#decode(source, row);
    const keys = this.#keysOf(head.id);
    const binding = entryBinding(keys.binding, row.seq, row.kind, row.turn, row.at);
    const body = sealRecord(keys.key, EPOCH, binding, encodePayload(entry.body, NO_MARK));
    this.#insertEntry.run(head.id, row.seq, row.kind, row.turn, row.at, null, body);
    head.chain = nextLink(head.chain, row.seq, body);
    head.lastSeq = row.seq;
  }

  /** For what is stored beside the entries. @throws TamperError */
  keyOf(id: number): KeyObject {
    return this.#keysOf(id).key;
  }

  /** Must be called for a segment that is gone: its key must not outlive it. */
  forget(id: number): void {
    this.#unwrapped.delete(id);
  }

  /** After a rollback: ids that were given in it will be given again, with other keys. */
  forgetAll(): void {
    this.#unwrapped.clear();
  }

  #decode(segment: number, row: EntryRow): { entry: StoredEntry; mark: Mark } {
    const type = TYPES.get(row.kind);
    if (type === undefined || row.body === null) throw new TamperError(`entry ${row.seq} is of no known kind`);
    requireIntegers(row.seq, row.turn, row.at);
    const keys = this.#keysOf(segment);
    const binding = entryBinding(keys.binding, row.seq, row.kind, row.turn, row.at);
    const { body, mark } = decodePayload(openEntry(keys.key, binding, row));
    return { entry: { seq: row.seq, type, turn: row.turn, at: row.at, body }, mark };
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

function markOf(origin: Origin): Mark {
  return { op: origin.opId, fingerprint: origin.by === 'client' ? origin.fingerprint : null };
}
