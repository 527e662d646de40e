/** Objects on their way into the store: in packs under temporary names, until all of them are durable. */
import { constants, deflateSync } from 'node:zlib';
import type { KeyObject } from 'node:crypto';
import { idOf, type ObjectId, type ObjectKind, type ObjectSink } from './object.ts';
import { ObjectTable, type Placed } from './object-table.ts';
import { encodePackEnd, PACK_SUFFIX } from './pack-files.ts';
import { SealedWriter } from './sealed-writer.ts';
import type { StoreDisk } from './store-disk.ts';

/** `fast` stores bodies as they are; `compressed` deflates them (zlib level 1), which takes 40 µs for a file of 4 KB. */
export type BatchMode = 'fast' | 'compressed';

/** An object in a pack, as it is listed for those who clear up. */
export interface PackedObject extends Placed {
  readonly id: ObjectId;
  /** Name of the pack. */
  readonly pack: string;
  /** Its place in the list of the pack, from 0. */
  readonly index: number;
}

/**
 * A rule for who writes: an object comes after everything below it. Packs of a batch appear in order, so whoever finds
 * an object, also after a crash between two of them, has what is below it.
 */
export interface Batch extends ObjectSink {
  /** How many objects were new. */
  readonly objects: number;
  /** How many bytes they take. */
  readonly bytes: number;
  /** Takes over an object as its pack holds it, also one that the store has: the old pack is to go. @throws TamperedObject */
  copy(object: PackedObject): void;
  /** As `copy`, but what nobody has tried to compress is compressed well (zlib level 6) on the way. @throws TamperedObject */
  recompress(object: PackedObject): void;
  /** Durable and visible when it returns; without objects nothing happens. @throws StoreFull; the batch is over then. */
  commit(): void;
  /** Nothing of it is kept. Also fine after a commit or a failure. */
  abandon(): void;
}

/** What a batch needs of its store. */
export interface BatchHome {
  readonly directory: string;
  readonly key: KeyObject | undefined;
  readonly disk: StoreDisk;
  /** A pack gets no further object when its contents would be longer. */
  readonly packBytes: number;
  has(id: ObjectId): boolean;
  /** The bytes of an object as its pack holds them. @throws TamperedObject */
  readStored(object: PackedObject): Buffer;
  /** A pack is in its place. @param table holds its objects from `first` on. @param fileBytes its bytes on disk. */
  published(name: string, table: ObjectTable, first: number, count: number, fileBytes: number): void;
}

/** Shorter bodies do not become smaller by more than a few bytes. */
const LEAST_DEFLATED = 64;
/** The level of zlib for what nobody waits for. */
const WELL = 6;

interface PackPart {
  readonly writer: SealedWriter;
  readonly first: number;
  count: number;
  contentBytes: number;
}

export class ObjectBatch implements Batch {
  readonly #home: BatchHome;
  readonly #mode: BatchMode;
  readonly #table = new ObjectTable();
  #parts: PackPart[] = [];
  #bytes = 0;
  #over = false;

  constructor(home: BatchHome, mode: BatchMode) {
    this.#home = home;
    this.#mode = mode;
  }

  get objects(): number {
    return this.#table.count;
  }

  get bytes(): number {
    return this.#bytes;
  }

  has(id: ObjectId): boolean {
    return this.#table.find(id) >= 0 || this.#home.has(id);
  }

  write(kind: ObjectKind, body: Buffer): ObjectId {
    const id = idOf(kind, body);
    if (this.has(id)) return id;
    const tried = this.#mode === 'compressed';
    const deflated = tried ? deflate(body, constants.Z_BEST_SPEED) : undefined;
    this.#append(id, { kind, deflated: deflated !== undefined, tried, size: body.length }, deflated ?? body);
    return id;
  }

  copy(object: PackedObject): void {
    if (this.#table.find(object.id) >= 0) return;
    this.#append(object.id, object, this.#home.readStored(object));
  }

  recompress(object: PackedObject): void {
    if (object.tried || object.deflated) return this.copy(object);
    if (this.#table.find(object.id) >= 0) return;
    const body = this.#home.readStored(object);
    const deflated = deflate(body, WELL);
    this.#append(object.id, { ...object, deflated: deflated !== undefined, tried: true }, deflated ?? body);
  }

  commit(): void {
    this.#refuseWhenOver();
    try {
      for (const { writer, first, count, contentBytes } of this.#parts) {
        writer.append(encodePackEnd(this.#table, first, count, contentBytes));
        writer.finish();
      }
      for (const { writer, first, count } of this.#parts) {
        const name = `${writer.id}${PACK_SUFFIX}`;
        writer.publish(name);
        this.#home.published(name, this.#table, first, count, writer.fileBytes);
      }
      this.#over = true;
    } finally {
      this.abandon();
    }
  }

  abandon(): void {
    this.#over = true;
    const parts = this.#parts;
    this.#parts = [];
    for (const { writer } of parts) writer.discard();
  }

  #append(id: ObjectId, form: Omit<Placed, 'offset' | 'stored'>, bytes: Buffer): void {
    this.#refuseWhenOver();
    const part = this.#partFor(bytes.length);
    try {
      part.writer.append(bytes);
    } catch (error) {
      this.abandon();
      throw error;
    }
    const { kind, deflated, tried, size } = form;
    this.#table.add(id, 0, { kind, deflated, tried, size, offset: part.contentBytes, stored: bytes.length });
    part.count += 1;
    part.contentBytes += bytes.length;
    this.#bytes += bytes.length;
  }

  #partFor(length: number): PackPart {
    const newest = this.#parts.at(-1);
    if (newest !== undefined && newest.contentBytes + length <= this.#home.packBytes) return newest;
    const { disk, directory, key } = this.#home;
    const part: PackPart = {
      writer: new SealedWriter(disk, directory, 'pack', key),
      first: this.#table.count,
      count: 0,
      contentBytes: 0,
    };
    this.#parts.push(part);
    return part;
  }

  #refuseWhenOver(): void {
    if (this.#over) throw new Error('the batch is over: it was committed, abandoned or failed');
  }
}

/** @returns undefined when that would not be smaller. */
function deflate(body: Buffer, level: number): Buffer | undefined {
  if (body.length < LEAST_DEFLATED) return undefined;
  const deflated = deflateSync(body, { level });
  return deflated.length < body.length ? deflated : undefined;
}
