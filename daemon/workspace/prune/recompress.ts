/** Makes packs smaller that were written in a hurry, when nobody waits for anything. */
import type { ObjectStore } from '../objects/object-store.ts';
import { listedBytes } from '../objects/pack-files.ts';
import { repack, type Movable } from './repack.ts';
import { Sliced, type Pace } from './sliced.ts';

export interface RecompressReport {
  readonly packs: number;
  readonly freedBytes: number;
  readonly durationMs: number;
}

const SLICE_MS = 10;

/**
 * Rewrites packs of which nobody has tried to compress most. What does not become smaller is remembered as tried, so
 * doing it again finds nothing to do.
 *
 * One at a time, and not beside `prune`. A slice may take longer by as much as its last object takes.
 * @throws StoreFull. What was done until then stays done.
 */
export function recompress(store: ObjectStore, sliceMs = SLICE_MS): Sliced<RecompressReport> {
  return new Sliced((pace) => recompressInSlices(store, pace), sliceMs);
}

function* recompressInSlices(store: ObjectStore, pace: Pace): Generator<void, RecompressReport> {
  const begun = performance.now();
  const packs = yield* findUntried(store, pace);
  const { freed } = yield* repack(store, packs, (batch, object) => batch.recompress(object), pace);
  return { packs: packs.length, freedBytes: freed, durationMs: performance.now() - begun };
}

function* findUntried(store: ObjectStore, pace: Pace): Generator<void, readonly Movable[]> {
  const found: Movable[] = [];
  for (const { name, bytes } of store.packs()) {
    let untried = 0;
    let all = 0;
    for (const { tried, deflated, stored } of store.objectsOf(name)) {
      all += listedBytes(stored);
      if (!tried && !deflated) untried += stored;
      if (pace.isOver()) yield;
    }
    if (untried * 2 > all) found.push({ name, bytes, liveBytes: all });
  }
  return found;
}
