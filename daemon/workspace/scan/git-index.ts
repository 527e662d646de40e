/**
 * The paths in an index of git, and nothing else of it (git's Documentation/gitformat-index.txt, versions 2, 3 and 4).
 *
 * What a person has added is theirs to lose, also when a rule ignores it.
 */
import { hash } from 'node:crypto';
import { toBytes, type ByteText } from '../byte-text.ts';

const SIGNATURE = 'DIRC';
const HEADER_BYTES = 12;
/** Ten 32-bit fields of stat data before the object id, and 16 bits of flags after it. */
const STAT_BYTES = 40;
const EXTENDED = 0x40_00;
const LINK = 'link';

/** Sorted by bytes, for looking up paths and directories. */
export class TrackedPaths {
  static readonly NONE = new TrackedPaths(Buffer.alloc(0), new Uint32Array(1));
  /** Tells lists apart. */
  readonly digest: string;
  readonly #text: Buffer;
  /** Where each path begins; one more for the end of the last. */
  readonly #starts: Uint32Array;

  constructor(text: Buffer, starts: Uint32Array) {
    this.#text = text;
    this.#starts = starts;
    this.digest = text.length === 0 ? '' : hash('sha1', text, 'hex');
  }

  /** @param path from the top of the repository. */
  has(path: ByteText): boolean {
    const wanted = toBytes(path);
    const at = this.#firstFrom(wanted);
    return at < this.#starts.length - 1 && this.#path(at).equals(wanted);
  }

  /** Whether something below that directory is in the index. */
  holdsBelow(path: ByteText): boolean {
    const wanted = toBytes(`${path}/`);
    const at = this.#firstFrom(wanted);
    return at < this.#starts.length - 1 && this.#path(at).subarray(0, wanted.length).equals(wanted);
  }

  #path(index: number): Buffer {
    return this.#text.subarray(this.#starts[index], this.#starts[index + 1]);
  }

  #firstFrom(wanted: Buffer): number {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#path(middle).compare(wanted) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

export interface IndexContent {
  readonly paths: PathList;
  /** Name of the index that this one adds to: `sharedindex.<shared>` beside it. */
  readonly shared: string | undefined;
}

/** @throws RangeError when the bytes are no index that we know. */
export function parseIndex(bytes: Buffer): IndexContent {
  const idBytes = hashLength(bytes);
  if (bytes.toString('latin1', 0, 4) !== SIGNATURE) throw new RangeError('the index has another signature');
  const version = bytes.readUInt32BE(4);
  if (version < 2 || version > 4) throw new RangeError(`the index has version ${version}`);
  const count = bytes.readUInt32BE(8);
  if (count > bytes.length / STAT_BYTES) throw new RangeError('the index has more entries than bytes');
  const paths = new PathList(count, bytes.length);
  let at = HEADER_BYTES;
  for (let left = count; left > 0; left -= 1) {
    const start = at;
    const flags = bytes.readUInt16BE(at + STAT_BYTES + idBytes);
    at += STAT_BYTES + idBytes + ((flags & EXTENDED) === 0 ? 2 : 4);
    let stripped = Number.POSITIVE_INFINITY;
    if (version === 4) ({ value: stripped, next: at } = readOffset(bytes, at));
    const end = bytes.indexOf(0, at);
    if (end < 0 || end > bytes.length - idBytes) throw new RangeError('the index ends within an entry');
    paths.add(bytes, at, end, stripped);
    // Up to version 3, entries are padded with one to eight zeros to a multiple of eight bytes.
    at = version === 4 ? end + 1 : start + ((end - start + 8) & ~7);
  }
  return { paths, shared: sharedIndex(bytes, at, idBytes) };
}

