/**
 * Where every object of a side repository is: columns of numbers and a hash table over them, about 50 bytes an object.
 *
 * An id may be there more than once, in several packs; hidden entries are passed over.
 */
import type { ObjectId, ObjectKind } from './object.ts';

const ID_BYTES = 20;
const ID_WORDS = 5;
const KINDS: readonly ObjectKind[] = ['blob', 'tree', 'commit'];
const KIND_BITS = 3;
const DEFLATED_BIT = 4;
const HIDDEN_BIT = 8;
const DAMAGED_BIT = 16;
const TRIED_BIT = 32;
/** What a pack says of an object; the rest is known in memory only. */
const FORM_BITS = KIND_BITS | DEFLATED_BIT | TRIED_BIT;
/** Id, bytes in the pack, bytes of the body, form. */
const RECORD_BYTES = ID_BYTES + 4 + 4 + 1;

/** An object as a pack holds it. */
export interface Placed {
  readonly kind: ObjectKind;
  /** Compressed with zlib, otherwise as it is. */
  readonly deflated: boolean;
  /** Compressing it was tried; whether that made it smaller, `deflated` says. */
  readonly tried: boolean;
  /** Where it begins in the contents of its pack. */
  readonly offset: number;
  /** Bytes in the pack. */
  readonly stored: number;
  /** Bytes of the body. */
  readonly size: number;
}

/** How many bytes a pack's list of `count` objects has. */
export function recordBytes(count: number): number {
  return count * RECORD_BYTES;
}

export class ObjectTable {
  #count = 0;
  #capacity = 0;
  #ids = Buffer.alloc(0);
  #words = new Uint32Array(0);
  #packs = new Uint32Array(0);
  #offsets = new Uint32Array(0);
  #stored = new Uint32Array(0);
  #sizes = new Uint32Array(0);
  #forms = new Uint8Array(0);
  /** Entry number plus one; 0 is free. */
  #slots = new Uint32Array(0);
  readonly #sought = Buffer.from(new ArrayBuffer(ID_BYTES));
  readonly #soughtWords = new Uint32Array(this.#sought.buffer);

  get count(): number {
    return this.#count;
  }

