/** Writes one sealed file: under a temporary name until it is whole and durable, then in one step under its own. */
import { readdirSync } from 'node:fs';
import { randomBytes, type KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { CHUNK_BYTES, fileIdOf, newSeal, SEALED_CHUNK_BYTES, type FileKind, type Seal } from './seal.ts';
import { orStoreFull } from './store-errors.ts';
import type { StoreDisk } from './store-disk.ts';

/** What the names of unfinished files of a kind begin with. They are left over when nobody writes. */
function prefixOf(kind: FileKind): string {
  return `tmp_${kind}_`;
}

/** Removes what a crash has left in a directory. */
export function clearLeftovers(disk: StoreDisk, directory: string, kind: FileKind): void {
  for (const name of readdirSync(directory)) {
    if (name.startsWith(prefixOf(kind))) disk.remove(join(directory, name));
  }
}

export class SealedWriter {
  readonly #disk: StoreDisk;
  readonly #directory: string;
  readonly #path: string;
  readonly #seal: Seal;
  readonly #chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  readonly #sealed = Buffer.allocUnsafe(SEALED_CHUNK_BYTES);
  #filled = 0;
  #chunks = 0;
  #fileBytes = 0;
  #descriptor: number | undefined;
  #created = false;

  /** Nothing is on disk before the first chunk is full. */
  constructor(disk: StoreDisk, directory: string, kind: FileKind, key: KeyObject | undefined) {
    this.#disk = disk;
    this.#directory = directory;
    this.#path = join(directory, `${prefixOf(kind)}${randomBytes(8).toString('hex')}`);
    this.#seal = newSeal(kind, key);
  }

  /** The random id in the header, 32 hexadecimal digits. */
  get id(): string {
    return fileIdOf(this.#seal.header);
  }

  /** Bytes that were written to disk. */
  get fileBytes(): number {
    return this.#fileBytes;
  }

  /** @throws StoreFull, or what the disk throws; the file can only be discarded then. */
  append(bytes: Buffer): void {
    for (let at = 0; at < bytes.length;) {
      // A full chunk waits until more comes: the last one is sealed as such and is never empty.
      if (this.#filled === CHUNK_BYTES) this.#flush(false);
      const copied = bytes.copy(this.#chunk, this.#filled, at);
      this.#filled += copied;
      at += copied;
    }
  }

  /** Writes the rest and makes the bytes durable, still under the temporary name. */
  finish(): void {
    this.#flush(true);
    orStoreFull(this.#directory, 'a snapshot', () => this.#disk.sync(this.#open()));
    this.#close();
  }

  /** The file appears under its name in the directory, durably. */
  publish(name: string): void {
    orStoreFull(this.#directory, 'a snapshot', () => {
      this.#disk.rename(this.#path, join(this.#directory, name));
      this.#created = false;
      this.#disk.syncDirectory(this.#directory);
    });
  }

  /** Removes what was not published. */
  discard(): void {
    this.#close();
    if (this.#created) this.#disk.remove(this.#path);
    this.#created = false;
  }

  #flush(last: boolean): void {
    const sealed = this.#seal.seal(this.#chunks, last, this.#chunk.subarray(0, this.#filled), this.#sealed);
    const bytes = this.#chunks === 0 ? Buffer.concat([this.#seal.header, sealed]) : sealed;
    orStoreFull(this.#directory, 'a snapshot', () => this.#disk.write(this.#open(), bytes));
    this.#fileBytes += bytes.length;
    this.#chunks += 1;
    this.#filled = 0;
  }

  #open(): number {
    if (this.#descriptor === undefined) {
      this.#descriptor = this.#disk.create(this.#path);
      this.#created = true;
    }
    return this.#descriptor;
  }

  #close(): void {
    if (this.#descriptor === undefined) return;
    const descriptor = this.#descriptor;
    this.#descriptor = undefined;
    this.#disk.close(descriptor);
  }
}
