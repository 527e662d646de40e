/** Writes the files of a tree into a new directory, which appears when it is whole. */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  lstatSync,
  type Stats,
  mkdirSync,
  openSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { ByteText } from '../byte-text.ts';
import { diffTrees, type FileDifference } from '../diff/tree-diff.ts';
import type { FileState } from '../diff/file-state.ts';
import { EMPTY_TREE, type ObjectId, type ObjectSource } from '../objects/object.ts';
import { DestinationNotEmpty, isNotEmpty, orStoreFull } from '../objects/store-errors.ts';
import { SYMLINK } from '../objects/tree-format.ts';
import { HeldRoot } from '../restore/held-root.ts';
import { requireRestorable } from '../restore/restorable-path.ts';
import { realDisk } from '../restore/restore-disk.ts';
import { modeFor, nameOf, parentOf } from '../restore/staging.ts';
import { readBlob } from '../restore/verify-blobs.ts';
import { deniedOf } from '../scan/closed-paths.ts';
import type { Closed } from '../scan/scan-result.ts';

const SYNCED_AT_ONCE = 64;
const RIGHTS = 0o777;

export interface Written {
  readonly files: number;
  readonly bytes: number;
}

/**
 * Everything is durable when it resolves; when it fails nothing is left.
 * @param destination does not exist yet, or is an empty directory; directories above it are made.
 * @param closed what is not open to everybody.
 * @throws DestinationNotEmpty, MissingObject, TamperedObject, StoreFull
 */
export async function writeTree(
  source: ObjectSource,
  tree: ObjectId,
  destination: string,
  closed: readonly Closed[] = [],
): Promise<Written> {
  const target = resolve(destination);
  refuseOccupied(target);
  mkdirSync(dirname(target), { recursive: true });
  const above = realpathSync(dirname(target));
  const unfinished = join(above, `${basename(target)}.part-${randomBytes(6).toString('hex')}`);
  try {
    mkdirSync(unfinished, { mode: 0o700 });
    const written = await new TreeWriting(source, unfinished, lstatSync(above), deniedOf(closed)).run(tree);
    putInPlace(unfinished, target);
    await syncDirectory(above);
    return written;
  } catch (error) {
    return orStoreFull(above, 'the files', () => {
      throw error;
    });
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}

class TreeWriting {
  readonly #source: ObjectSource;
  readonly #root: string;
  readonly #above: Stats;
  readonly #denied: (path: ByteText) => number;
  readonly #made = new Set<ByteText>();
  #unsynced: number[] = [];

  /** @param above the directory above: what is made is as open as that. */
  constructor(source: ObjectSource, root: string, above: Stats, denied: (path: ByteText) => number) {
    this.#source = source;
    this.#root = root;
    this.#above = above;
    this.#denied = denied;
  }

  async run(tree: ObjectId): Promise<Written> {
    const held = new HeldRoot(this.#root);
    const files = diffTrees(this.#source, EMPTY_TREE, tree);
    let bytes = 0;
    try {
      for (const file of files) {
        bytes += this.#write(held, file);
        if (this.#unsynced.length >= SYNCED_AT_ONCE) await this.#sync();
      }
      await this.#sync();
    } finally {
      for (const file of this.#unsynced) closeSync(file);
      held.close();
    }
    for (const directory of [...this.#made].reverse()) await syncDirectory(join(this.#root, directory));
    realDisk.allowPath(this.#root, this.#above.mode & RIGHTS);
    await syncDirectory(this.#root);
    return { files: files.length, bytes };
  }

  #write(held: HeldRoot, { path, after }: FileDifference): number {
    requireRestorable(path);
    if (after === undefined) return 0;
    const depth = this.#enter(held, parentOf(path));
    const place = held.at(depth, nameOf(path));
    const body = readBlob(this.#source, after.id);
    if (after.mode === SYMLINK) realDisk.symlink(body, place);
    else this.#create(place, after, body, this.#denied(path));
    return body.length;
  }

  #create(place: Buffer, { mode }: FileState, body: Buffer, denied: number): void {
    const file = realDisk.create(place);
    this.#unsynced.push(file);
    realDisk.write(file, body);
    realDisk.allow(file, modeFor(mode, undefined, this.#above, denied));
  }

  /** Makes what is missing on the way. @returns its depth. */
  #enter(held: HeldRoot, directory: ByteText): number {
    for (;;) {
      const { depth, obstacle } = held.enter(directory);
      if (obstacle === undefined) return depth;
      const names = directory.split('/').slice(0, depth + 1);
      // Only this run writes here: anything that is in the way was put there meanwhile.
      if (obstacle !== 'absent') throw new DestinationNotEmpty(join(this.#root, ...names));
      const place = held.at(depth, names.at(-1) ?? '');
      realDisk.makeDirectory(place, 0o700);
      realDisk.allowPath(place, this.#above.mode & RIGHTS);
      this.#made.add(names.join('/'));
    }
  }

  async #sync(): Promise<void> {
    const files = this.#unsynced;
    this.#unsynced = [];
    try {
      await Promise.all(files.map((file) => realDisk.sync(file)));
    } finally {
      for (const file of files) closeSync(file);
    }
  }
}

function refuseOccupied(target: string): void {
  const stat = lstatSync(target, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isDirectory() || readdirSync(target).length > 0) throw new DestinationNotEmpty(target);
}

function putInPlace(unfinished: string, target: string): void {
  try {
    renameSync(unfinished, target);
  } catch (error) {
    throw isNotEmpty(error) ? new DestinationNotEmpty(target) : error;
  }
}

async function syncDirectory(path: string): Promise<void> {
  const file = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    await realDisk.sync(file);
  } finally {
    closeSync(file);
  }
}
