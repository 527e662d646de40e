/** Deletes sessions and saves for good: keys first, then rows, without harming those who share a part of the log. */
import { TamperError } from './cipher.ts';
import type { Db } from './database.ts';
import { orDamaged } from './damage.ts';
import type { EnvironmentStore } from './environments.ts';
import type { OutputStore } from './outputs.ts';
import type { ProcessStore } from './processes.ts';
import type { RuleStore } from './rules.ts';
import type { EntryRow, SegmentHead, SegmentStore } from './segments.ts';
import type { SegmentUse, SegmentUses } from './segment-uses.ts';
import type { SaveState, SaveStore } from './saves.ts';
import type { SessionStore } from './sessions.ts';
import { SliceTimer, type SlicedJob } from './slices.ts';
import type { WorkspaceStore } from './workspaces.ts';

export interface EraserParts {
  readonly sessions: SessionStore;
  readonly saves: SaveStore;
  readonly segments: SegmentStore;
  readonly uses: SegmentUses;
  readonly workspaces: WorkspaceStore;
  readonly outputs: OutputStore;
  readonly environments: EnvironmentStore;
  readonly processes: ProcessStore;
  readonly rules: RuleStore;
}

interface Garbage {
  readonly id: number;
  readonly owner: string;
  readonly first_seq: number;
  readonly last_seq: number;
  /** Last sequence that anyone still shares; null when nobody does. */
  readonly used_to: number | null;
}

/** In the place of the owner of a segment that is being copied. */
const HALF_MADE = '';
/** In the place of an owner that was deleted, for as long as others share the segment: what is behind their end may go. */
export const DELETED = 'deleted';
/** Rows that are deleted or copied between two looks at the clock. */
const ROWS_AT_ONCE = 50;

export class Eraser {
  readonly #db: Db;
  readonly #parts: EraserParts;

  constructor(db: Db, parts: EraserParts) {
    this.#db = db;
    this.#parts = parts;
  }

  /**
   * The session, its title, its workspace, the lines typed in it and the keys of everything that nobody shares are gone when
   * this returns. `collect` removes
   * the rows; what a crash leaves is collected at the next start.
   */
  deleteSession(
    sessionId: string,
    fate: 'keep' | 'delete',
  ): { savesKept: number; savesDeleted: number; createdAt: number } {
    const { sessions, saves, environments, processes, rules } = this.#parts;
    const state = orDamaged(
      () => sessions.load(sessionId),
      () => sessions.locate(sessionId),
    );
    const affected = saves.ofSession(sessionId);
    const parts = new Set([...this.#segmentsOf('s', state.number), ...this.#segmentsOwnedBy(sessionId)]);
    if (fate === 'delete') for (const save of affected) this.#removeSave(save, parts);
    this.#db.prepare('DELETE FROM draft WHERE session = ?').run(state.number);
    this.#db.prepare('DELETE FROM queued WHERE session = ?').run(state.number);
    // A line that belongs to no session, of an earlier release for example, may have been typed in this one.
    this.#db.prepare('DELETE FROM history WHERE session = ? OR session IS NULL').run(state.number);
    environments.remove(state);
    rules.removeOf(state);
    processes.removeOf(state.id);
    sessions.remove(state);
    this.#parts.workspaces.removeUnused();
    this.#destroyUnused(parts);
    const { createdAt } = state;
    return fate === 'delete'
      ? { savesKept: 0, savesDeleted: affected.length, createdAt }
      : { savesKept: affected.length, savesDeleted: 0, createdAt };
  }

  deleteSave(saveId: string): void {
    const { saves } = this.#parts;
    const parts = new Set<number>();
    this.#removeSave(saves.find(saveId), parts);
    this.#parts.workspaces.removeUnused();
    this.#destroyUnused(parts);
  }

  /**
   * Removes what was deleted: whole segments, and the ends of segments that are shared only in part. A shared part that
   * does not verify cannot be moved; it stays as it is, and so does the end behind it. What nobody uses although nobody
   * deleted it was lost by a change from outside, and is left for a check to find.
   */
  *collect(): SlicedJob<void> {
    const immovable: number[] = [];
    for (;;) {
      const garbage = this.#nextGarbage(immovable);
      if (garbage === undefined) return;
      try {
        if (garbage.used_to === null) yield* this.#removeSegment(garbage.id);
        else yield* this.#keepBeginning(garbage, garbage.used_to);
      } catch (error) {
        if (!(error instanceof TamperError)) throw error;
        immovable.push(garbage.id);
      }
    }
  }

  #removeSave(save: SaveState, parts: Set<number>): void {
    for (const id of this.#segmentsOf('v', save.number)) parts.add(id);
    this.#parts.saves.remove(save);
  }

  /** By the rows themselves: what is deleted need not verify. */
  #segmentsOf(kind: 's' | 'v', holder: number): number[] {
    return this.#db
      .prepare<[string, number], number>('SELECT segment FROM segment_use WHERE kind = ? AND holder = ?')
      .pluck()
      .all(kind, holder);
  }

  #segmentsOwnedBy(sessionId: string): number[] {
    return this.#db.prepare<[string], number>('SELECT id FROM segment WHERE owner = ?').pluck().all(sessionId);
  }

