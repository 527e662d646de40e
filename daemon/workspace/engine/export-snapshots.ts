/** An export of snapshots: all of them, or, when the store is damaged, those that are whole. */
import type { ResultOf } from '../../../protocol/methods.ts';
import { exportRepository } from '../objects/export-repository.ts';
import type { ObjectId } from '../objects/object.ts';
import type { ObjectStore } from '../objects/object-store.ts';
import { namedBy } from '../objects/object-walk.ts';
import type { Ref } from '../objects/ref-store.ts';
import { ExportStopped, isDamage } from '../objects/store-errors.ts';

interface Signal {
  readonly aborted: boolean;
}

/** @throws DestinationNotEmpty, StoreFull, ExportStopped; MissingObject, TamperedObject when no snapshot is whole. */
export function exportSnapshots(
  store: ObjectStore,
  snapshots: readonly Ref[],
  destination: string,
  signal: Signal,
): ResultOf<'snapshot/export'> {
  const written = (refs: readonly Ref[]): ResultOf<'snapshot/export'> => {
    const { objects, bytes } = exportRepository(store, { list: () => refs }, destination, signal);
    return { snapshots: refs.length, objects, bytes };
  };
  try {
    return written(snapshots);
  } catch (error) {
    if (!isDamage(error)) throw error;
    // Only now: it reads everything once more.
    const whole = wholeOnes(store, snapshots, signal);
    if (whole.length === 0) throw error;
    return { ...written(whole), damaged: snapshots.length - whole.length };
  }
}

function wholeOnes(store: ObjectStore, snapshots: readonly Ref[], signal: Signal): Ref[] {
  const known = new Map<ObjectId, boolean>();
  const isWhole = (id: ObjectId): boolean => {
    const before = known.get(id);
    if (before !== undefined) return before;
    if (signal.aborted) throw new ExportStopped();
    const below = readable(store, id);
    const whole = below !== undefined && below.every(isWhole);
    known.set(id, whole);
    return whole;
  };
  return snapshots.filter(({ id }) => isWhole(id));
}

/** @returns what an object names; undefined when it cannot be read. */
function readable(store: ObjectStore, id: ObjectId): ObjectId[] | undefined {
  try {
    return namedBy(id, store.read(id)).map((below) => below.id);
  } catch (error) {
    if (isDamage(error)) return undefined;
    throw error;
  }
}
