/** Reads one sealed file, chunk by chunk. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import type { KeyObject } from 'node:crypto';
import { CHUNK_BYTES, fileIdOf, HEADER_BYTES, SEALED_CHUNK_BYTES, sealFor, TAG_BYTES } from './seal.ts';
import type { FileKind, Seal } from './seal.ts';
import { isLink, isUnreadable, TamperedFile } from './store-errors.ts';

/** A FIFO would keep everybody waiting until somebody writes to it. */
const READ_ONLY = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

export class SealedReader {
  /** The random id in the header, 32 hexadecimal digits. */
  readonly id: string;
  /** Bytes of the contents. */
  readonly length: number;
  /** Bytes on disk. */
  readonly fileBytes: number;
  readonly #descriptor: number;
  readonly #seal: Seal;
  readonly #chunks: number;

  /** @throws TamperedFile, or what the disk throws (ENOENT). */
  constructor(path: string, kind: FileKind, key: KeyObject | undefined) {
    this.#descriptor = openFile(path);
    try {
      const stats = fstatSync(this.#descriptor);
      if (!stats.isFile()) throw new TamperedFile('it is not a file');
      this.fileBytes = stats.size;
      this.#seal = sealFor(kind, this.#readAt(0, HEADER_BYTES), key);
      this.id = fileIdOf(this.#seal.header);
      const sealed = this.fileBytes - HEADER_BYTES;
      this.#chunks = Math.ceil(sealed / SEALED_CHUNK_BYTES);
      this.length = sealed - this.#chunks * TAG_BYTES;
      if (sealed <= 0 || this.length <= (this.#chunks - 1) * CHUNK_BYTES) throw new TamperedFile('it ends too early');
    } catch (error) {
      closeSync(this.#descriptor);
      throw error;
    }
  }

  /** Contents of the chunk at `index`, counted from 0; 64 KiB but for the last. @throws TamperedFile */
  chunk(index: number): Buffer {
    const at = HEADER_BYTES + index * SEALED_CHUNK_BYTES;
    const end = Math.min(at + SEALED_CHUNK_BYTES, this.fileBytes);
    return this.#seal.open(index, index === this.#chunks - 1, this.#readAt(at, end - at));
  }

  /** Contents from `start` to before `end`. @throws TamperedFile */
  read(start: number, end: number, chunk: (index: number) => Buffer = (index) => this.chunk(index)): Buffer {
    if (end > this.length) throw new TamperedFile('it ends too early');
    if (start >= end) return Buffer.alloc(0);
    const first = Math.floor(start / CHUNK_BYTES);
    const last = Math.floor((end - 1) / CHUNK_BYTES);
    const from = start - first * CHUNK_BYTES;
    if (first === last) return chunk(first).subarray(from, from + end - start);
    const bytes = Buffer.allocUnsafe(end - start);
    let filled = chunk(first).copy(bytes, 0, from);
    for (let index = first + 1; index <= last; index += 1) filled += chunk(index).copy(bytes, filled);
    return bytes;
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  #readAt(position: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafe(Math.max(0, length));
    for (let filled = 0; filled < bytes.length;) {
      const count = asFault(() => readSync(this.#descriptor, bytes, filled, bytes.length - filled, position + filled));
      if (count === 0) throw new TamperedFile('it ends too early');
      filled += count;
    }
    return bytes;
  }
}

function openFile(path: string): number {
  return asFault(() => openSync(path, READ_ONLY));
}

/** @throws TamperedFile also for what the disk has lost: whoever reads knows what is to be done then. */
function asFault<T>(step: () => T): T {
  try {
    return step();
  } catch (error) {
    if (isUnreadable(error)) throw new TamperedFile('the disk cannot read it', { cause: error });
    if (isLink(error)) throw new TamperedFile('it is a symbolic link', { cause: error });
    throw error;
  }
}
