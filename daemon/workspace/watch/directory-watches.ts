/**
 * The watches of a workspace: one for each directory, kept as a tree.
 *
 * A watch belongs to the directory that was under a path when it was set, and goes with it when it is moved. So a watch
 * counts only as long as every directory above it has one too, which tells when something else comes under the path.
 */
import { toByteText, toBytes, type ByteText } from '../byte-text.ts';
import { cannotWatch, overBudget } from './cannot-watch.ts';
import type { Marks } from './marks.ts';

export interface WatchHandle {
  close(): void;
}

/**
 * Watches one directory, not what is below it.
 *
 * @param told the kind of event, and the name of the entry in bytes as text; `null` when the system does not say.
 * @throws what the system says, with its code.
 */
export type OpenWatch = (
  path: string | Buffer,
  told: (kind: string, name: ByteText | null) => void,
  failed: (error: Error) => void,
) => WatchHandle;

interface WatchedDirectory {
  readonly path: ByteText;
  readonly children: Map<ByteText, WatchedDirectory>;
  /** Undefined where the system refuses one: the subtree is then looked at every time. */
  handle: WatchHandle | undefined;
  /** The newest round in which it was ensured. */
  round: number;
  /** What its watch tells is about another path, or nothing that is captured. */
  isGone: boolean;
}

export class DirectoryWatches {
  readonly #root: string;
  readonly #rootBytes: ByteText;
  readonly #open: OpenWatch;
  readonly #marks: Marks;
  readonly #budget: number;
  readonly #blind = new Set<WatchedDirectory>();
  readonly #discarded: WatchHandle[] = [];
  #top: WatchedDirectory | undefined;
  #count = 0;
  #round = 0;

  constructor(root: string, open: OpenWatch, marks: Marks, budget: number) {
    this.#root = root;
    this.#rootBytes = toByteText(root);
    this.#open = open;
    this.#marks = marks;
    this.#budget = budget;
  }

  get count(): number {
    return this.#count;
  }

  /** Directories below which nothing is told, so that they have to be looked at every time. */
  blind(): ByteText[] {
    return Array.from(this.#blind, ({ path }) => path);
  }

  /**
   * Watches a directory and those above it. One that had no watch is marked: it was looked at before it was watched.
   *
   * @throws CannotWatch when the system or the budget allows no more.
   */
  ensure(path: ByteText): void {
    let at = this.#enter(undefined, '', '');
    for (let start = 0; at !== undefined && start < path.length;) {
      const slash = path.indexOf('/', start);
      const end = slash < 0 ? path.length : slash;
      at = this.#enter(at, path.slice(start, end), path.slice(0, end));
      start = end + 1;
    }
  }

  /** From here on, directories that are ensured are those that `endRound` leaves. */
  beginRound(): void {
    this.#round += 1;
  }

  endRound(): void {
    if (this.#top !== undefined) this.#sweep(this.#top);
  }

  clear(): void {
    if (this.#top !== undefined) this.#close(this.#top);
    this.#top = undefined;
  }

  #enter(parent: WatchedDirectory | undefined, name: ByteText, path: ByteText): WatchedDirectory | undefined {
    let directory = parent === undefined ? this.#top : parent.children.get(name);
    if (directory?.handle === undefined) {
      directory ??= { path, children: new Map(), handle: undefined, round: this.#round, isGone: false };
      if (!this.#watch(directory)) return undefined;
      if (parent === undefined) this.#top = directory;
      else parent.children.set(name, directory);
    }
    directory.round = this.#round;
    return directory;
  }

  /** @returns false when there is no such directory at the moment. */
  #watch(directory: WatchedDirectory): boolean {
    if (this.#count >= this.#budget) throw overBudget(this.#budget);
    try {
      directory.handle = this.#open(
        this.#absolute(directory.path),
        (kind, name) => {
          this.#take(directory, kind, name);
        },
        (error) => {
          this.#marks.everything(`a watch broke: ${error.message}`);
          this.clear();
        },
      );
      this.#count += 1;
      this.#blind.delete(directory);
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      if (code === 'ENOENT' || code === 'ENOTDIR') {
        // It was there when it was looked at. When it comes back, what was done to it meanwhile was told to nobody.
        this.#marks.subtree(directory.path);
        return false;
      }
      const refusal = cannotWatch(error);
      if (refusal !== undefined) throw refusal;
      this.#blind.add(directory);
    }
    this.#marks.directory(directory.path);
    return true;
  }

  #take(directory: WatchedDirectory, kind: string, name: ByteText | null): void {
    if (directory.isGone) return;
    if (name === null) this.#marks.subtree(directory.path);
    else if (kind === 'rename') {
      // It came, went or was replaced. What is watched under this name may now be somewhere else.
      const child = directory.children.get(name);
      if (child !== undefined) {
        this.#marks.subtree(child.path);
        this.#close(child);
        directory.children.delete(name);
      }
    }
    this.#marks.directory(directory.path);
  }

  #sweep(directory: WatchedDirectory): void {
    for (const [name, child] of directory.children) {
      if (child.round === this.#round) this.#sweep(child);
      else {
        this.#close(child);
        directory.children.delete(name);
      }
    }
  }

  #close(directory: WatchedDirectory): void {
    directory.isGone = true;
    if (directory.handle !== undefined) {
      this.#count -= 1;
      this.#discard(directory.handle);
    }
    this.#blind.delete(directory);
    for (const child of directory.children.values()) this.#close(child);
  }

  /** Only once the events at hand are told: who counts them to notice a loss has to be told those of this watch as well. */
  #discard(handle: WatchHandle): void {
    this.#discarded.push(handle);
    if (this.#discarded.length > 1) return;
    setImmediate(() => {
      for (const one of this.#discarded.splice(0)) one.close();
    });
  }

  #absolute(path: ByteText): string | Buffer {
    if (path === '') return this.#root;
    // A path of plain characters is the same in every encoding, and strings are the faster way into the system.
    if (/^[\0-\x7f]*$/.test(path)) return `${this.#root}/${path}`;
    return toBytes(`${this.#rootBytes}/${path}`);
  }
}
