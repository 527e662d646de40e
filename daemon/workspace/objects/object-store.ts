/** The objects of a side repository: packs that are never changed, found by id, checked whenever they are read. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import type { KeyObject } from 'node:crypto';
import { HiddenList, type HiddenPlaces } from './hidden-list.ts';
import { EMPTY_TREE, idOf, type GitObject, type ObjectId, type ObjectSource } from './object.ts';
import { ObjectBatch, type Batch, type BatchMode, type PackedObject } from './object-batch.ts';
import { PackCatalogue, type Damage, type PackInfo } from './pack-catalogue.ts';
import { PackFiles } from './pack-files.ts';
import { announceRemoval, finishRemoval } from './pack-removal.ts';
import { CHUNK_BYTES } from './seal.ts';
import { clearLeftovers } from './sealed-writer.ts';
import { verifyPacks, type VerifyReport } from './store-check.ts';
import { isGone, MissingObject, TamperedFile, TamperedObject } from './store-errors.ts';
import { makeDirectory, realDisk, type StoreDisk } from './store-disk.ts';

export interface StoreLimits {
  /** Contents of one pack, in bytes; a longer object has a pack of its own. */
  readonly packBytes: number;
  /** Decrypted contents kept in memory, in bytes. */
  readonly cacheBytes: number;
  readonly openFiles: number;
}

const LIMITS: StoreLimits = { packBytes: 64 * 1024 * 1024, cacheBytes: 2 * 1024 * 1024, openFiles: 64 };

export class ObjectStore implements ObjectSource {
  readonly #directory: string;
  readonly #key: KeyObject | undefined;
  readonly #disk: StoreDisk;
  readonly #limits: StoreLimits;
  readonly #files: PackFiles;
  readonly #catalogue: PackCatalogue;
  readonly #hidden: HiddenList;
  #cleared = false;
  /** Why a removal of packs cannot be finished, and why it is not known what is hidden. */
  #unfinished: string | undefined;
  #revealed: string | undefined;

  private constructor(directory: string, key: KeyObject | undefined, disk: StoreDisk, limits: StoreLimits) {
    this.#directory = directory;
    this.#key = key;
    this.#disk = disk;
    this.#limits = limits;
    this.#files = new PackFiles(directory, key, limits.openFiles, Math.floor(limits.cacheBytes / CHUNK_BYTES));
    this.#catalogue = new PackCatalogue(directory, this.#files);
    this.#hidden = new HiddenList(directory, key, disk);
  }

  /**
   * Opens the side repository in a directory, which is made (0700) when it is not there. Packs that do not verify are in
   * `damage`, and what only they hold is missing.
   * @param key undefined: packs are not encrypted, only checked. A store is one or the other.
   */
  static open(
    directory: string,
    key: KeyObject | undefined,
    parts: { readonly disk?: StoreDisk; readonly limits?: Partial<StoreLimits> } = {},
  ): ObjectStore {
    const disk = parts.disk ?? realDisk;
    makeDirectory(disk, directory);
    const store = new ObjectStore(directory, key, disk, { ...LIMITS, ...parts.limits });
    store.refresh();
    return store;
  }

  /** Not true of an object that was found damaged: writing it again helps. */
  has(id: ObjectId): boolean {
    return this.#catalogue.has(id);
  }

  /** Bytes of its body, without reading it; undefined when it is not there. */
  sizeOf(id: ObjectId): number | undefined {
    return this.#catalogue.find(id, true)?.size;
  }

  /** Bytes that it takes in its pack; undefined when it is not there. */
  costOf(id: ObjectId): number | undefined {
    return this.#catalogue.costOf(id);
  }

