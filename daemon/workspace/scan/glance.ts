/** What the look at a directory itself says about what is in it, where not every name that comes or goes is told. */
import type { DirectoryNode } from './directory-node.ts';
import { isStat, type Look } from './entries.ts';
import { isMoved, sameStamp } from './stamp.ts';
import { ALL, type Suspected } from './suspicion.ts';

export class Glance {
  #device: number | undefined;

  /** The workspace is looked at first. @param before what is known of the directory. @param told what may be another in it. */
  at(look: Look, before: DirectoryNode, told: Suspected): Suspected | typeof ALL {
    if (!isStat(look) || isMoved(before.stamp, 0, look)) return ALL;
    this.#device ??= look.dev;
    // What happens to something that is mounted here is told elsewhere, or nowhere.
    if (look.dev !== this.#device) return ALL;
    return sameStamp(before.stamp, 0, look) ? told : { ...told, isOwn: true };
  }
}
