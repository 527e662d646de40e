/** Reads packs from the disk again, and says what does not verify. */
import type { Damage, PackInfo } from './pack-catalogue.ts';
import { EMPTY_TREE, type GitObject, type ObjectId } from './object.ts';
import type { PackedObject } from './object-batch.ts';
import { namedBy } from './object-walk.ts';
import { isGone, TamperedFile, TamperedObject } from './store-errors.ts';

export interface VerifyReport {
  readonly packs: number;
  readonly objects: number;
  /** Bytes of their bodies. */
  readonly bytes: number;
  readonly damage: readonly Damage[];
  /** False when the signal ended it. */
  readonly complete: boolean;
}

/** What is asked of the store. */
export interface Checkable {
  packs(): readonly PackInfo[];
  damage(): readonly Damage[];
  objectsOf(pack: string): Iterable<PackedObject>;
  has(id: ObjectId): boolean;
  readList(pack: string): void;
  readCopy(object: PackedObject): GitObject;
  markDamaged(object: PackedObject): void;
}

/** What is not as it was written counts as missing from then on. */
export function verifyPacks(store: Checkable, signal: { readonly aborted: boolean }): VerifyReport {
  const damage: Damage[] = [...store.damage()];
  const totals = { packs: 0, objects: 0, bytes: 0 };
  for (const { name } of store.packs()) {
    const unlisted = faultOfList(store, name);
    if (unlisted !== undefined) damage.push({ pack: name, reason: unlisted });
    totals.packs += 1;
    for (const object of store.objectsOf(name)) {
      if (signal.aborted) return { ...totals, damage, complete: false };
      const read = checkedCopy(store, object);
      if ('fault' in read) damage.push({ pack: name, object: object.id, reason: read.fault });
      totals.objects += 1;
      totals.bytes += object.size;
    }
  }
  return { ...totals, damage, complete: true };
}

/** @returns why the list of a pack does not verify, undefined when it does. */
export function faultOfList(store: Checkable, pack: string): string | undefined {
  try {
    store.readList(pack);
    return undefined;
  } catch (error) {
    return reasonOf(error);
  }
}

/** @returns an object as this copy of it is, with what it names; why it does not verify, when it does not. */
export function checkedCopy(store: Checkable, object: PackedObject): GitObject | { readonly fault: string } {
  try {
    const read = store.readCopy(object);
    const missing = namedBy(object.id, read).find(({ id }) => !store.has(id) && id !== EMPTY_TREE);
    if (missing !== undefined) throw new TamperedFile(`${missing.id} below it is missing`);
    return read;
  } catch (error) {
    const fault = reasonOf(error);
    store.markDamaged(object);
    return { fault };
  }
}

/** @throws what is neither damaged nor gone. */
function reasonOf(error: unknown): string {
  if (isGone(error)) return 'it is gone';
  if (error instanceof TamperedFile || error instanceof TamperedObject) return error.message;
  throw error;
}