  /** The tree without entries is always there, as for git. */
  read(id: ObjectId): GitObject {
    const object = this.#catalogue.find(id) ?? this.#catalogue.find(id, true);
    if (object === undefined && id === EMPTY_TREE) return { kind: 'tree', body: Buffer.alloc(0) };
    if (object === undefined) throw new MissingObject(id, this.damage().length);
    try {
      return { kind: object.kind, body: this.#readBody(object) };
    } catch (error) {
      if (isGone(error)) {
        this.#catalogue.lose(object.pack);
        return this.read(id);
      }
      if (!(error instanceof TamperedFile)) throw error;
      this.#catalogue.markDamaged(object);
      // The same object may be whole in another pack.
      if (this.has(id)) return this.read(id);
      throw new TamperedObject(id, object.pack, error.message);
    }
  }

  /**
   * In one process only: the first batch of a store removes what a crash left under temporary names.
   * @param mode `fast` for the first snapshot of a workspace, `compressed` for later ones.
   */
  begin(mode: BatchMode): Batch {
    this.clearLeftovers();
    const home = {
      directory: this.#directory,
      key: this.#key,
      disk: this.#disk,
      packBytes: this.#limits.packBytes,
      has: (id: ObjectId) => this.has(id),
      readStored: (object: PackedObject) => this.#readStored(object),
      published: this.#catalogue.adopt.bind(this.#catalogue),
    };
    return new ObjectBatch(home, mode);
  }

  /** Removes what a crash left under temporary names. */
  clearLeftovers(): void {
    if (this.#cleared) return;
    for (const kind of ['pack', 'removal', 'hidden'] as const) clearLeftovers(this.#disk, this.#directory, kind);
    this.#cleared = true;
  }

  /** Finds packs that another store on this directory has added, and forgets those that it has removed. */
  refresh(): void {
    this.#unfinished = finishRemoval(this.#disk, this.#directory, this.#key);
    this.#revealed = this.#hidden.load();
    this.findPacks();
  }

  /** Packs that came or went, or that can be opened now: somebody may have put them back. */
  findPacks(): void {
    this.#catalogue.refresh();
    for (const { name } of this.packs()) this.#catalogue.hide(name, this.#hidden.of(name));
  }

  /** @returns why the list of what is hidden is not on the disk as it is known here. */
  hiddenFault(): string | undefined {
    return this.#hidden.faultOnDisk();
  }

  packs(): readonly PackInfo[] {
    return this.#catalogue.packs();
  }

  /** What a pack holds, in the order in which it was written, without what is hidden. @param pack its name. */
  objectsOf(pack: string): Iterable<PackedObject> {
    return this.#catalogue.objectsOf(pack);
  }

  /** Whether this is the one of several copies that is read. */
  isCurrent(object: PackedObject): boolean {
    return this.#catalogue.isCurrent(object);
  }

  /**
   * Objects that are not there any more, because nobody needs them: what they hold may go. A later snapshot brings them
   * again.
   * @param forGood trees and commits: also not when the store is opened next.
   * @param forNow blobs in packs that go.
   * @throws StoreFull: all are still there then.
   */
  hide(forGood: HiddenPlaces, forNow: HiddenPlaces): void {
    const there = new Set([
      ...this.packs().map(({ name }) => name),
      ...this.#catalogue.damage().map(({ pack }) => pack),
    ]);
    this.#hidden.add(forGood, (pack) => there.has(pack));
    this.#revealed = undefined;
    for (const places of [forGood, forNow]) {
      for (const [pack, hidden] of places) this.#catalogue.hide(pack, hidden);
    }
  }

  /**
   * Deletes packs, also those that do not verify: all of them, if need be when the store is opened next. What is needed of
   * them was copied and committed before; what is not needed was hidden before any batch that is open began.
   * @throws StoreFull
   */
  removePacks(packs: readonly string[]): void {
    if (packs.length === 0) return;
    announceRemoval(this.#disk, this.#directory, this.#key, packs);
    for (const name of packs) this.#catalogue.drop(name);
    this.#unfinished = finishRemoval(this.#disk, this.#directory, this.#key);
  }

  get losses(): number {
    return this.#catalogue.losses;
  }

  /** Names of packs that could not be opened. */
  unreadablePacks(): readonly string[] {
    return this.#catalogue.damage().map(({ pack }) => pack);
  }

  /** Packs that could not be opened, and lists beside them; nothing of them is read. */
  damage(): readonly Damage[] {
    const lists = [
      { pack: 'removal', reason: this.#unfinished },
      { pack: 'hidden', reason: this.#revealed },
    ];
    return [
      ...this.#catalogue.damage(),
      ...lists.flatMap(({ pack, reason }) => (reason === undefined ? [] : [{ pack, reason }])),
    ];
  }

  /**
   * Reads everything from the disk again: every list, every chunk, every object against its id, and whether what it
   * names is there. What does not verify counts as missing from then on.
   */
  verify(signal: { readonly aborted: boolean }): VerifyReport {
    this.close();
    this.refresh();
    return verifyPacks(this, signal);
  }

  /** Reads the list of a pack from the disk again. @throws TamperedFile, or what the disk throws (ENOENT). */
  readList(pack: string): void {
    this.#files.list(pack);
  }

  /**
   * Reads one of several copies. One that does not verify counts as missing from then on.
   * @throws TamperedFile, or what the disk throws (ENOENT).
   */
  readCopy(object: PackedObject): GitObject {
    try {
      return { kind: object.kind, body: this.#readBody(object) };
    } catch (error) {
      if (error instanceof TamperedFile || isGone(error)) this.markDamaged(object);
      throw error;
    }
  }

  /** It counts as missing from now on, so that a later snapshot brings it again. */
  markDamaged(object: PackedObject): void {
    this.#catalogue.markDamaged(object);
  }

  /** Bytes of all files in the directory. */
  sizeOnDisk(): number {
    let bytes = 0;
    for (const name of readdirSync(this.#directory)) {
      const stats = statSync(join(this.#directory, name), { throwIfNoEntry: false });
      if (stats?.isFile() === true) bytes += stats.size;
    }
    return bytes;
  }

  /** Gives back descriptors and what was kept decrypted. */
  close(): void {
    this.#files.close();
  }

  #readStored(object: PackedObject): Buffer {
    try {
      return this.#files.read(object.pack, object.offset, object.stored);
    } catch (error) {
      if (!(error instanceof TamperedFile)) throw error;
      this.#catalogue.markDamaged(object);
      throw new TamperedObject(object.id, object.pack, error.message);
    }
  }

  /** @throws TamperedFile, or what the disk throws. */
  #readBody(object: PackedObject): Buffer {
    const stored = this.#files.read(object.pack, object.offset, object.stored);
    const body = object.deflated ? inflate(stored, object.size) : Buffer.from(stored);
    if (body.length !== object.size || idOf(object.kind, body) !== object.id) {
      throw new TamperedFile('its bytes are not those of its id');
    }
    return body;
  }
}

function inflate(deflated: Buffer, size: number): Buffer {
  try {
    return inflateSync(deflated, { maxOutputLength: Math.max(1, size) });
  } catch (error) {
    throw new TamperedFile('it cannot be decompressed', { cause: error });
  }
}
