/** Writes one pack and its index as native git reads them (version 2 of both; git's `gitformat-pack` documentation). */
import { createHash } from 'node:crypto';
import { closeSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import type { GitObject, ObjectId, ObjectKind } from './object.ts';

const KINDS: Readonly<Record<ObjectKind, number>> = { commit: 1, tree: 2, blob: 3 };
const BUFFER_BYTES = 1024 * 1024;
const FAN_OUT = 256;
const INDEX_MAGIC = 0xff744f63;
const VERSION = 2;

interface Written {
  readonly id: ObjectId;
  readonly offset: number;
  readonly crc: number;
}

/** More than an object can take in such a pack. @param size bytes of its body. */
export function mostPackedBytes(size: number): number {
  return size + Math.ceil(size / 1000) + 64;
}

export class GitPackWriter {
  readonly #directory: string;
  readonly #path: string;
  readonly #descriptor: number;
  readonly #hash = createHash('sha1');
  readonly #written: Written[] = [];
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #offset = 0;

  /** @param directory of the packs. @param count how many objects will be added. */
  constructor(directory: string, count: number) {
    this.#directory = directory;
    this.#path = join(directory, 'tmp_pack');
    this.#descriptor = openSync(this.#path, 'wx', 0o600);
    const head = Buffer.alloc(12);
    head.write('PACK', 0, 'latin1');
    head.writeUInt32BE(VERSION, 4);
    head.writeUInt32BE(count, 8);
    this.#append(head);
  }

  add(id: ObjectId, { kind, body }: GitObject): void {
    const bytes = Buffer.concat([objectHead(kind, body.length), deflateSync(body)]);
    this.#written.push({ id, offset: this.#offset, crc: crc32(bytes) });
    this.#append(bytes);
  }

  /** Both files are durable when it returns. @returns their bytes. */
  finish(): number {
    this.#flush();
    const checksum = this.#hash.digest();
    writeAll(this.#descriptor, checksum);
    fsyncSync(this.#descriptor);
    const name = join(this.#directory, `pack-${checksum.toString('hex')}`);
    renameSync(this.#path, `${name}.pack`);
    const index = encodeIndex(this.#written, checksum);
    writeDurably(`${name}.idx`, index);
    return this.#offset + checksum.length + index.length;
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  #append(bytes: Buffer): void {
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    this.#offset += bytes.length;
    if (this.#waitingBytes >= BUFFER_BYTES) this.#flush();
  }

  #flush(): void {
    const bytes = Buffer.concat(this.#waiting);
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#hash.update(bytes);
    writeAll(this.#descriptor, bytes);
  }
}

/** A new file of mode 0600 whose contents are durable. */
export function writeDurably(path: string, contents: Buffer | string): void {
  const descriptor = openSync(path, 'wx', 0o600);
  try {
    writeAll(descriptor, Buffer.from(contents));
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function writeAll(descriptor: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length;) at += writeSync(descriptor, bytes, at);
}

/** Kind and length: four bits of it, then seven a byte, lowest first, the top bit says that more follow. */
function objectHead(kind: ObjectKind, size: number): Buffer {
  const bytes = [(KINDS[kind] << 4) | (size & 15)];
  for (let rest = Math.floor(size / 16); rest > 0; rest = Math.floor(rest / 128)) {
    bytes[bytes.length - 1]! |= 128;
    bytes.push(rest & 127);
  }
  return Buffer.from(bytes);
}

function encodeIndex(written: readonly Written[], packChecksum: Buffer): Buffer {
  const sorted = written.toSorted((left, right) => (left.id < right.id ? -1 : 1));
  const numbers = Buffer.alloc(8 + FAN_OUT * 4 + sorted.length * 28);
  numbers.writeUInt32BE(INDEX_MAGIC, 0);
  numbers.writeUInt32BE(VERSION, 4);
  const idsAt = 8 + FAN_OUT * 4;
  const crcsAt = idsAt + sorted.length * 20;
  const offsetsAt = crcsAt + sorted.length * 4;
  const upTo = new Uint32Array(FAN_OUT);
  for (const [index, { id, crc, offset }] of sorted.entries()) {
    upTo[Number.parseInt(id.slice(0, 2), 16)]! += 1;
    numbers.write(id, idsAt + index * 20, 'hex');
    numbers.writeUInt32BE(crc, crcsAt + index * 4);
    numbers.writeUInt32BE(offset, offsetsAt + index * 4);
  }
  let total = 0;
  for (let first = 0; first < FAN_OUT; first += 1) {
    total += upTo[first]!;
    numbers.writeUInt32BE(total, 8 + first * 4);
  }
  const checked = Buffer.concat([numbers, packChecksum]);
  return Buffer.concat([checked, createHash('sha1').update(checked).digest()]);
}
