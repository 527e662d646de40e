/** What calls wrote, beside the log: in stretches, encrypted under the key of the segment that grew meanwhile. */
import { ProtocolError } from '../../protocol/errors.ts';
import type { OutputPage, OutputStretch } from '../services/tool-records.ts';
import { BoundedCache } from './bounded-cache.ts';
import { TamperError, bind, openRecord, requireIntegers, requireTexts, sealRecord } from './cipher.ts';
import { orDamaged } from './damage.ts';
import type { Db } from './database.ts';
import type { StoreKeys } from './keys/store-keys.ts';
import type { SegmentStore } from './segments.ts';
import type { SessionState } from './session-head.ts';
import type { SessionStore } from './sessions.ts';
import { SliceTimer, type SlicedJob } from './slices.ts';

/** Longer stretches and pages would hold the thread for too long. */
const MAX_STRETCH_BYTES = 256 * 1024;
const MAX_PAGE_BYTES = 1024 * 1024;
/** Rows that are deleted or copied between two looks at the clock. */
const ROWS_AT_ONCE = 4;

/** Where a stretch is: everything that its record is bound to. */
interface Place {
  readonly segment: number;
  readonly call: string;
  readonly stretch: number;
  readonly first_byte: number;
  readonly bytes: number;
  /** Last entry of the log when it came; it is shared and erased with that entry. */
  readonly seq: number;
}

interface OutputRow extends Place {
  readonly body: Buffer;
}

/** The next stretch of a call, and where it begins in the whole. */
interface Tail {
  readonly stretch: number;
  readonly offset: number;
}

/** Whose log it is: a session or a save. */
export type Holder = Pick<SessionState, 'uses'>;

export const BEGINNING: Tail = { stretch: 0, offset: 0 };
/** As an offset or a sequence: no bound. */
const EVERYTHING = Number.MAX_SAFE_INTEGER;

/**
 * Whoever shares the log up to an entry sees the stretches that came before the next one. A stretch that is missing in
 * front of another, that stands in another place, or that was cut, is noticed, since each is bound to its place in the whole
 * and pages are made of stretches that join. A missing end is not noticed here: nothing that is stored beside the output
 * says how long it is. The result of the call, in the log, does, and whoever has read it compares.
 */
export class OutputStore {
  readonly #keys: StoreKeys;
  readonly #segments: SegmentStore;
  readonly #sessions: SessionStore;
  /** Of calls that write, by session and call, so that their last stretch need not be read each time. */
  readonly #tails = new BoundedCache<string, Tail>(256);
  readonly #insert;
  readonly #lastAt;
  readonly #from;
  readonly #firstCall;
  readonly #callAfter;
  readonly #count;
  readonly #countBehind;
  readonly #ofSegment;
  readonly #deleteOfSegment;

