/**
 * Which snapshots are too old, and in which order the others may go when there is no room.
 *
 * What belongs to one turn goes together, and so does each restore and each snapshot taken by hand. But what later turns
 * changed stays with a turn that is protected: it takes little, and without it nobody could tell whose doing it was when the
 * files of that turn are brought back. Clocks are not believed at once: losing snapshots is worse than keeping them a day
 * longer.
 *
 * - The time of a turn is the latest one that it or an earlier turn of its session has, so a clock that was set back when
 *   a turn was captured does not make it look old. Times in the future are left out: what has no other is as old as the
 *   next turn that has one, and without that never grows old, since it may be the clock of now that is behind.
 * - A clock that has gone more than 30 days ahead since it was last looked at is believed the second time.
 */

/** `snap`: before or after a turn. `call`: what a turn changed. `restore`: the files before a restore. `taken`: by hand. */
export type RetainedKind = 'snap' | 'call' | 'restore' | 'taken';

export interface RetainedName {
  readonly name: string;
  readonly kind: RetainedKind;
  /** Undefined for one taken by hand. */
  readonly session: string | undefined;
  /** Of the turn, or of the restore within its session; without meaning for one taken by hand. */
  readonly number: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

export interface Protections {
  /** Sessions that lose nothing. */
  readonly pinned: ReadonlySet<string>;
  /** Sessions that keep the files of their newest turn, and those from before their last restore. */
  readonly live: ReadonlySet<string>;
  /** Turns that keep their files because a person has named them. */
  readonly saves: readonly { readonly session: string; readonly turn: number }[];
}

/** Milliseconds, since the epoch but for the age. */
export interface RetentionTimes {
  readonly now: number;
  /** What `now` was when this was last decided; undefined the first time. */
  readonly seen: number | undefined;
  readonly maxAge: number;
}

export interface Retention {
  /** Too old. */
  readonly expired: readonly RetainedName[];
  /** What may go when there is no room, newest first; one list stays or goes together. What is in neither stays. */
  readonly spare: readonly (readonly RetainedName[])[];
}

const DAY = 24 * 60 * 60 * 1000;
/** Longer holidays exist, but then waiting for the second time costs little. */
const JUMP = 30 * DAY;
/** How far ahead of now a time may be: clocks are corrected by little all the time. */
const TOLERANCE = DAY;

interface Unit {
  readonly names: RetainedName[];
  /** Units of the same line come one after the other, by number. */
  readonly line: string;
  readonly number: number;
  readonly isRestore: boolean;
  readonly session: string | undefined;
  time: number;
}

export function chooseSnapshots(
  names: readonly RetainedName[],
  protections: Protections,
  times: RetentionTimes,
): Retention {
  const units = unitsOf(names);
  const reference = believed(names, times);
  setTimes(units, reference);
  const isProtected = protection(units, protections);
  const mayGo = goneFrom(units, isProtected);
  const expired: RetainedName[] = [];
  const spare: Unit[] = [];
  for (const unit of units) {
    if (isProtected(unit)) continue;
    if (unit.time < reference - times.maxAge) expired.push(...unit.names.filter(mayGo));
    else spare.push(unit);
  }
  const newestFirst = spare.toSorted((left, right) => (left.time < right.time ? 1 : left.time > right.time ? -1 : 0));
  return { expired, spare: newestFirst.map(({ names }) => names.filter(mayGo)).filter((list) => list.length > 0) };
}

/** @returns whether a name may go when its unit does: what was changed since a protected turn may not. */
function goneFrom(units: readonly Unit[], isProtected: (unit: Unit) => boolean): (name: RetainedName) => boolean {
  const firstKept = new Map<string, number>();
  for (const unit of units) {
    const { session, number } = unit;
    if (session === undefined || unit.isRestore || firstKept.has(session) || !isProtected(unit)) continue;
    if (unit.names.some(({ kind }) => kind === 'snap')) firstKept.set(session, number);
  }
  return ({ kind, session, number }) => kind !== 'call' || number < (firstKept.get(session ?? '') ?? Infinity);
}

/** The time that ages are counted from. */
function believed(names: readonly RetainedName[], { now, seen }: RetentionTimes): number {
  const last = seen ?? names.reduce((newest, { at }) => Math.max(newest, at), 0);
  return last > 0 && now - last > JUMP ? last : now;
}

/** In order within each line. */
function unitsOf(names: readonly RetainedName[]): readonly Unit[] {
  const units = new Map<string, Unit>();
  for (const name of names) {
    const { kind, session, number } = name;
    const isRestore = kind === 'restore';
    const line = kind === 'taken' ? `taken ${name.name}` : `${isRestore ? 'restore' : 'turn'} ${session ?? ''}`;
    const key = `${line} ${number}`;
    const unit = units.get(key) ?? { names: [], line, number, isRestore, session, time: Infinity };
    unit.names.push(name);
    units.set(key, unit);
  }
  return [...units.values()].toSorted((left, right) => left.number - right.number);
}

function setTimes(units: readonly Unit[], reference: number): void {
  const isAhead = (at: number) => at > reference + TOLERANCE;
  const latest = new Map<string, number>();
  for (const unit of units) {
    let time = latest.get(unit.line) ?? -Infinity;
    for (const { at } of unit.names) if (!isAhead(at) && at > time) time = at;
    // What has no time at all, because it cannot be read, goes with the one before it.
    const isOnlyAhead = unit.names.every(({ at }) => isAhead(at)) && unit.names.some(({ at }) => at !== Infinity);
    if (time === -Infinity || isOnlyAhead) continue;
    latest.set(unit.line, time);
    unit.time = time;
  }
  const next = new Map<string, number>();
  for (const unit of units.toReversed()) {
    if (unit.time === Infinity) unit.time = next.get(unit.line) ?? Infinity;
    next.set(unit.line, unit.time);
  }
}

function protection(units: readonly Unit[], { pinned, live, saves }: Protections): (unit: Unit) => boolean {
  const newest = new Map<string, Unit>();
  for (const unit of units) {
    const holdsFiles = unit.names.some(({ kind }) => kind !== 'call');
    if (holdsFiles && unit.session !== undefined && live.has(unit.session)) newest.set(unit.line, unit);
  }
  const saved = new Set(saves.map(({ session, turn }) => `${turn} ${session}`));
  return ({ names, line, number, isRestore, session }) => {
    if (session === undefined) return false;
    if (pinned.has(session) || newest.get(line)?.names === names) return true;
    return !isRestore && saved.has(`${number} ${session}`);
  };
}
