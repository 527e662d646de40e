/**
 * The packs of a side repository on disk: contents of objects one after the other, then the list of objects, then 8
 * bytes (length of the contents, number of objects). One sealed file each, so that a rename brings all of it or nothing.
 */
import { join } from 'node:path';
import type { KeyObject } from 'node:crypto';
import { ObjectTable, recordBytes } from './object-table.ts';
import { RecentlyUsed } from './recently-used.ts';
import { sealedBytes } from './seal.ts';
import { SealedReader } from './sealed-reader.ts';
import { TamperedFile } from './store-errors.ts';

export const PACK_SUFFIX = '.pack';
const PACK_NAME = /^[0-9a-f]{32}\.pack$/;
const END_BYTES = 8;
/** A pack has fewer chunks: its offsets have 32 bits. */
const MOST_CHUNKS = 2 ** 20;

export function isPackName(name: string): boolean {
  return PACK_NAME.test(name);
}

/** What stands behind the contents in a pack. @param table holds the objects of this pack from `first` on, in order. */
export function encodePackEnd(table: ObjectTable, first: number, count: number, contentBytes: number): Buffer {
  const end = Buffer.allocUnsafe(END_BYTES);
  end.writeUInt32BE(contentBytes, 0);
  end.writeUInt32BE(count, 4);
  return Buffer.concat([table.encodeRecords(first, count), end]);
}

/** Bytes that an object takes in the contents of a pack and in its list. @param stored those in the contents. */
export function listedBytes(stored: number): number {
  return stored + recordBytes(1);
}

/** Bytes on disk of a pack. @param listedBytes of its objects, with their lines in its list; 0 for none: no pack then. */
export function packFileBytes(listedBytes: number): number {
  return listedBytes === 0 ? 0 : sealedBytes(listedBytes + END_BYTES);
}

/** A pack that is open, and the number under which its chunks are kept. */
interface OpenPack {
  readonly number: number;
  readonly reader: SealedReader;
}

export interface PackList {
  /** Only the objects of this pack, in order. */
  readonly table: ObjectTable;
  readonly fileBytes: number;
}

export class PackFiles {
  readonly #directory: string;
  readonly #key: KeyObject | undefined;
  readonly #open: RecentlyUsed<string, OpenPack>;
  readonly #chunks: RecentlyUsed<number, Buffer>;
  #opened = 0;

  /** @param openFiles descriptors at most. @param chunks of 64 KiB that are kept decrypted at most. */
  constructor(directory: string, key: KeyObject | undefined, openFiles: number, chunks: number) {
    this.#directory = directory;
    this.#key = key;
    this.#open = new RecentlyUsed(openFiles, (pack) => pack.reader.close());
    this.#chunks = new RecentlyUsed(chunks);
  }

  /** What a pack holds. @throws TamperedFile, or what the disk throws (ENOENT). */
  list(name: string): PackList {
    const { reader } = this.#pack(name);
    const end = reader.length - END_BYTES;
    if (end < 0) throw new TamperedFile('it ends too early');
    const numbers = reader.read(end, reader.length);
    const contentBytes = numbers.readUInt32BE(0);
    const count = numbers.readUInt32BE(4);
    if (contentBytes + recordBytes(count) !== end) throw new TamperedFile('its list of objects does not fit');
    const table = new ObjectTable();
    if (table.addRecords(reader.read(contentBytes, end)) !== contentBytes) {
      throw new TamperedFile('its list of objects does not fit');
    }
    return { table, fileBytes: reader.fileBytes };
  }

  /** Contents of a pack. They may be shared: copy what is handed on. @throws TamperedFile, or what the disk throws. */
  read(name: string, offset: number, length: number): Buffer {
    const { reader, number } = this.#pack(name);
    return reader.read(offset, offset + length, (index) =>
      this.#chunks.get(number * MOST_CHUNKS + index, () => reader.chunk(index)),
    );
  }

  /** Closes one, because it goes or is to be read from the disk again. */
  release(name: string): void {
    this.#open.delete(name);
  }

  close(): void {
    this.#open.clear();
    this.#chunks.clear();
  }

  #pack(name: string): OpenPack {
    return this.#open.get(name, () => {
      const reader = new SealedReader(join(this.#directory, name), 'pack', this.#key);
      if (`${reader.id}${PACK_SUFFIX}` !== name) {
        reader.close();
        throw new TamperedFile('it was another pack');
      }
      this.#opened += 1;
      return { number: this.#opened, reader };
    });
  }
}