  constructor(db: Db, keys: StoreKeys, parts: { segments: SegmentStore; sessions: SessionStore }) {
    this.#keys = keys;
    this.#segments = parts.segments;
    this.#sessions = parts.sessions;
    this.#insert = db.prepare<[number, string, number, number, number, number, Buffer]>(
      'INSERT INTO output(segment, call, stretch, first_byte, bytes, seq, body) VALUES (?, ?, ?, ?, ?, ?, ?)',
    );
    const columns = 'segment, call, stretch, first_byte, bytes, seq';
    this.#lastAt = db.prepare<[number, string, number, number], Place>(
      `SELECT ${columns} FROM output WHERE segment = ? AND call = ? AND first_byte <= ? AND seq <= ?
       ORDER BY first_byte DESC, stretch DESC LIMIT 1`,
    );
    this.#from = db.prepare<[number, string, number, number], OutputRow>(
      `SELECT ${columns}, body FROM output WHERE segment = ? AND call = ? AND first_byte >= ? AND seq <= ?
       ORDER BY first_byte, stretch`,
    );
    this.#callAfter = db
      .prepare<[number, string], string | null>('SELECT min(call) FROM output WHERE segment = ? AND call > ?')
      .pluck();
    this.#firstCall = db.prepare<[number], string | null>('SELECT min(call) FROM output WHERE segment = ?').pluck();
    this.#count = db
      .prepare<[number, string, number], number>(
        'SELECT count(*) FROM output WHERE segment = ? AND call = ? AND seq <= ?',
      )
      .pluck();
    this.#countBehind = db
      .prepare<[number, number], number>('SELECT count(*) FROM output WHERE segment = ? AND seq > ?')
      .pluck();
    this.#ofSegment = db.prepare<[number, number, string, number, number], OutputRow>(
      `SELECT ${columns}, body FROM output
       WHERE segment = ? AND seq <= ? AND (call, first_byte, stretch) > (?, ?, ?)
       ORDER BY call, first_byte, stretch LIMIT ${ROWS_AT_ONCE}`,
    );
    this.#deleteOfSegment = db.prepare<[number]>(
      `DELETE FROM output WHERE id IN (SELECT id FROM output WHERE segment = ? LIMIT ${ROWS_AT_ONCE})`,
    );
  }

  /**
   * One that is there already changes nothing. A segment that was closed meanwhile takes none; the next one does.
   * @throws ProtocolError CONFLICT when the stretch before it is not there, INVALID_PARAMS when it is too long.
   */
  append(session: SessionState, { callId: call, index, text }: OutputStretch): void {
    const tail = this.#tailOf(session, call);
    if (index < tail.stretch) return;
    if (index > tail.stretch) {
      throw new ProtocolError('CONFLICT', `stretch ${tail.stretch} of this output has not come before ${index}`);
    }
    const body = Buffer.from(text, 'utf8');
    if (body.length > MAX_STRETCH_BYTES) {
      throw new ProtocolError('INVALID_PARAMS', `a stretch of output has at most ${MAX_STRETCH_BYTES} bytes`);
    }
    const place = {
      segment: this.#growingSegment(session),
      call,
      stretch: index,
      first_byte: tail.offset,
      bytes: body.length,
      seq: session.lastSeq,
    };
    this.#write(place, this.#seal(place, body));
    this.#tails.set(`${session.id} ${call}`, tailBehind(place));
  }

  /**
   * @param offset bytes to skip. One in the middle of a character skips the rest of it too.
   * @throws ProtocolError NOT_FOUND when nothing is kept of this call; TamperError
   */
  read(session: SessionState, call: string, offset: number, maxBytes: number): OutputPage {
    const limit = Math.min(maxBytes, MAX_PAGE_BYTES);
    let tail = this.#tailBefore(session, call, offset);
    const parts: Buffer[] = [];
    let bytes = 0;
    for (const row of this.#stretches(session, call, tail)) {
      if (bytes > 0 && bytes + row.bytes > limit) return { text: textOf(parts), nextOffset: tail.offset };
      const part = this.#openNext(tail, row).subarray(Math.max(0, offset - row.first_byte));
      parts.push(bytes === 0 ? wholeCharacters(part) : part);
      bytes += part.length;
      tail = tailBehind(row);
    }
    return { text: textOf(parts), nextOffset: null };
  }

  /** Calls with stretches in a segment. */
  *callsOf(segment: number): Generator<string, void, void> {
    let call = this.#firstCall.get(segment) ?? undefined;
    for (; call !== undefined; call = this.#callAfter.get(segment, call) ?? undefined) yield call;
  }

  /** How many stretches of a call a log has, whatever they say of their place in the whole. */
  count({ uses }: Holder, call: string): number {
    return uses.reduce((sum, { segment, upTo }) => sum + (this.#count.get(segment, call, upTo ?? EVERYTHING) ?? 0), 0);
  }

  /** How many stretches of a segment say that they came behind an entry: nobody is shown those behind the last one. */
  countBehind(segment: number, seq: number): number {
    return this.#countBehind.get(segment, seq) ?? 0;
  }

  /** @returns what follows the next stretch, which verifies; undefined when there is none. @throws TamperError */
  check(session: Holder, call: string, tail: Tail): Tail | undefined {
    for (const row of this.#stretches(session, call, tail)) {
      this.#openNext(tail, row);
      return tailBehind(row);
    }
    return undefined;
  }

  /** Copies what belongs to the beginning of a segment to another one, under its key. What does not verify stays as it is. */
  *adopt(to: number, from: number, usedTo: number): SlicedJob<void> {
    const timer = new SliceTimer();
    let last: Pick<Place, 'call' | 'first_byte' | 'stretch'> = { call: '', first_byte: -1, stretch: -1 };
    for (;;) {
      const page = this.#ofSegment.all(from, usedTo, last.call, last.first_byte, last.stretch);
      for (const row of page) {
        const place = { ...row, segment: to };
        const body = orDamaged(
          () => this.#seal(place, this.#open(row)),
          () => row.body,
        );
        this.#write(place, body);
        last = row;
      }
      if (page.length < ROWS_AT_ONCE) return;
      if (timer.used()) yield;
    }
  }

  /** Removes the rows of a segment, whose key is gone. */
  *removeOf(segment: number): SlicedJob<void> {
    const timer = new SliceTimer();
    while (this.#deleteOfSegment.run(segment).changes > 0) if (timer.used()) yield;
  }

  /** After a rollback. */
  forgetAll(): void {
    this.#tails.clear();
  }

  #growingSegment(session: SessionState): number {
    if (session.open !== null) return session.open.id;
    const { id } = this.#sessions.openSegment(session);
    this.#sessions.write(session);
    return id;
  }

  #tailOf(session: SessionState, call: string): Tail {
    const known = this.#tails.get(`${session.id} ${call}`);
    if (known !== undefined) return known;
    const last = this.#lastBefore(session, call, EVERYTHING);
    if (last === undefined) return BEGINNING;
    // Its clear columns say where the next one goes, so they have to be true.
    this.check(session, call, beginningOf(last));
    return tailBehind(last);
  }

  /** The stretch in which an offset is, or the last one in front of it. */
  #tailBefore(session: SessionState, call: string, offset: number): Tail {
    const place = this.#lastBefore(session, call, offset);
    if (place !== undefined) return beginningOf(place);
    if (this.#lastBefore(session, call, EVERYTHING) === undefined) {
      throw new ProtocolError('NOT_FOUND', 'no output is kept of this call');
    }
    return BEGINNING;
  }

  #lastBefore(session: SessionState, call: string, offset: number): Place | undefined {
    for (const { segment, upTo } of session.uses.toReversed()) {
      const place = this.#lastAt.get(segment, call, offset, upTo ?? EVERYTHING);
      if (place !== undefined) return place;
    }
    return undefined;
  }

  /** Those that came before the log of this session went its own way, from one on, in order. */
  *#stretches(session: Holder, call: string, { offset, stretch }: Tail): Generator<OutputRow, void, void> {
    for (const { segment, upTo } of session.uses) {
      for (const row of this.#from.iterate(segment, call, offset, upTo ?? EVERYTHING)) {
        if (row.stretch >= stretch) yield row;
      }
    }
  }

  #openNext(tail: Tail, row: OutputRow): Buffer {
    if (row.stretch !== tail.stretch || row.first_byte !== tail.offset) {
      throw new TamperError(`stretch ${tail.stretch} is missing`);
    }
    return this.#open(row);
  }

  #write({ segment, call, stretch, first_byte: first, bytes, seq }: Place, body: Buffer): void {
    this.#insert.run(segment, call, stretch, first, bytes, seq, body);
  }

  #seal(place: Place, text: Buffer): Buffer {
    return sealRecord(this.#segments.keyOf(place.segment), 1, this.#binding(place), text);
  }

  #open(row: OutputRow): Buffer {
    requireTexts(row.call);
    return openRecord(this.#segments.keyOf(row.segment), 1, this.#binding(row), row.body);
  }

  #binding({ segment, call, stretch, first_byte: first, bytes, seq }: Place): Buffer {
    return bind('m/output', this.#keys.storeId, segment, call, stretch, first, bytes, seq);
  }
}

function beginningOf({ stretch, first_byte: offset }: Place): Tail {
  return { stretch, offset };
}

function tailBehind({ stretch, first_byte: first, bytes }: Place): Tail {
  requireIntegers(stretch, first, bytes);
  return { stretch: stretch + 1, offset: first + bytes };
}

/** Without the rest of a character at the beginning. */
function wholeCharacters(bytes: Buffer): Buffer {
  let start = 0;
  while (start < Math.min(bytes.length, 4) && ((bytes[start] ?? 0) & 0xc0) === 0x80) start += 1;
  return bytes.subarray(start);
}

function textOf(parts: readonly Buffer[]): string {
  return Buffer.concat(parts).toString('utf8');
}
