/** Which packs there are and what each of them holds. */
import { readdirSync } from 'node:fs';
import type { ObjectId } from './object.ts';
import type { PackedObject } from './object-batch.ts';
import { ObjectTable } from './object-table.ts';
import { isPackName, type PackFiles } from './pack-files.ts';
import { isGone, TamperedFile } from './store-errors.ts';

export interface PackInfo {
  readonly name: string;
  readonly objects: number;
  /** Bytes on disk. */
  readonly bytes: number;
}

/** What does not verify: a whole pack, or one object of it. */
export interface Damage {
  readonly pack: string;
  readonly object?: ObjectId;
  readonly reason: string;
}

interface Pack extends PackInfo {
  /** By which the table names it. */
  readonly number: number;
  /** Its first entry in the table; the others follow. */
  readonly first: number;
}

/** Entries of packs that are gone stay in the table until they are so many and half of it. */
const LEAST_SWEPT = 4096;

export class PackCatalogue {
  /** How often something was found damaged or gone. */
  losses = 0;
  readonly #directory: string;
  readonly #files: PackFiles;
  readonly #packs = new Map<string, Pack>();
  readonly #damage = new Map<string, Damage>();
  readonly #names: string[] = [];
  #table = new ObjectTable();
  #hidden = 0;

  constructor(directory: string, files: PackFiles) {
    this.#directory = directory;
    this.#files = files;
  }

  /** @param damaged also look among those that were found damaged. */
  find(id: ObjectId, damaged = false): PackedObject | undefined {
    const entry = this.#table.find(id, damaged);
    if (entry < 0) return undefined;
    const { first } = this.#packs.get(this.#names[this.#table.packAt(entry)]!)!;
    return this.#packedAt(this.#table, entry, entry - first);
  }

  has(id: ObjectId): boolean {
    return this.#table.find(id) >= 0;
  }

  /** Whether this is the one of several copies that is read. */
  isCurrent({ id, pack, index }: PackedObject): boolean {
    const whole = this.#table.find(id);
    const entry = whole < 0 ? this.#table.find(id, true) : whole;
    return entry >= 0 && entry === (this.#packs.get(pack)?.first ?? -1) + index;
  }

  /** Bytes that an object takes in its pack; undefined when it is not there. */
  costOf(id: ObjectId): number | undefined {
    const entry = this.#table.find(id, true);
    return entry < 0 ? undefined : this.#table.costAt(entry);
  }

  /** They are not found any more. @param places in the list of the pack. */
  hide(pack: string, places: Iterable<number>): void {
    const { first, objects } = this.#packs.get(pack) ?? { first: 0, objects: 0 };
    for (const index of places) if (index < objects) this.#table.hide(first + index, 1);
  }

  packs(): readonly PackInfo[] {
    return [...this.#packs.values()].map(({ name, objects, bytes }) => ({ name, objects, bytes }));
  }

  /** In the order in which they were written, without those that are hidden. */
  *objectsOf(name: string): Iterable<PackedObject> {
    const pack = this.#packs.get(name);
    const table = this.#table;
    const first = pack?.first ?? 0;
    const end = first + (pack?.objects ?? 0);
    for (let entry = first; entry < end; entry += 1) {
      if (!table.isHidden(entry)) yield this.#packedAt(table, entry, entry - first);
    }
  }

  /** Packs that could not be opened. */
  damage(): readonly Damage[] {
    return [...this.#damage.values()];
  }

  /** A pack that somebody else has removed. */
  lose(name: string): void {
    this.losses += 1;
    this.drop(name);
  }

  /** It counts as missing from now on, so that a later snapshot can bring it again. */
  markDamaged({ id, pack, index }: PackedObject): void {
    const { first, objects } = this.#packs.get(pack) ?? { first: 0, objects: 0 };
    if (index >= objects || this.#table.idAt(first + index) !== id) return;
    if (this.#table.markDamaged(first + index)) this.losses += 1;
  }

  /** Compares with what is on disk. */
  refresh(): void {
    const entries = readdirSync(this.#directory, { withFileTypes: true });
    const names = entries.filter((entry) => isPackName(entry.name) && !entry.isDirectory()).map(({ name }) => name);
    const there = new Set(names);
    for (const name of this.#packs.keys()) if (!there.has(name)) this.drop(name);
    this.#damage.clear();
    for (const name of names) if (!this.#packs.has(name)) this.#load(name);
  }

  /** @param table holds the objects of this pack from `first` on, in order. */
  adopt(name: string, table: ObjectTable, first: number, objects: number, bytes: number): void {
    const number = this.#names.push(name) - 1;
    const start = this.#table.addAll(table, first, objects, number);
    this.#packs.set(name, { name, objects, bytes, number, first: start });
  }

  /** What it held is not found in it any more. */
  drop(name: string): void {
    this.#files.release(name);
    this.#damage.delete(name);
    const pack = this.#packs.get(name);
    if (pack === undefined) return;
    this.#packs.delete(name);
    this.#table.hide(pack.first, pack.objects);
    this.#hidden += pack.objects;
    if (this.#hidden >= LEAST_SWEPT && this.#hidden * 2 >= this.#table.count) this.#sweep();
  }

  #packedAt(table: ObjectTable, entry: number, index: number): PackedObject {
    return { id: table.idAt(entry), pack: this.#names[table.packAt(entry)]!, index, ...table.placedAt(entry) };
  }

  #load(name: string): void {
    try {
      const { table, fileBytes } = this.#files.list(name);
      this.adopt(name, table, 0, table.count, fileBytes);
    } catch (error) {
      if (isGone(error)) return;
      if (!(error instanceof TamperedFile)) throw error;
      this.#damage.set(name, { pack: name, reason: error.message });
    }
  }

  #sweep(): void {
    const before = this.#table;
    this.#table = new ObjectTable();
    this.#table.reserve(before.count - this.#hidden);
    for (const pack of this.#packs.values()) {
      const first = this.#table.addAll(before, pack.first, pack.objects, pack.number);
      this.#packs.set(pack.name, { ...pack, first });
    }
    this.#hidden = 0;
  }
}
