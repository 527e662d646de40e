/** Which segments a session or a save is made of. */
import { TamperError, bind } from './cipher.ts';
import type { Db } from './database.ts';

/** One segment of a holder, with the sequences it contributes. */
export interface SegmentUse {
  readonly segment: number;
  readonly firstSeq: number;
  /** Null for the segment that still grows. */
  readonly upTo: number | null;
  /** Head of a complete segment, which may go on beyond `upTo`; empty while it grows. */
  readonly chain: Buffer;
}

/** Of a segment that still grows. */
export const NO_CHAIN = Buffer.alloc(0);

/** `s`: a session; `v`: a save. */
export type HolderKind = 's' | 'v';

interface UseRow {
  segment: number;
  up_to: number | null;
  first_seq: number | null;
  chain: Buffer | null;
}

export class SegmentUses {
  readonly #select;
  readonly #insert;
  readonly #remove;
  readonly #end;

  constructor(db: Db) {
    this.#select = db.prepare<[string, number], UseRow>(
      `SELECT segment, first_seq, up_to, chain FROM segment_use LEFT JOIN segment ON segment.id = segment_use.segment
       WHERE kind = ? AND holder = ? ORDER BY ordinal`,
    );
    this.#insert = db.prepare<[string, number, number, number, number | null]>(
      'INSERT INTO segment_use(kind, holder, ordinal, segment, up_to) VALUES (?, ?, ?, ?, ?)',
    );
    this.#remove = db.prepare<[string, number]>('DELETE FROM segment_use WHERE kind = ? AND holder = ?');
    this.#end = db.prepare<[number, string, number, number]>(
      'UPDATE segment_use SET up_to = ? WHERE kind = ? AND holder = ? AND segment = ?',
    );
  }

  /** In order. @throws TamperError when a segment is missing or the ranges do not join. */
  of(kind: HolderKind, holder: number): SegmentUse[] {
    const uses = this.#select.all(kind, holder).map((row) => {
      if (row.first_seq === null) throw new TamperError(`segment ${row.segment} is missing`);
      const chain = row.up_to === null ? NO_CHAIN : (row.chain ?? NO_CHAIN);
      return { segment: row.segment, firstSeq: row.first_seq, upTo: row.up_to, chain };
    });
    let next = 1;
    for (const use of uses) {
      if (use.firstSeq !== next) throw new TamperError(`the log has a gap before entry ${use.firstSeq}`);
      next = (use.upTo ?? use.firstSeq) + 1;
    }
    return uses;
  }

  replace(kind: HolderKind, holder: number, uses: readonly SegmentUse[]): void {
    this.#remove.run(kind, holder);
    for (const [ordinal, use] of uses.entries()) this.#insert.run(kind, holder, ordinal, use.segment, use.upTo);
  }

  add(kind: HolderKind, holder: number, ordinal: number, use: SegmentUse): void {
    this.#insert.run(kind, holder, ordinal, use.segment, use.upTo);
  }

  /** The growing segment grows no further for this holder. */
  end(kind: HolderKind, holder: number, segment: number, upTo: number): void {
    this.#end.run(upTo, kind, holder, segment);
  }

  remove(kind: HolderKind, holder: number): void {
    this.#remove.run(kind, holder);
  }
}

/** By the list itself: a list of uses is replaced when it changes, which is rarer than a step. */
const digests = new WeakMap<readonly SegmentUse[], Buffer>();

/** The uses as bytes that a MAC can cover. */
export function digestOfUses(uses: readonly SegmentUse[]): Buffer {
  let digest = digests.get(uses);
  if (digest === undefined) {
    digest = bind(...uses.flatMap((use) => [use.segment, use.firstSeq, use.upTo ?? -1, use.chain]));
    digests.set(uses, digest);
  }
  return digest;
}

/** The uses of a holder that shares a log up to and including `seq`. */
export function usesUpTo(uses: readonly SegmentUse[], seq: number): SegmentUse[] {
  return uses
    .filter((use) => use.firstSeq <= seq)
    .map((use) => ({ ...use, upTo: use.upTo === null ? seq : Math.min(use.upTo, seq) }));
}
