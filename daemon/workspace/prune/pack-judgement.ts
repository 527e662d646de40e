/** Which packs are worth rewriting. */
import type { ObjectStore } from '../objects/object-store.ts';
import { listedBytes, packFileBytes } from '../objects/pack-files.ts';
import type { LiveObjects } from './live-objects.ts';
import type { Pace } from './sliced.ts';

/** How much of a pack is needed. */
export interface Judgement {
  readonly name: string;
  /** On disk. */
  readonly bytes: number;
  readonly liveObjects: number;
  /** Bytes in the pack, with their lines in its list. */
  readonly liveBytes: number;
  /** Whether there is anything in it that is not needed. */
  readonly isWhole: boolean;
  /** Places in its list, from 0: trees and commits that nobody needs, */
  readonly deadTrees: readonly number[];
  /** blobs that nobody needs, and copies of what another pack has too. */
  readonly deadBlobs: readonly number[];
}

export interface Wish {
  /** Nothing that is not needed stays anywhere. */
  readonly thorough: boolean;
  /** Of all packs together. */
  readonly maxBytes: number;
}

const SMALL_BYTES = 1024 * 1024;
const MOST_SMALL = 32;

/** Says it of every pack. */
export function* judgePacks(store: ObjectStore, live: LiveObjects, pace: Pace): Generator<void, Judgement[]> {
  const judgements: Judgement[] = [];
  for (const { name, bytes, objects } of store.packs()) {
    const deadTrees: number[] = [];
    const deadBlobs: number[] = [];
    let liveObjects = 0;
    let liveBytes = 0;
    for (const object of store.objectsOf(name)) {
      const isLive = live.has(object.id);
      if (isLive && store.isCurrent(object)) {
        liveObjects += 1;
        liveBytes += listedBytes(object.stored);
      } else if (isLive || object.kind === 'blob') deadBlobs.push(object.index);
      else deadTrees.push(object.index);
      if (pace.isOver()) yield;
    }
    judgements.push({ name, bytes, liveObjects, liveBytes, isWhole: liveObjects === objects, deadTrees, deadBlobs });
  }
  return judgements;
}

/**
 * Packs of which less than half is needed, and small ones when they are many; further ones as far as it is wished.
 * @returns those that cost least first.
 */
export function condemn(judgements: readonly Judgement[], { thorough, maxBytes }: Wish): readonly Judgement[] {
  const areManySmall = judgements.filter(isSmall).length > MOST_SMALL;
  const isHalfDead = ({ liveBytes, bytes }: Judgement) => liveBytes * 2 < bytes;
  const isCondemned = (each: Judgement) =>
    isHalfDead(each) || (areManySmall && isSmall(each)) || (thorough && !each.isWhole);
  const condemned = judgements.filter(isCondemned);
  const others = judgements.filter((each) => !isCondemned(each));
  let bytes = 0;
  for (const each of condemned) bytes += packFileBytes(each.liveBytes);
  for (const each of others) bytes += each.bytes;
  const wasteful = others.filter(({ isWhole }) => !isWhole).toSorted((left, right) => share(left) - share(right));
  for (const each of wasteful) {
    if (bytes <= maxBytes) break;
    condemned.push(each);
    bytes -= each.bytes - packFileBytes(each.liveBytes);
  }
  return condemned.toSorted((left, right) => left.liveBytes - right.liveBytes);
}

function isSmall({ bytes }: Judgement): boolean {
  return bytes < SMALL_BYTES;
}

function share({ liveBytes, bytes }: Judgement): number {
  return liveBytes / bytes;
}
