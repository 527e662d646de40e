/** Moves what is needed of packs to new ones, and removes them: some at a time, so that little room is needed besides. */
import type { Batch, PackedObject } from '../objects/object-batch.ts';
import type { ObjectStore } from '../objects/object-store.ts';
import { packFileBytes } from '../objects/pack-files.ts';
import { TamperedObject } from '../objects/store-errors.ts';
import type { Pace } from './sliced.ts';

export interface Movable {
  readonly name: string;
  /** On disk. */
  readonly bytes: number;
  /** Bytes of what is moved, with the lines in the list. */
  readonly liveBytes: number;
}

export interface Repacked {
  /** Bytes that became free. */
  freed: number;
  /** Packs that stay because something of them cannot be read. */
  damaged: number;
}

/** What is moved before it is made durable; that is done in one go, so it is not more. */
const GROUP_BYTES = 16 * 1024 * 1024;

/** What is deleted in one go: about half a millisecond each. */
const DELETED_AT_ONCE = 16;

/**
 * Every step leaves all that is needed: new packs are durable before the old ones go. Packs that turn out to be damaged
 * stay as they are.
 * @param packs what they still hold, without what is hidden, is moved; nobody else moves or removes any meanwhile.
 * @param move how an object goes into the new pack.
 * @throws StoreFull. What was done until then stays done.
 */
export function* repack(
  store: ObjectStore,
  packs: readonly Movable[],
  move: (batch: Batch, object: PackedObject) => void,
  pace: Pace,
): Generator<void, Readonly<Repacked>> {
  const done: Repacked = { freed: 0, damaged: 0 };
  for (const group of groupsOf(packs)) {
    let left = group;
    for (let isMoved = false; !isMoved; yield) {
      const damaged = yield* repackTogether(store, left, move, pace, done);
      isMoved = damaged === undefined;
      left = left.filter(({ name }) => name !== damaged);
    }
  }
  return done;
}

/** How many bytes `repack` would free. */
export function wouldFree(packs: readonly Movable[]): number {
  let freed = 0;
  for (const group of groupsOf(packs)) {
    freed += sum(group, 'bytes') - packFileBytes(sum(group, 'liveBytes'));
  }
  return freed;
}

/** @returns a pack that is damaged, because of which nothing was done. */
function* repackTogether(
  store: ObjectStore,
  group: readonly Movable[],
  move: (batch: Batch, object: PackedObject) => void,
  pace: Pace,
  done: Repacked,
): Generator<void, string | undefined> {
  const batch = store.begin('fast');
  let moving = '';
  try {
    for (const { name } of group) {
      moving = name;
      for (const object of store.objectsOf(name)) {
        move(batch, object);
        if (pace.isOver()) yield;
      }
    }
    done.freed += shrinking(store, () => batch.commit());
    const names = group.map(({ name }) => name);
    for (let at = 0; at < names.length; at += DELETED_AT_ONCE) {
      yield;
      done.freed += shrinking(store, () => store.removePacks(names.slice(at, at + DELETED_AT_ONCE)));
    }
    return undefined;
  } catch (error) {
    if (!(error instanceof TamperedObject)) throw error;
    done.damaged += 1;
    return moving;
  } finally {
    batch.abandon();
  }
}

function* groupsOf(packs: readonly Movable[]): Iterable<readonly Movable[]> {
  let group: Movable[] = [];
  let bytes = 0;
  for (const pack of packs) {
    if (group.length > 0 && bytes + pack.liveBytes > GROUP_BYTES) {
      yield group;
      group = [];
      bytes = 0;
    }
    group.push(pack);
    bytes += pack.liveBytes;
  }
  if (group.length > 0) yield group;
}

/** @returns by how many bytes a step made all packs together smaller. */
function shrinking(store: ObjectStore, step: () => void): number {
  const before = sum(store.packs(), 'bytes');
  step();
  return before - sum(store.packs(), 'bytes');
}

function sum<K extends string>(all: Iterable<Readonly<Record<K, number>>>, key: K): number {
  let total = 0;
  for (const each of all) total += each[key];
  return total;
}
