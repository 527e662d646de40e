/** Marks what stays, the newest first, until there is no room for more. */
import type { ObjectId } from '../objects/object.ts';
import { packFileBytes } from '../objects/pack-files.ts';
import type { LiveObjects } from './live-objects.ts';
import type { Pace } from './sliced.ts';

export interface Staying {
  /** Stay whatever they take. */
  readonly kept: Iterable<ObjectId>;
  /** Stay while there is room, each list as a whole, newest first. */
  readonly spare: readonly (readonly ObjectId[])[];
  /** Of all packs together. */
  readonly maxBytes: number;
}

/** What packs take beyond the objects in them is estimated by leaving so much of the room: packs are many. */
const LEFT_FREE = 0.01;

/** @returns how many of the spare lists, from the first on, stay. */
export function* markWithin(
  live: LiveObjects,
  { kept, spare, maxBytes }: Staying,
  pace: Pace,
): Generator<void, number> {
  yield* live.mark(kept, pace);
  // Without a limit this is Infinity; a difference of two of them would be nothing.
  const room = Math.floor(maxBytes * (1 - LEFT_FREE));
  for (const [index, ids] of spare.entries()) {
    const found = yield* live.mark(ids, pace);
    if (packFileBytes(live.bytes) <= room) continue;
    // Whoever takes nothing that others do not take gives nothing back either, but stays in the row.
    live.unmark(found);
    return index;
  }
  return spare.length;
}
