/** The entries of one directory while it is surveyed. */
import type { ByteText } from '../byte-text.ts';
import type { ObjectId } from '../objects/object.ts';
import { REGULAR, type TreeMode } from '../objects/tree-format.ts';
import type { DirectoryNode } from './directory-node.ts';
import { kindOf, type Stat } from './disk.ts';
import type { SkipReason } from './scan-result.ts';
import { distrust, isSettled, putStamp, STAMP } from './stamp.ts';

/** What looking at an entry has brought: its stat, nothing, or why the system does not show it. */
export type Look = Stat | SkipReason | undefined;

export function isStat(look: Look): look is Stat {
  return typeof look === 'object';
}

export class Entries {
  readonly names: readonly ByteText[];
  /** Those of the node before, until the first is to change. */
  stamps: Float64Array;
  ids: ObjectId[];
  modes: TreeMode[];
  skips: Map<ByteText, SkipReason> | undefined;
  /** Indices of what has to be read. */
  readonly pending: number[] = [];
  /** Other names, or something that was captured and is no more. */
  isAltered: boolean;
  /** Something has gone, or become a directory, since the names were read. */
  isStale = false;
  isTouched: boolean;

  /** @param names in order. @param before what is known of some of them. */
  constructor(names: readonly ByteText[], before: DirectoryNode | undefined) {
    this.names = names;
    this.stamps = before?.stamps ?? new Float64Array(0);
    this.ids = before?.ids ?? [];
    this.modes = before?.modes ?? [];
    this.isAltered = !isSame(names, before?.names ?? []);
    this.isTouched = this.isAltered;
    if (this.isAltered) this.#take(before);
    else this.skips = before?.skips === undefined ? undefined : new Map(before.skips);
  }

  #take(before: DirectoryNode | undefined): void {
    const { names } = this;
    const stamps = new Float64Array(names.length * STAMP).fill(Number.NaN);
    const ids: ObjectId[] = [];
    const modes: TreeMode[] = [];
    let at = 0;
    for (const [index, name] of names.entries()) {
      while ((before?.names[at] ?? name) < name) at += 1;
      const isKnown = before?.names[at] === name;
      ids.push((isKnown && before.ids[at]) || '');
      modes.push((isKnown && before.modes[at]) || REGULAR);
      const skip = isKnown ? before.skips?.get(name) : undefined;
      if (skip !== undefined) this.skip(name, skip);
      if (isKnown) stamps.set(before.stamps.subarray(at * STAMP, at * STAMP + STAMP), index * STAMP);
    }
    this.stamps = stamps;
    this.ids = ids;
    this.modes = modes;
  }

  #touch(): void {
    if (this.isTouched) return;
    this.isTouched = true;
    this.stamps = this.stamps.slice();
    this.ids = this.ids.slice();
    this.modes = this.modes.slice();
  }

  /**
   * Notes of an entry whose stamp does not fit any more what has to be done for it.
   * @param start of the scan. @returns true when its content belongs to the workspace.
   */
  note(index: number, look: Look, fileBytes: number, start: number): boolean {
    this.#touch();
    const name = this.names[index] ?? '';
    this.skips?.delete(name);
    if (!isStat(look)) {
      distrust(this.stamps, index);
      if (look === undefined) this.#lose(index);
      else this.skip(name, look);
      return false;
    }
    const kind = kindOf(look.mode);
    if (kind === 'directory') {
      distrust(this.stamps, index);
      this.#lose(index);
      return false;
    }
    putStamp(this.stamps, index, look);
    if (kind === 'link' || (kind === 'file' && look.size <= fileBytes)) {
      distrust(this.stamps, index);
      this.pending.push(index);
      return true;
    }
    if (!isSettled(look, start)) distrust(this.stamps, index);
    this.#drop(index);
    this.skip(name, kind === 'special' ? 'special' : 'too-large');
    return false;
  }

  skip(name: ByteText, reason: SkipReason): void {
    this.skips ??= new Map();
    this.skips.set(name, reason);
  }

  #lose(index: number): void {
    this.#drop(index);
    this.isStale = true;
  }

  #drop(index: number): void {
    if (this.ids[index] !== '') this.isAltered = true;
    this.ids[index] = '';
  }
}

export function isSame<T>(one: ArrayLike<T>, other: ArrayLike<T>): boolean {
  if (one === other) return true;
  if (one.length !== other.length) return false;
  for (let index = 0; index < one.length; index += 1) if (one[index] !== other[index]) return false;
  return true;
}
