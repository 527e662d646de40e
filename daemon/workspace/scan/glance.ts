/** What the look at a directory itself says about what is in it, where not all that happens there is told. */
import type { DirectoryNode } from './directory-node.ts';
import { isStat, type Look } from './entries.ts';
import { gistOf } from './gist.ts';
import { isMoved, sameStamp } from './stamp.ts';
import { ALL, type Suspected } from './suspicion.ts';

/**
 * Milliseconds. macOS tells of what was written into a file when it is closed. Most that stay open are written again and
 * again, so who was seen to write shortly before is looked after.
 */
const LATELY = 2 * 60_000;
/** Directories that are looked into for that. More of them are a checkout or a build, which closes what it writes. */
const MOST = 500;

export class Glance {
  readonly #lately: number;
  #device: number | undefined;
  #left = MOST;

  /** @param start of the scan, milliseconds since the epoch. */
  constructor(start: number) {
    this.#lately = start - LATELY;
  }

  /** The workspace is looked at first. @param before what is known of the directory. @param told what may be another in it. */
  at(look: Look, before: DirectoryNode, told: Suspected): Suspected | typeof ALL {
    if (!isStat(look) || isMoved(before.stamp, 0, look)) return ALL;
    this.#device ??= look.dev;
    // What happens to something that is mounted here is told elsewhere, or nowhere.
    if (look.dev !== this.#device) return ALL;
    const isSame = sameStamp(before.stamp, 0, look) && !this.#isBusy(before);
    return isSame ? told : { ...told, isOwn: true };
  }

  #isBusy(before: DirectoryNode): boolean {
    if (gistOf(before).lastWrite < this.#lately) return false;
    this.#left -= 1;
    return this.#left >= 0;
  }
}
