/** Brings single paths to the state of the target, each only if it is still what the plan was made of. */
import { constants, lstatSync, openSync } from 'node:fs';
import type { ByteText } from '../byte-text.ts';
import { isFile, type MaybeFile, sameState } from '../diff/file-state.ts';
import { ancestorsOf } from '../diff/path-scope.ts';
import type { ObjectSource } from '../objects/object.ts';
import type { HeldRoot } from './held-root.ts';
import { systemCode, type RestoreDisk } from './restore-disk.ts';
import type { JournalRecord } from './restore-journal.ts';
import type { PlannedDelete, PlannedWrite } from './restore-plan.ts';
import {
  reasonOf,
  type RestoredPath,
  type RestoreResult,
  type SkippedPath,
  type SkipReason,
} from './restore-result.ts';
import { modeFor, nameOf, parentOf, type Staging } from './staging.ts';
import { stateOnDisk, type StateOnDisk } from './state-on-disk.ts';
import { readBlob } from './verify-blobs.ts';

/** Errors of file systems that know no hard links. */
const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK', 'ENOSYS']);
const ABSENT: StateOnDisk = { state: undefined, isDirectory: false, stat: undefined };

interface RunParts {
  readonly root: HeldRoot;
  readonly record: JournalRecord;
  readonly source: ObjectSource;
  readonly staging: Staging;
  readonly disk: RestoreDisk;
  /** What is in the state of the target already was brought there by this restore. */
  readonly resumed: boolean;
}

/** Where a path is: so deep are the directories on its way that are there. */
interface Place {
  readonly depth: number;
  readonly isReached: boolean;
  readonly now: StateOnDisk;
}

export class RestoreRun {
  readonly #parts: RunParts;
  readonly #restored: RestoredPath[] = [];
  readonly #deleted: RestoredPath[] = [];
  readonly #skipped: SkippedPath[] = [];
  /** What has to be made durable at the end: directories, and files that only got another mode. */
  readonly #touched = new Set<ByteText>();

  constructor(parts: RunParts) {
    this.#parts = parts;
  }

  /** Deepest first. */
  deleteFiles(): void {
    for (const planned of this.#parts.record.deletes.toReversed()) this.#attempt(planned, () => this.#delete(planned));
  }

  /** Removes what the deletions have left empty. Whatever is in a directory keeps it. */
  removeDirectories(): void {
    const { root, record, disk } = this.#parts;
    const above = ancestorsOf(this.#deleted.map(({ path }) => path));
    for (const directory of record.directories) {
      if (!above.has(directory)) continue;
      const { depth, obstacle } = root.enter(parentOf(directory));
      if (obstacle !== undefined) continue;
      try {
        disk.removeDirectory(root.at(depth, nameOf(directory)));
      } catch (error) {
        // It holds something, is gone, or may not be removed: it stays as it is.
        if (systemCode(error) === undefined) throw error;
      }
      this.#touched.delete(directory);
      this.#touched.add(parentOf(directory));
    }
  }

  writeFiles(): void {
    for (const planned of this.#parts.record.writes) this.#attempt(planned, () => this.#write(planned));
  }

  isDone({ path, after }: PlannedWrite): boolean {
    const isSo = (): boolean => {
      const place = this.#placeOf(path);
      return typeof place !== 'string' && isState(place.now, after);
    };
    return this.#outcomeOf(isSo) === true;
  }

  /** Paths whose entries, or whose attributes, have to be made durable. The empty one is the root. */
  get touched(): ReadonlySet<ByteText> {
    return this.#touched;
  }

  result(isDurable: boolean): RestoreResult {
    const skipped = this.#skipped;
    const failed = skipped.some(({ reason }) => reason === 'disk-full' || reason === 'disk-failed');
    return {
      order: this.#parts.record.order,
      resumed: this.#parts.resumed,
      restored: this.#restored,
      deleted: this.#deleted,
      skipped,
      unfinished: failed || !isDurable,
    };
  }

  #attempt(planned: PlannedWrite | PlannedDelete, work: () => SkipReason | undefined): void {
    const { path, before, after, byShell } = planned;
    const reason = this.#outcomeOf(work);
    if (reason !== undefined) this.#skipped.push({ path, before, after, byShell, reason });
    else if (after === undefined) this.#deleted.push({ path, before, after, byShell });
    else this.#restored.push({ path, before, after, byShell });
  }

  /** @returns what the work does, or why the system did not let it be done. */
  #outcomeOf<T>(work: () => T): T | SkipReason {
    try {
      return work();
    } catch (error) {
      const reason = reasonOf(error);
      if (reason === undefined) throw error;
      return reason;
    }
  }

  #placeOf(path: ByteText): Place | SkipReason {
    const { root } = this.#parts;
    const { depth, obstacle } = root.enter(parentOf(path));
    if (obstacle === 'no-permission') return obstacle;
    if (obstacle === 'no-directory') return 'parent-not-directory';
    const isReached = obstacle === undefined;
    return { depth, isReached, now: isReached ? stateOnDisk(root.at(depth, nameOf(path))) : ABSENT };
  }

