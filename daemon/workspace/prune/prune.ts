/**
 * Takes names of snapshots away, and gives back the room of what nobody needs any more.
 *
 * In this order, so that it can end at any point and snapshots can be taken between any two slices: the names go; what
 * the others need is found; what nobody needs is hidden, all of it at once, so that nothing that comes later can build
 * upon it; then packs are rewritten or removed one group after the other. Whoever finds an object always finds everything
 * below it.
 */
import type { ObjectId } from '../objects/object.ts';
import type { ObjectStore } from '../objects/object-store.ts';
import type { RefStore } from '../objects/ref-store.ts';
import { LiveObjects } from './live-objects.ts';
import { condemn, judgePacks, type Judgement } from './pack-judgement.ts';
import { repack, wouldFree, type Repacked } from './repack.ts';
import { Pace, Sliced } from './sliced.ts';
import { markWithin } from './within-size.ts';

export interface PruneParts {
  readonly store: ObjectStore;
  readonly refs: RefStore;
  /** What is needed besides the names at this moment: the files before a call that runs, a plan that waits. */
  readonly held: () => Iterable<ObjectId>;
  /** Asked right before names go. @throws to have them stay, and everything else too. */
  readonly confirm?: () => void;
  /** Names that go. */
  readonly expired: readonly string[];
  /** Names that may go when there is no room, newest first; each list stays or goes as a whole. */
  readonly spare: readonly (readonly string[])[];
  /** Of all packs together; Infinity for no limit. */
  readonly maxBytes: number;
  /** Nothing that is not needed stays on the disk: for a deletion. Otherwise a pack may be half full of it. */
  readonly thorough: boolean;
  /** Only says what would be done. */
  readonly dryRun: boolean;
}

export interface PruneReport {
  /** Names that went because they were to, */
  readonly expired: readonly string[];
  /** and those that went because there was no room. */
  readonly evicted: readonly string[];
  /** Of packs. */
  readonly freedBytes: number;
  readonly leftBytes: number;
  /** By how much what has to stay is more than the limit. */
  readonly overBytes: number;
  /** Objects of snapshots that stay which are missing or damaged. */
  readonly damagedObjects: number;
  /** Packs that were to be rewritten and stay as they are, because something of them cannot be read. */
  readonly damagedPacks: number;
  readonly durationMs: number;
}

const SLICE_MS = 10;
/** So often others may add to what is needed while it is looked for; then it is done without a pause. */
const MOST_ROUNDS = 3;

/**
 * One at a time, and not beside `recompress`. Between two slices anything may happen to the store but packs being
 * removed; no batch is open during one.
 * @throws StoreFull when there is no room for what is copied or listed; what was done until then stays done.
 */
export function prune(parts: PruneParts, sliceMs = SLICE_MS): Sliced<PruneReport> {
  return new Sliced((pace) => pruneInSlices(parts, pace), sliceMs);
}

function* pruneInSlices(parts: PruneParts, pace: Pace): Generator<void, PruneReport> {
  const begun = performance.now();
  const { store, refs, maxBytes } = parts;
  const live = new LiveObjects(store);
  const evicted = yield* findEvicted(parts, live, pace);
  const expired = parts.expired.filter((name) => refs.get(name) !== undefined);
  const { freed, damaged } = yield* parts.dryRun
    ? forecast(parts, live, pace)
    : carryOut(parts, live, [...expired, ...evicted], pace);
  const leftBytes = bytesOf(store) - (parts.dryRun ? freed : 0);
  return {
    expired,
    evicted,
    freedBytes: freed,
    leftBytes,
    overBytes: Math.max(0, leftBytes - maxBytes),
    damagedObjects: live.missing,
    damagedPacks: damaged,
    durationMs: performance.now() - begun,
  };
}

function* forecast(parts: PruneParts, live: LiveObjects, pace: Pace): Generator<void, Repacked> {
  const judgements = yield* judgePacks(parts.store, live, pace);
  return { freed: isListLost(parts) ? 0 : wouldFree(condemn(judgements, parts)), damaged: 0 };
}

function* carryOut(
  parts: PruneParts,
  live: LiveObjects,
  names: readonly string[],
  pace: Pace,
): Generator<void, Repacked> {
  const { store, refs } = parts;
  store.clearLeftovers();
  if (names.length > 0) parts.confirm?.();
  refs.change(names.map((name) => ({ name, id: undefined })));
  if (isListLost(parts)) return { freed: 0, damaged: 0 };
  const judgements = yield* settle(parts, live, pace);
  // Since the last look at what is needed nothing else has happened.
  const condemned = condemn(judgements, parts);
  hide(store, judgements, condemned);
  const unreadable = removeUnreadable(store, live);
  const { freed, damaged } = yield* repack(store, condemned, (batch, object) => batch.copy(object), pace);
  return { freed: freed + unreadable, damaged };
}

/** A list of names that never was is one that is lost: then nobody knows what is needed. */
function isListLost({ refs }: PruneParts): boolean {
  return refs.version === 0;
}

/** Finds what stays of that which may go. @returns the names that do not stay. */
function* findEvicted(parts: PruneParts, live: LiveObjects, pace: Pace): Generator<void, readonly string[]> {
  const { refs, spare, maxBytes } = parts;
  const named = new Map(refs.list().map(({ name, id }) => [name, id]));
  const idsOf = (names: readonly string[]) => names.flatMap((name) => named.get(name) ?? []);
  const mayGo = new Set([...parts.expired, ...spare.flat()]);
  const kept = [...idsOf([...named.keys()].filter((name) => !mayGo.has(name))), ...parts.held()];
  const staying = yield* markWithin(live, { kept, spare: spare.map(idsOf), maxBytes }, pace);
  return spare.slice(staying).flatMap((names) => names.filter((name) => named.has(name)));
}

/** Judges all packs by what is needed at the moment it returns. */
function* settle(parts: PruneParts, live: LiveObjects, pace: Pace): Generator<void, readonly Judgement[]> {
  const { store } = parts;
  for (let round = 1; ; round += 1) {
    const roundPace = round < MOST_ROUNDS ? pace : new Pace(Infinity);
    yield* live.mark([...live.returned(), ...rootsOf(parts)], roundPace);
    const judgements = yield* judgePacks(store, live, roundPace);
    const judged = new Set(judgements.map(({ name }) => name));
    const isSettled = rootsOf(parts).every((id) => live.has(id)) && store.packs().every(({ name }) => judged.has(name));
    if (isSettled) return judgements;
  }
}

function rootsOf({ refs, held }: PruneParts): ObjectId[] {
  return [...refs.list().map(({ id }) => id), ...held()];
}

function hide(store: ObjectStore, judgements: readonly Judgement[], condemned: readonly Judgement[]): void {
  store.hide(
    new Map(judgements.map(({ name, deadTrees }) => [name, deadTrees])),
    new Map(condemned.map(({ name, deadBlobs }) => [name, deadBlobs])),
  );
}

/** Packs that do not verify are of no use once nothing of what stays is missing. @returns how many bytes became free. */
function removeUnreadable(store: ObjectStore, live: LiveObjects): number {
  const unreadable = store.unreadablePacks();
  if (unreadable.length === 0 || live.missing > 0) return 0;
  const before = store.sizeOnDisk();
  store.removePacks(unreadable);
  return before - store.sizeOnDisk();
}

function bytesOf(store: ObjectStore): number {
  let total = 0;
  for (const { bytes } of store.packs()) total += bytes;
  return total;
}
