/** Pages of a log, decrypted, across the segments it is made of. */
import type { ReadResult, StoredEntry } from '../services/ports.ts';
import { TamperError } from './cipher.ts';
import type { Db } from './database.ts';
import { MESSAGE_KIND, type EntryRow, type SegmentStore } from './segments.ts';
import type { SegmentUse } from './segment-uses.ts';

/** Which part of a log is wanted. */
export interface Page {
  /** Oldest entries after this, or newest entries before that. */
  readonly direction: 'after' | 'before';
  readonly from: number;
  readonly limit: number;
  /** At least one entry is returned, however long it is. */
  readonly maxBytes: number;
  readonly messagesOnly: boolean;
}

type Range = [segment: number, first: number, last: number];

export class LogReader {
  readonly #segments: SegmentStore;
  readonly #statements;

  constructor(db: Db, segments: SegmentStore) {
    this.#segments = segments;
    const prepare = (condition: string, order: string) =>
      db.prepare<Range, EntryRow>(
        `SELECT seq, kind, turn, at, body FROM entry WHERE segment = ? AND seq BETWEEN ? AND ? ${condition} ORDER BY seq ${order}`,
      );
    this.#statements = {
      all: { after: prepare('', 'ASC'), before: prepare('', 'DESC') },
      messages: {
        after: prepare(`AND kind = ${MESSAGE_KIND}`, 'ASC'),
        before: prepare(`AND kind = ${MESSAGE_KIND}`, 'DESC'),
      },
    };
  }

  /**
   * @param uses the log, every segment with its end.
   * @throws TamperError when an entry is missing in between or does not verify.
   */
  read(uses: readonly SegmentUse[], page: Page): ReadResult {
    const entries: StoredEntry[] = [];
    let bytes = 0;
    let more = false;
    const statement = this.#statements[page.messagesOnly ? 'messages' : 'all'][page.direction];
    for (const [segment, first, last] of rangesOf(uses, page)) {
      let expected = page.direction === 'after' ? first : last;
      for (const row of statement.iterate(segment, first, last)) {
        if (!page.messagesOnly && row.seq !== expected) throw new TamperError(`entry ${expected} is missing`);
        expected += page.direction === 'after' ? 1 : -1;
        const size = row.body?.length ?? 0;
        if (entries.length >= page.limit || (entries.length > 0 && bytes + size > page.maxBytes)) {
          more = true;
          break;
        }
        bytes += size;
        entries.push(this.#segments.open(segment, row));
      }
      const end = page.direction === 'after' ? last + 1 : first - 1;
      if (!more && !page.messagesOnly && expected !== end) throw new TamperError(`entry ${expected} is missing`);
      if (more) break;
    }
    if (page.direction === 'before') entries.reverse();
    return { entries, more };
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
