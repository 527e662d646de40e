/** What tells whether a file has changed, without reading it. */
import { kindOf, type Stat } from './disk.ts';

/** Numbers of a stamp in a Float64Array: size, mtime, ctime, inode, mode, names. */
export const STAMP = 6;
const SIZE = 0;
const MTIME = 1;
const CTIME = 2;
const INO = 3;
const MODE = 4;
/** Does not decide whether a file is the same: a name more or less shows in its ctime. */
const NAMES = 5;

/** Milliseconds: clocks of file systems tick up to this late. */
const SLACK = 20;
/** Of file systems that keep whole seconds, or every other. */
const COARSE_SLACK = 2_000;
const SECOND = 1_000;

export function putStamp(stamps: Float64Array, index: number, stat: Stat): void {
  const at = index * STAMP;
  stamps[at + SIZE] = stat.size;
  stamps[at + MTIME] = stat.mtimeMs;
  stamps[at + CTIME] = stat.ctimeMs;
  stamps[at + INO] = stat.ino;
  stamps[at + MODE] = stat.mode;
  stamps[at + NAMES] = stat.nlink;
}

/** Makes the next comparison fail: nothing equals NaN. */
export function distrust(stamps: Float64Array, index: number): void {
  stamps[index * STAMP + MTIME] = Number.NaN;
}

/** True of what is unchanged since it was read. */
export function sameStamp(stamps: Float64Array, index: number, stat: Stat): boolean {
  const at = index * STAMP;
  return (
    stamps[at + MTIME] === stat.mtimeMs &&
    stamps[at + CTIME] === stat.ctimeMs &&
    stamps[at + SIZE] === stat.size &&
    stamps[at + INO] === stat.ino &&
    stamps[at + MODE] === stat.mode
  );
}

/** As `sameStamp`, of two stamps. */
export function sameStamps(ones: Float64Array, one: number, others: Float64Array, other: number): boolean {
  const at = one * STAMP;
  const there = other * STAMP;
  for (let number = 0; number < NAMES; number += 1) if (ones[at + number] !== others[there + number]) return false;
  return true;
}

export function sameStat(one: Stat, other: Stat): boolean {
  return (
    one.mtimeMs === other.mtimeMs &&
    one.ctimeMs === other.ctimeMs &&
    one.size === other.size &&
    one.ino === other.ino &&
    one.mode === other.mode
  );
}

/**
 * Whether a directory may have been somewhere else since its stamp was taken: then nothing need be known of what is below it.
 * Names that come and go change both times, a move only the later one. Another directory in its place has another inode, and
 * so has all that is in it.
 */
export function isMoved(stamps: Float64Array, index: number, stat: Stat): boolean {
  const at = index * STAMP;
  return stamps[at + MTIME] === stat.mtimeMs && stamps[at + CTIME] !== stat.ctimeMs;
}

export function sizeIn(stamps: Float64Array, index: number): number {
  return stamps[index * STAMP + SIZE] ?? 0;
}

/** Milliseconds since the epoch; NaN when it is not trusted. */
export function writtenIn(stamps: Float64Array, index: number): number {
  return stamps[index * STAMP + MTIME] ?? Number.NaN;
}

export function modeIn(stamps: Float64Array, index: number): number {
  return stamps[index * STAMP + MODE] ?? 0;
}

/** Whether it is a file with several names. Undefined stamps are of nothing that was seen. */
export function isLinked(stamps: Float64Array, index: number): boolean {
  const names = stamps[index * STAMP + NAMES];
  return names !== undefined && names > 1;
}

/** Whether a file has a name more than when its stamp was taken, or is another one that has several. */
export function isNewlyLinked(stamps: Float64Array, index: number, stat: Stat): boolean {
  if (stat.nlink <= 1 || kindOf(stat.mode) === 'directory') return false;
  return !isLinked(stamps, index) || stamps[index * STAMP + INO] !== stat.ino;
}

/**
 * Whether a later change must show in the stamp. One that comes within the same tick of the file system's clock does not,
 * so what was changed shortly before it was read, or in the future, is read again next time (git calls it racy).
 *
 * @param start of the scan that reads it, milliseconds since the epoch.
 */
export function isSettled(stat: Stat, start: number): boolean {
  const slack = stat.ctimeMs % SECOND === 0 ? COARSE_SLACK : SLACK;
  return stat.mtimeMs < start - slack && stat.ctimeMs < start - slack;
}