  /** A key that is overwritten makes its rows noise, before they are removed one by one. */
  #destroyUnused(parts: Iterable<number>): void {
    const destroy = this.#db.prepare<[number]>(
      "UPDATE segment SET key = x'' WHERE id = ? AND id NOT IN (SELECT segment FROM segment_use)",
    );
    const disown = this.#db.prepare<[string, number]>(
      'UPDATE segment SET owner = ? WHERE id = ? AND owner NOT IN (SELECT id FROM session)',
    );
    for (const id of parts) {
      if (destroy.run(id).changes > 0) this.#parts.segments.forget(id);
      else disown.run(DELETED, id);
    }
  }

  #nextGarbage(except: readonly number[]): Garbage | undefined {
    return this.#db
      .prepare<number[], Garbage>(
        `SELECT segment.id, owner, first_seq, last_seq, max(up_to) AS used_to
         FROM segment LEFT JOIN segment_use ON segment_use.segment = segment.id
         WHERE segment.id NOT IN (${except.map(() => '?').join(', ')})
         GROUP BY segment.id
         HAVING (count(segment_use.segment) = 0 AND (length(key) = 0 OR owner = '${HALF_MADE}'))
           OR (count(up_to) = count(*) AND max(up_to) < last_seq AND owner = '${DELETED}')
         LIMIT 1`,
      )
      .get(...except);
  }

  *#removeSegment(id: number): SlicedJob<void> {
    const remove = this.#db.prepare(
      `DELETE FROM entry WHERE id IN (SELECT id FROM entry WHERE segment = ? LIMIT ${ROWS_AT_ONCE})`,
    );
    const timer = new SliceTimer();
    while (remove.run(id).changes > 0) if (timer.used()) yield;
    yield* this.#parts.outputs.removeOf(id);
    this.#db.prepare('DELETE FROM segment WHERE id = ?').run(id);
    this.#parts.segments.forget(id);
  }

  /** The shared beginning moves to a segment with a new key; the old key, which also reads the rest, goes. */
  *#keepBeginning(garbage: Garbage, usedTo: number): SlicedJob<void> {
    const { segments, outputs } = this.#parts;
    // Until it is used the copy is garbage, to this job after a crash as to any other.
    const copy = segments.create(HALF_MADE, garbage.first_seq);
    const rows = this.#db.prepare<[number, number, number], EntryRow>(
      `SELECT seq, kind, turn, at, body FROM entry WHERE segment = ? AND seq > ? AND seq <= ? ORDER BY seq LIMIT ${ROWS_AT_ONCE}`,
    );
    const timer = new SliceTimer();
    while (copy.lastSeq < usedTo) {
      const page = rows.all(garbage.id, copy.lastSeq, usedTo);
      if (page.length === 0) throw new TamperError(`a shared log ends before entry ${usedTo}`);
      for (const row of page) segments.adopt(copy, garbage.id, row);
      if (timer.used()) yield;
    }
    yield* outputs.adopt(copy.id, garbage.id, usedTo);
    segments.complete(copy, garbage.owner);
    this.#moveHolders(garbage.id, copy);
    this.#destroyUnused([garbage.id]);
    yield;
    yield* this.#removeSegment(garbage.id);
  }

  #moveHolders(from: number, copy: SegmentHead): void {
    const { sessions, saves, uses } = this.#parts;
    const moved = (list: readonly SegmentUse[]): SegmentUse[] =>
      list.map((use) => (use.segment === from ? { ...use, segment: copy.id, chain: copy.chain } : use));
    const holders = this.#db
      .prepare<[number], { kind: 's' | 'v'; holder: number }>('SELECT kind, holder FROM segment_use WHERE segment = ?')
      .all(from);
    for (const { kind, holder } of holders) {
      if (kind === 's') {
        const state = sessions.peek(holder);
        if (state !== undefined) sessions.replaceUses(state, moved(uses.of('s', holder)));
      } else {
        const save = saves.byNumber(holder);
        if (save !== undefined) saves.replaceUses(save, moved(uses.of('v', holder)));
      }
    }
  }
}