  /** @returns why it was not done. */
  #delete({ path, before }: PlannedDelete): SkipReason | undefined {
    const { root, disk, resumed } = this.#parts;
    const place = this.#placeOf(path);
    if (typeof place === 'string') return resumed && place === 'parent-not-directory' ? undefined : place;
    const { now, depth, isReached } = place;
    if (now.state === undefined) {
      // The deletion may not be durable yet.
      if (resumed && isReached) this.#touched.add(parentOf(path));
      return resumed ? undefined : 'already-there';
    }
    if (now.isDirectory && resumed) return undefined;
    if (!isState(now, before)) return 'changed';
    disk.unlink(root.at(depth, nameOf(path)));
    this.#touched.add(parentOf(path));
    return this.#whereItWas(depth);
  }

  /** @returns why it was not done. */
  #write(planned: PlannedWrite): SkipReason | undefined {
    const { resumed, staging } = this.#parts;
    const { path, before, after, kind } = planned;
    const place = this.#placeOf(path);
    if (typeof place === 'string') return place;
    const now = this.#withoutEmptyDirectory(planned, place);
    if (isState(now, after)) {
      if (resumed) this.#touched.add(parentOf(path));
      return resumed ? undefined : 'already-there';
    }
    if (now.isDirectory) return 'directory-in-the-way';
    if (!isState(now, before)) return 'changed';
    if (kind === 'mode') return this.#changeMode(planned, place);
    const failure = staging.failureOf(path);
    if (failure !== undefined) return failure;
    if (!place.isReached) {
      const obstacle = this.#makeDirectories(parentOf(path));
      if (obstacle !== undefined) return obstacle;
    }
    this.#touched.add(parentOf(path));
    return isFile(after.mode) ? this.#putFile(planned, now) : this.#putLink(planned, now);
  }

  /** No tree knows an empty directory: one that stands where a file comes back is in nobody's snapshot. */
  #withoutEmptyDirectory({ path, before }: PlannedWrite, { depth, now }: Place): StateOnDisk {
    const { root, disk } = this.#parts;
    if (!now.isDirectory || before !== undefined) return now;
    try {
      disk.removeDirectory(root.at(depth, nameOf(path)));
      return ABSENT;
    } catch (error) {
      if (systemCode(error) === undefined) throw error;
      return now;
    }
  }

  #changeMode({ path, after }: PlannedWrite, { depth, now }: Place): SkipReason | undefined {
    const { root, disk } = this.#parts;
    if (now.stat === undefined) return 'changed';
    const file = openSync(
      root.at(depth, nameOf(path)),
      constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
    );
    try {
      disk.allow(file, modeFor(after.mode, now.stat, now.stat));
    } finally {
      disk.close(file);
    }
    this.#touched.add(path);
    return this.#whereItWas(depth);
  }

  #putFile({ path, after }: PlannedWrite, now: StateOnDisk): SkipReason | undefined {
    const { root, disk, staging } = this.#parts;
    const staged = staging.of(path);
    const depth = depthOf(path);
    if (staged === undefined || staged.depth > depth) return 'changed';
    const temporary = root.at(staged.depth, staged.name);
    const place = root.at(depth, nameOf(path));
    if (now.stat?.isFile() === true) {
      const mode = modeFor(after.mode, now.stat, now.stat);
      if (mode !== staged.mode) disk.allowPath(temporary, mode);
    }
    if (now.stat === undefined) this.#appear(temporary, place);
    else disk.rename(temporary, place);
    staging.used(path);
    return this.#whereItWas(depth);
  }

  /** Puts a new file in its place, unless something has come to be there. */
  #appear(temporary: Buffer, place: Buffer): void {
    const { disk } = this.#parts;
    try {
      disk.link(temporary, place);
    } catch (error) {
      const isThere = lstatSync(place, { throwIfNoEntry: false }) !== undefined;
      if (isThere || !NO_LINKS.has(systemCode(error) ?? '')) throw error;
      disk.rename(temporary, place);
      return;
    }
    disk.unlink(temporary);
  }

  #putLink({ path, after }: PlannedWrite, now: StateOnDisk): SkipReason | undefined {
    const { root, disk, source, record } = this.#parts;
    const target = readBlob(source, after.id);
    if (target.length === 0 || target.includes(0)) return 'not-possible';
    const depth = depthOf(path);
    const place = root.at(depth, nameOf(path));
    if (now.stat === undefined) {
      disk.symlink(target, place);
    } else {
      const temporary = root.at(depth, `.m-restore-${record.mark}-link`);
      disk.symlink(target, temporary);
      try {
        disk.rename(temporary, place);
      } catch (error) {
        disk.unlink(temporary);
        throw error;
      }
    }
    return this.#whereItWas(depth);
  }

  /** New directories are as open as the one they are in, but not for everybody to write in. */
  #makeDirectories(directory: ByteText): SkipReason | undefined {
    const { root, disk } = this.#parts;
    const names = directory.split('/');
    for (;;) {
      const { depth, obstacle } = root.enter(directory);
      if (obstacle === undefined) return undefined;
      if (obstacle !== 'absent') return obstacle === 'no-permission' ? obstacle : 'parent-not-directory';
      const rights = lstatSync(root.at(depth, '.')).mode & 0o775;
      const place = root.at(depth, names[depth] ?? '');
      disk.makeDirectory(place, rights);
      disk.allowPath(place, rights);
      this.#touched.add(names.slice(0, depth).join('/'));
    }
  }

  /** Where directories cannot be held, what was done may have been done elsewhere. */
  #whereItWas(depth: number): SkipReason | undefined {
    return this.#parts.root.isInPlace(depth) ? undefined : 'parent-not-directory';
  }
}

function depthOf(path: ByteText): number {
  return path.split('/').length - 1;
}

function isState({ state }: StateOnDisk, wanted: MaybeFile): boolean {
  return state !== 'other' && sameState(state, wanted);
}
