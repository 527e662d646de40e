/** Checks every entry of a log: its own tag, its place in the chain, and the end that a head vouches for. */
import { encodeTime } from 'ulid';
import { RECORD_OVERHEAD_BYTES, TamperError, nextLink } from './cipher.ts';
import type { Db } from './database.ts';
import { REMEMBER_OPERATIONS_MS } from './operations.ts';
import { EMPTY_CHAIN, type EntryRow, type SegmentHead, type SegmentStore } from './segments.ts';
import type { SegmentUse } from './segment-uses.ts';
import { SliceTimer, type SlicedJob } from './slices.ts';

/** More findings than this are counted, not listed. */
export const MAX_PROBLEMS = 100;

type FullRow = EntryRow & { readonly op: string | null };

/** What a head says of the end of a segment. */
interface End {
  readonly lastSeq: number;
  readonly chain: unknown;
}

/** What the check of a log comes to. */
export interface LogFindings {
  /** What is wrong with it, in sentences; the check adds to it. */
  readonly problems: string[];
  /** Is given the body of every entry of the log that verifies. */
  readonly read?: (body: string) => void;
}

export class LogVerifier {
  readonly #segments: SegmentStore;
  readonly #head;
  readonly #rows;

  constructor(db: Db, segments: SegmentStore) {
    this.#segments = segments;
    this.#head = db.prepare<[number], End>('SELECT last_seq AS lastSeq, chain FROM segment WHERE id = ?');
    this.#rows = db.prepare<[number, number], FullRow>(
      'SELECT seq, kind, turn, at, op, body FROM entry WHERE segment = ? AND seq > ? ORDER BY seq LIMIT 100',
    );
  }

  /**
   * Tells what is wrong with a log. What verifies costs one decryption a row.
   * @param open the segment that grows: entries that arrive meanwhile are not part of this check.
   * @returns how many entries of the log were looked at.
   */
  *verify(uses: readonly SegmentUse[], open: SegmentHead | null, findings: LogFindings): SlicedJob<number> {
    // As it is now, not as it will be at its turn.
    const growing = open === null ? undefined : { ...open };
    let entries = 0;
    for (const use of uses) {
      entries += yield* this.#segment(use, use.segment === growing?.id ? growing : undefined, findings);
    }
    return entries;
  }

  *#segment(use: SegmentUse, growing: SegmentHead | undefined, findings: LogFindings): SlicedJob<number> {
    const { problems } = findings;
    const head = growing ?? this.#head.get(use.segment);
    const end = head?.lastSeq;
    if (head === undefined || end === undefined || !Number.isSafeInteger(end)) {
      problems.push(`segment ${use.segment} is missing, or its end`);
      return 0;
    }
    const forgotten = `${encodeTime(Date.now() - REMEMBER_OPERATIONS_MS, 10)}${'0'.repeat(16)}`;
    const timer = new SliceTimer();
    let chain: Buffer = EMPTY_CHAIN;
    let seq = use.firstSeq - 1;
    let seen = 0;
    for (;;) {
      const page = this.#rows.all(use.segment, seq);
      if (page.length === 0 || seq >= end) break;
      for (const row of page) {
        if (row.seq > end) break;
        if (row.seq !== seq + 1) problems.push(`entries ${seq + 1} to ${row.seq - 1} are missing`);
        seq = row.seq;
        chain = this.#row(use, row, chain, forgotten, findings);
        if (seq <= (use.upTo ?? end)) seen += 1;
      }
      if (timer.used()) yield;
    }
    problems.push(...atTheEnd(use, seq, chain, head));
    return seen;
  }

  #row(use: SegmentUse, row: FullRow, chain: Buffer, forgotten: string, findings: LogFindings): Buffer {
    const { problems, read } = findings;
    try {
      const { seq, body } = this.#segments.check(use.segment, row, forgotten);
      if (seq <= (use.upTo ?? seq)) read?.(body);
    } catch (error) {
      if (!(error instanceof TamperError)) throw error;
      if (problems.length <= MAX_PROBLEMS) problems.push(error.message);
    }
    return Buffer.isBuffer(row.body) && row.body.length >= RECORD_OVERHEAD_BYTES
      ? nextLink(chain, row.seq, row.body)
      : chain;
  }
}

/** @param seq the last entry that is there. */
function atTheEnd({ firstSeq }: SegmentUse, seq: number, chain: Buffer, head: End): string[] {
  if (seq < head.lastSeq) return [`the log ends at entry ${seq}; its head says ${head.lastSeq}`];
  if (Buffer.isBuffer(head.chain) && chain.equals(head.chain)) return [];
  return [`the chain of entries ${firstSeq} to ${head.lastSeq} does not fit its head`];
}
