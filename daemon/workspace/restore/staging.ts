/**
 * The new content of files, written beside their places and made durable before any of them is touched: a full disk is
 * found out then, and what is left to do in the workspace itself is quick.
 */
import { lstatSync, readdirSync, type Stats } from 'node:fs';
import type { ByteText } from '../byte-text.ts';
import { ancestorsOf } from '../diff/path-scope.ts';
import { isFile } from '../diff/file-state.ts';
import type { ObjectSource } from '../objects/object.ts';
import { EXECUTABLE, type TreeMode } from '../objects/tree-format.ts';
import type { HeldRoot } from './held-root.ts';
import { systemCode, type RestoreDisk } from './restore-disk.ts';
import type { PlannedWrite } from './restore-plan.ts';
import { reasonOf, type SkipReason } from './restore-result.ts';
import { readBlob } from './verify-blobs.ts';

/** Files that are open, and made durable, at the same time. */
const AT_ONCE = 64;

/** A temporary file: so many names below the root, on the way to its place. */
export interface Staged {
  readonly depth: number;
  readonly name: ByteText;
  readonly mode: number;
}

interface OpenFile {
  readonly path: ByteText;
  readonly staged: Staged;
  readonly file: number;
}

export class Staging {
  readonly #root: HeldRoot;
  readonly #source: ObjectSource;
  readonly #disk: RestoreDisk;
  readonly #prefix: ByteText;
  readonly #staged = new Map<ByteText, Staged>();
  readonly #failures = new Map<ByteText, SkipReason>();
  #count = 0;

  /** @param mark random, and in the journal. */
  constructor(root: HeldRoot, source: ObjectSource, disk: RestoreDisk, mark: string) {
    this.#root = root;
    this.#source = source;
    this.#disk = disk;
    this.#prefix = `.m-restore-${mark}-`;
  }

  /** Stages what needs it and has not failed for good. What fails is told by `failureOf`. */
  async stage(writes: readonly PlannedWrite[]): Promise<void> {
    const open = writes.filter((write) => this.#needs(write));
    for (let from = 0; from < open.length; from += AT_ONCE) {
      const isFull = await this.#batch(open.slice(from, from + AT_ONCE));
      if (!isFull) continue;
      for (const { path } of open.slice(from + AT_ONCE)) this.#failures.set(path, 'disk-full');
      return;
    }
  }

  of(path: ByteText): Staged | undefined {
    return this.#staged.get(path);
  }

  failureOf(path: ByteText): SkipReason | undefined {
    return this.#failures.get(path);
  }

  /** It is in its place now. */
  used(path: ByteText): void {
    this.#staged.delete(path);
  }

  /** Removes what was not used. */
  clear(): void {
    for (const [path, { depth, name }] of this.#staged) {
      this.#root.enter(parentOf(path));
      if (this.#root.isInPlace(depth)) this.#remove(this.#root.at(depth, name));
    }
    this.#staged.clear();
  }

  /** Removes what a crash has left of this restore. */
  clearLeftovers(writes: readonly PlannedWrite[]): void {
    for (const directory of ['', ...ancestorsOf(writes.map(({ path }) => path))]) {
      const { depth, obstacle } = this.#root.enter(directory);
      if (obstacle !== undefined) continue;
      for (const name of namesIn(this.#root.at(depth, '.'))) {
        if (name.startsWith(this.#prefix)) this.#remove(this.#root.at(depth, name));
      }
    }
  }

  #needs({ path, kind, after }: PlannedWrite): boolean {
    if (!isFile(after.mode) || kind === 'mode' || this.#staged.has(path)) return false;
    const failure = this.#failures.get(path);
    return failure === undefined || failure === 'disk-full';
  }

  /** @returns whether the disk is full. */
  async #batch(writes: readonly PlannedWrite[]): Promise<boolean> {
    const files: OpenFile[] = [];
    try {
      for (const write of writes) {
        const file = this.#tried(write.path, () => this.#write(write));
        if (file !== undefined) files.push(file);
      }
      const synced = await Promise.allSettled(files.map(({ file }) => this.#disk.sync(file)));
      for (const [index, outcome] of synced.entries()) {
        const done = files[index];
        if (done === undefined || outcome.status === 'fulfilled') continue;
        this.#tried(done.path, () => {
          throw outcome.reason;
        });
        this.#discard(done);
      }
    } finally {
      for (const { file } of files) this.#disk.close(file);
    }
    return writes.some(({ path }) => this.#failures.get(path) === 'disk-full');
  }

  #tried<T>(path: ByteText, work: () => T): T | undefined {
    this.#failures.delete(path);
    try {
      return work();
    } catch (error) {
      const reason = reasonOf(error);
      if (reason === undefined) throw error;
      this.#failures.set(path, reason);
      return undefined;
    }
  }

  #write({ path, after, denied }: PlannedWrite): OpenFile {
    const content = readBlob(this.#source, after.id);
    const { depth, obstacle } = this.#root.enter(parentOf(path));
    const old = obstacle === undefined ? statOf(this.#root.at(depth, nameOf(path))) : undefined;
    const mode = modeFor(after.mode, old, lstatSync(this.#root.at(depth, '.')), denied);
    const name = this.#prefix + String(this.#count);
    this.#count += 1;
    const place = this.#root.at(depth, name);
    const file = this.#disk.create(place);
    const staged = { depth, name, mode };
    this.#staged.set(path, staged);
    try {
      this.#disk.write(file, content);
      if (old !== undefined) this.#keepOwner(file, old);
      this.#disk.allow(file, mode);
    } catch (error) {
      this.#disk.close(file);
      this.#discard({ path, staged, file });
      throw error;
    }
    return { path, staged, file };
  }

  #discard({ path, staged }: OpenFile): void {
    this.#staged.delete(path);
    this.#root.enter(parentOf(path));
    if (this.#root.isInPlace(staged.depth)) this.#remove(this.#root.at(staged.depth, staged.name));
  }

  #keepOwner(file: number, { uid, gid }: Stats): void {
    if (process.getuid?.() === uid && process.getgid?.() === gid) return;
    try {
      this.#disk.own(file, uid, gid);
    } catch (error) {
      // Only root gives files away, and only members give to a group.
      if (systemCode(error) !== 'EPERM') throw error;
    }
  }

  #remove(path: Buffer): void {
    try {
      this.#disk.unlink(path);
    } catch (error) {
      // It stays under a name that says whose it is; nothing can be done about it here.
      if (systemCode(error) === undefined) throw error;
    }
  }
}

export function parentOf(path: ByteText): ByteText {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

export function nameOf(path: ByteText): ByteText {
  return path.slice(path.lastIndexOf('/') + 1);
}

/**
 * An old file keeps its rights but for the right to execute. A new one is as open as its directory, but not for everybody to
 * write, and not for whom it was closed before.
 * @param denied to a new file, bits of 0o077.
 * @returns the bits of `chmod`.
 */
export function modeFor(mode: TreeMode, old: Stats | undefined, directory: Stats, denied = 0): number {
  const rights = old?.isFile() === true ? old.mode & 0o777 : directory.mode & 0o664 & ~denied;
  return mode === EXECUTABLE ? rights | ((rights & 0o444) >> 2) : rights & 0o666;
}

function statOf(path: Buffer): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

function namesIn(directory: Buffer): ByteText[] {
  try {
    return readdirSync(directory, { encoding: 'latin1' });
  } catch (error) {
    if (systemCode(error) === 'EACCES') return [];
    throw error;
  }
}