  /** Makes room for so many more at once. */
  reserve(more: number): void {
    if (this.#count + more > this.#capacity) this.#grow(this.#count + more);
  }

  /** @param damaged also look among those that were found damaged. @returns the number of an entry, -1 if none. */
  find(id: ObjectId, damaged = false): number {
    if (this.#count === 0 || this.#sought.write(id, 0, ID_BYTES, 'hex') !== ID_BYTES) return -1;
    const passed = damaged ? HIDDEN_BIT : HIDDEN_BIT | DAMAGED_BIT;
    const mask = this.#slots.length - 1;
    for (let slot = this.#soughtWords[0]! & mask; ; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot]! - 1;
      if (entry < 0) return -1;
      if ((this.#forms[entry]! & passed) === 0 && this.#isSought(entry)) return entry;
    }
  }

  add(id: ObjectId, pack: number, placed: Placed): void {
    this.#sought.write(id, 0, ID_BYTES, 'hex');
    const { kind, deflated, tried } = placed;
    const form = KINDS.indexOf(kind) | (deflated ? DEFLATED_BIT : 0) | (tried ? TRIED_BIT : 0);
    this.#add(pack, placed.offset, placed.stored, placed.size, form);
  }

  /** Takes over entries of another table as those of `pack`. @returns the number of the first. */
  addAll(from: ObjectTable, first: number, count: number, pack: number): number {
    const start = this.#count;
    this.reserve(count);
    for (let entry = first; entry < first + count; entry += 1) {
      from.#ids.copy(this.#sought, 0, entry * ID_BYTES, (entry + 1) * ID_BYTES);
      this.#add(pack, from.#offsets[entry]!, from.#stored[entry]!, from.#sizes[entry]!, from.#forms[entry]!);
    }
    return start;
  }

  /** Bytes in its pack, with its line in the pack's list. */
  costAt(entry: number): number {
    return this.#stored[entry]! + RECORD_BYTES;
  }

  isHidden(entry: number): boolean {
    return (this.#forms[entry]! & HIDDEN_BIT) !== 0;
  }

  idAt(entry: number): ObjectId {
    return this.#ids.toString('hex', entry * ID_BYTES, (entry + 1) * ID_BYTES);
  }

  packAt(entry: number): number {
    return this.#packs[entry]!;
  }

  placedAt(entry: number): Placed {
    const form = this.#forms[entry]!;
    return {
      kind: KINDS[form & KIND_BITS]!,
      deflated: (form & DEFLATED_BIT) !== 0,
      tried: (form & TRIED_BIT) !== 0,
      offset: this.#offsets[entry]!,
      stored: this.#stored[entry]!,
      size: this.#sizes[entry]!,
    };
  }

  /** It counts as missing from now on, so that a later snapshot can bring it again. @returns false when it did already. */
  markDamaged(entry: number): boolean {
    const form = this.#forms[entry]!;
    this.#forms[entry] = form | DAMAGED_BIT;
    return (form & DAMAGED_BIT) === 0;
  }

  /** They are not found any more. */
  hide(first: number, count: number): void {
    for (let entry = first; entry < first + count; entry += 1) this.#forms[entry]! |= HIDDEN_BIT;
  }

  /** The list of objects that ends a pack: id 20, bytes in the pack 4, bytes of the body 4, form 1; in pack order. */
  encodeRecords(first: number, count: number): Buffer {
    const records = Buffer.allocUnsafe(recordBytes(count));
    let at = 0;
    for (let entry = first; entry < first + count; entry += 1) {
      at += this.#ids.copy(records, at, entry * ID_BYTES, (entry + 1) * ID_BYTES);
      at = records.writeUInt32BE(this.#stored[entry]!, at);
      at = records.writeUInt32BE(this.#sizes[entry]!, at);
      at = records.writeUInt8(this.#forms[entry]! & FORM_BITS, at);
    }
    return records;
  }

  /** @returns the bytes that these objects take in their pack, one after the other. */
  addRecords(records: Buffer): number {
    this.reserve(records.length / RECORD_BYTES);
    let offset = 0;
    for (let at = 0; at < records.length; at += RECORD_BYTES) {
      records.copy(this.#sought, 0, at, at + ID_BYTES);
      const stored = records.readUInt32BE(at + ID_BYTES);
      this.#add(0, offset, stored, records.readUInt32BE(at + ID_BYTES + 4), records[at + ID_BYTES + 8]! & FORM_BITS);
      offset += stored;
    }
    return offset;
  }

  #add(pack: number, offset: number, stored: number, size: number, form: number): void {
    this.reserve(1);
    const entry = this.#count;
    this.#words.set(this.#soughtWords, entry * ID_WORDS);
    this.#packs[entry] = pack;
    this.#offsets[entry] = offset;
    this.#stored[entry] = stored;
    this.#sizes[entry] = size;
    this.#forms[entry] = form;
    this.#count += 1;
    this.#place(entry);
  }

  #isSought(entry: number): boolean {
    const at = entry * ID_WORDS;
    for (let word = 0; word < ID_WORDS; word += 1) {
      if (this.#words[at + word] !== this.#soughtWords[word]) return false;
    }
    return true;
  }

  #place(entry: number): void {
    const mask = this.#slots.length - 1;
    let slot = this.#words[entry * ID_WORDS]! & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = entry + 1;
  }

  #grow(needed: number): void {
    this.#capacity = Math.max(needed, Math.ceil(this.#capacity * 1.25), 64);
    this.#words = grown(this.#words, this.#capacity * ID_WORDS);
    this.#ids = Buffer.from(this.#words.buffer);
    this.#packs = grown(this.#packs, this.#capacity);
    this.#offsets = grown(this.#offsets, this.#capacity);
    this.#stored = grown(this.#stored, this.#capacity);
    this.#sizes = grown(this.#sizes, this.#capacity);
    const forms = new Uint8Array(this.#capacity);
    forms.set(this.#forms);
    this.#forms = forms;
    const slots = 2 ** Math.ceil(Math.log2(this.#capacity * 1.25));
    if (slots === this.#slots.length) return;
    this.#slots = new Uint32Array(slots);
    for (let entry = 0; entry < this.#count; entry += 1) this.#place(entry);
  }
}

function grown(column: Uint32Array, length: number): Uint32Array<ArrayBuffer> {
  const longer = new Uint32Array(length);
  longer.set(column);
  return longer;
}
