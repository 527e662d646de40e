/** Pages of a log, decrypted, across the segments it is made of. */
import type { ReadResult, StoredEntry } from '../services/ports.ts';
import { TamperError } from './cipher.ts';
import type { Db } from './database.ts';
import type { EntryRow, SegmentStore } from './segments.ts';
import type { SegmentUse } from './segment-uses.ts';

/** Which part of a log is wanted. */
export interface Page {
  /** Oldest entries after this, or newest entries before that. */
  readonly direction: 'after' | 'before';
  readonly from: number;
  readonly limit: number;
  /** At least one entry is returned, however long it is. */
  readonly maxBytes: number;
  /** Kinds that are wanted; undefined for all. */
  readonly only: ReadonlySet<number> | undefined;
}

type Range = [segment: number, first: number, last: number];

export class LogReader {
  readonly #segments: SegmentStore;
  readonly #statements;

  constructor(db: Db, segments: SegmentStore) {
    this.#segments = segments;
    const prepare = (order: string) =>
      db.prepare<Range, EntryRow>(
        `SELECT seq, kind, turn, at, body FROM entry WHERE segment = ? AND seq BETWEEN ? AND ? ORDER BY seq ${order}`,
      );
    this.#statements = { after: prepare('ASC'), before: prepare('DESC') };
  }

  /**
   * @param uses the log, every segment with its end.
   * @throws TamperError when an entry is missing in between or does not verify.
   */
  read(uses: readonly SegmentUse[], page: Page): ReadResult {
    const entries: StoredEntry[] = [];
    const full = new PageLimit(page);
    for (const range of rangesOf(uses, page)) {
      if (!this.#readRange(range, page, full, entries)) break;
    }
    if (page.direction === 'before') entries.reverse();
    return { entries, more: full.reached };
  }

  /**
   * Every entry has to be there and to verify, also those that are not asked for: a message that was taken away, or made to
   * look like something else, would otherwise not be missed.
   * @returns false when the page is full.
   */
  #readRange(range: Range, page: Page, full: PageLimit, entries: StoredEntry[]): boolean {
    const [segment, first, last] = range;
    const [start, end, stride] = page.direction === 'after' ? [first, last + 1, 1] : [last, first - 1, -1];
    let expected = start;
    for (const row of this.#statements[page.direction].iterate(segment, first, last)) {
      if (row.seq !== expected) throw new TamperError(`entry ${expected} is missing`);
      const isWanted = page.only === undefined || page.only.has(row.kind);
      if (isWanted && full.refuses(row)) return false;
      const entry = this.#segments.open(segment, row);
      if (isWanted) entries.push(entry);
      expected += stride;
    }
    if (expected !== end) throw new TamperError(`entry ${expected} is missing`);
    return true;
  }
}

/** Counts what a page holds; the first entry always fits. */
class PageLimit {
  readonly #page: Page;
  #entries = 0;
  #bytes = 0;
  #reached = false;

  constructor(page: Page) {
    this.#page = page;
  }

  /** Whether an entry was refused because the page was full. */
  get reached(): boolean {
    return this.#reached;
  }

  refuses(row: EntryRow): boolean {
    const size = row.body?.length ?? 0;
    const tooLong = this.#entries > 0 && this.#bytes + size > this.#page.maxBytes;
    this.#reached = this.#entries >= this.#page.limit || tooLong;
    if (this.#reached) return true;
    this.#entries += 1;
    this.#bytes += size;
    return false;
  }
}

function rangesOf(uses: readonly SegmentUse[], page: Page): Range[] {
  const ranges: Range[] = [];
  for (const use of uses) {
    const last = use.upTo ?? use.firstSeq - 1;
    const first = page.direction === 'after' ? Math.max(use.firstSeq, page.from + 1) : use.firstSeq;
    const end = page.direction === 'before' ? Math.min(last, page.from - 1) : last;
    if (first <= end) ranges.push([use.segment, first, end]);
  }
  return page.direction === 'before' ? ranges.reverse() : ranges;
}