/** @param shared of the index that the other one adds to. */
export function trackedPaths(list: PathList, shared?: PathList): TrackedPaths {
  if (shared === undefined) return new TrackedPaths(list.text(), list.starts());
  const paths = [...list.each(), ...shared.each()].toSorted((a, b) => a.compare(b));
  const both = new PathList(paths.length, 1);
  for (const path of paths) both.add(path, 0, path.length, Number.POSITIVE_INFINITY);
  return new TrackedPaths(both.text(), both.starts());
}

/** Paths one after the other: an object for each would cost more than all that is in it. */
class PathList {
  #text: Buffer;
  readonly #starts: Uint32Array;
  #count = 0;
  #length = 0;
  #previous = 0;

  constructor(count: number, bytes: number) {
    this.#text = Buffer.allocUnsafe(bytes);
    this.#starts = new Uint32Array(count + 1);
  }

  /** @param stripped bytes at the end of the path before that this one does not begin with. @throws RangeError */
  add(bytes: Buffer, from: number, to: number, stripped: number): void {
    const start = this.#length;
    const before = start - this.#previous;
    if (Number.isFinite(stripped) && stripped > before) throw new RangeError('the index strips more than there is');
    const kept = Math.max(0, before - stripped);
    this.#reserve(kept + to - from);
    this.#text.copyWithin(start, this.#previous, this.#previous + kept);
    this.#length += kept + bytes.copy(this.#text, start + kept, from, to);
    this.#previous = start;
    // In a split index an entry without a name stands for one of the shared index.
    if (this.#length === start) return;
    this.#starts[this.#count] = start;
    this.#count += 1;
  }

  text(): Buffer {
    return Buffer.from(this.#text.subarray(0, this.#length));
  }

  starts(): Uint32Array {
    this.#starts[this.#count] = this.#length;
    return this.#starts.slice(0, this.#count + 1);
  }

  *each(): Iterable<Buffer> {
    const starts = this.starts();
    for (let index = 0; index < this.#count; index += 1) yield this.#text.subarray(starts[index], starts[index + 1]);
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#text.length) return;
    const larger = Buffer.allocUnsafe((this.#length + bytes) * 2);
    this.#text.copy(larger, 0, 0, this.#length);
    this.#text = larger;
  }
}

/** SHA-1 or SHA-256, told by the checksum at the end, which git leaves zero when `index.skipHash` is set. */
function hashLength(bytes: Buffer): number {
  for (const [algorithm, length] of [
    ['sha1', 20],
    ['sha256', 32],
  ] as const) {
    if (bytes.length < HEADER_BYTES + length) break;
    const sum = bytes.subarray(-length);
    if (sum.equals(hash(algorithm, bytes.subarray(0, -length), 'buffer'))) return length;
  }
  if (bytes.length >= HEADER_BYTES + 20 && bytes.subarray(-20).every((byte) => byte === 0)) return 20;
  throw new RangeError('the checksum of the index does not fit');
}

/** Extensions follow the entries: four letters, a length, as many bytes. */
function sharedIndex(bytes: Buffer, start: number, idBytes: number): string | undefined {
  for (let at = start; at + 8 <= bytes.length - idBytes;) {
    const length = bytes.readUInt32BE(at + 4);
    if (bytes.toString('latin1', at, at + 4) === LINK && length >= idBytes) {
      const id = bytes.subarray(at + 8, at + 8 + idBytes);
      return id.every((byte) => byte === 0) ? undefined : id.toString('hex');
    }
    at += 8 + length;
  }
  return undefined;
}

/** A number in groups of seven bits, highest first, each but the last plus one (git's pack format, offsets). */
function readOffset(bytes: Buffer, start: number): { value: number; next: number } {
  let at = start;
  let byte = bytes.readUInt8(at);
  let value = byte & 0x7f;
  while (byte >= 0x80) {
    at += 1;
    byte = bytes.readUInt8(at);
    value = (value + 1) * 128 + (byte & 0x7f);
    if (value > bytes.length) throw new RangeError('the index strips more than there is');
  }
  return { value, next: at + 1 };
}
