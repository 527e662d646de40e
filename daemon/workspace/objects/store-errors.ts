/** What can be wrong with a side repository, in sentences for people. */
import type { ObjectId } from './object.ts';

/** An object of a snapshot is there, but its bytes are not those that were written. */
export class TamperedObject extends Error {
  override readonly name = 'TamperedObject';
  readonly id: ObjectId;

  constructor(id: ObjectId, pack: string, reason: string) {
    super(
      `Object ${id} of the snapshots is damaged (${pack}: ${reason}). Nothing was changed. ` +
        'Snapshots that need it cannot be restored unless the data directory comes back from a backup.',
    );
    this.id = id;
  }
}

/** An object of a snapshot is not there. */
export class MissingObject extends Error {
  override readonly name = 'MissingObject';
  readonly id: ObjectId;

  /** @param unreadable how many packs could not be opened: it may be in one of them. */
  constructor(id: ObjectId, unreadable: number) {
    const packs = unreadable === 0 ? '' : `, and ${unreadable} of its packs cannot be read`;
    super(
      `Object ${id} of the snapshots is missing${packs}. Nothing was changed. ` +
        'Snapshots that need it cannot be restored unless the data directory comes back from a backup.',
    );
    this.id = id;
  }
}

/** The list of snapshots does not verify. */
export class TamperedRefs extends Error {
  override readonly name = 'TamperedRefs';

  constructor(path: string, reason: string) {
    super(
      `The list of snapshots ${path} is damaged or belongs to another key (${reason}). It was left as it is. ` +
        'Put it back from a backup, or move its directory away to begin anew.',
    );
  }
}

/** No room for a snapshot or an export. What was there before is whole. */
export class StoreFull extends Error {
  override readonly name = 'StoreFull';

  constructor(directory: string, what: string, cause: unknown) {
    super(
      `There is no room left for ${what} in ${directory}. Nothing of it was kept; earlier snapshots are whole. ` +
        'Free some space, or delete snapshots that are no longer needed.',
      { cause },
    );
  }
}

/** An export goes only where nothing is. */
export class DestinationNotEmpty extends Error {
  override readonly name = 'DestinationNotEmpty';

  constructor(destination: string) {
    super(`${destination} is there already and is not an empty directory. Name one that does not exist yet.`);
  }
}

/** An export was ended before it was whole; nothing is left of it. */
export class ExportStopped extends Error {
  override readonly name = 'ExportStopped';

  constructor() {
    super('The export was stopped. Nothing of it was kept.');
  }
}

/** A file of the side repository is not as it was written. Whoever reads it knows what it means for people. */
export class TamperedFile extends Error {
  override readonly name = 'TamperedFile';
}

/** True when what was asked for was stored, and is not there any more as it was. */
export function isDamage(error: unknown): boolean {
  return error instanceof TamperedObject || error instanceof MissingObject;
}

/** @returns what `read` does; undefined when a damage keeps it from being read. */
export function unlessDamaged<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (isDamage(error)) return undefined;
    throw error;
  }
}

const NO_ROOM = new Set(['ENOSPC', 'EDQUOT']);

/** True of the system's error for a file that is not there. */
export function isGone(error: unknown): boolean {
  return codeOf(error) === 'ENOENT';
}

/** True of the system's error for what is on a bad place of a disk. */
export function isUnreadable(error: unknown): boolean {
  return codeOf(error) === 'EIO';
}

/** True of the system's error for a symbolic link where none is followed. */
export function isLink(error: unknown): boolean {
  return codeOf(error) === 'ELOOP';
}

/** True of the system's errors for a directory that had to be empty. */
export function isNotEmpty(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'ENOTEMPTY' || code === 'EEXIST' || code === 'ENOTDIR';
}

/** @returns what `step` returns. @throws StoreFull in place of the system's words for it. */
export function orStoreFull<T>(directory: string, what: string, step: () => T): T {
  try {
    return step();
  } catch (error) {
    const code = codeOf(error);
    throw code !== undefined && NO_ROOM.has(code) ? new StoreFull(directory, what, error) : error;
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
