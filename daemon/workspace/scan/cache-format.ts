/** Nodes as bytes and back. Numbers are little-endian; names are preceded by their length. */
import type { TreeMode } from '../objects/tree-format.ts';
import type { DirectoryNode } from './directory-node.ts';
import type { SkipReason } from './scan-result.ts';
import { STAMP } from './stamp.ts';

const ID_BYTES = 20;
const NO_ID = '0'.repeat(2 * ID_BYTES);
const FIRST_BYTES = 2 ** 20;
const HIDES = 1;
const CLOSED = 2;
const REPOSITORY = 4;
const RULES = 8;

export function encodeNodes(root: DirectoryNode): Buffer {
  const writer = new ByteWriter();
  writeNode(writer, root);
  return writer.bytes();
}

/** @throws RangeError when the bytes end too soon. */
export function decodeNodes(bytes: Buffer): DirectoryNode {
  return readNode(new ByteReader(bytes));
}

function writeNode(to: ByteWriter, node: DirectoryNode): void {
  to.floats(node.stamp);
  to.text(node.rulesKey);
  to.number(flagsOf(node));
  if (node.ruleText !== undefined) {
    to.floats(node.ruleText.stamp);
    to.text(node.ruleText.text);
  }
  to.text(node.refusal ?? '');
  to.id(node.tree);
  to.number(node.names.length);
  for (const name of node.names) to.text(name);
  to.floats(node.stamps);
  for (const id of node.ids) to.id(id === '' ? NO_ID : id);
  for (const mode of node.modes) to.number(mode);
  to.number(node.skips?.size ?? 0);
  for (const [name, reason] of node.skips ?? []) {
    to.text(name);
    to.text(reason);
  }
  to.number(node.childNames.length);
  for (const name of node.childNames) to.text(name);
  for (const child of node.children) writeNode(to, child);
}

function flagsOf({ hides, isClosed, isRepository, ruleText }: DirectoryNode): number {
  return (
    (hides ? HIDES : 0) |
    (isClosed ? CLOSED : 0) |
    (isRepository ? REPOSITORY : 0) |
    (ruleText === undefined ? 0 : RULES)
  );
}

function readNode(from: ByteReader): DirectoryNode {
  const stamp = from.floats(STAMP);
  const rulesKey = from.text();
  const flags = from.number();
  const ruleText = (flags & RULES) === 0 ? undefined : { stamp: from.floats(STAMP), text: from.text() };
  const refusal = from.text();
  const tree = from.id();
  const count = from.number();
  const names = from.several(count, () => from.text());
  const stamps = from.floats(count * STAMP);
  const ids = from.several(count, () => from.id()).map((id) => (id === NO_ID ? '' : id));
  const modes = from.several(count, () => from.number() as TreeMode);
  const skips = new Map(from.several(from.number(), () => [from.text(), from.text() as SkipReason] as const));
  const childNames = from.several(from.number(), () => from.text());
  const children = childNames.map(() => readNode(from));
  return {
    stamp,
    rulesKey,
    hides: (flags & HIDES) !== 0,
    isClosed: (flags & CLOSED) !== 0,
    isRepository: (flags & REPOSITORY) !== 0,
    ruleText,
    refusal: refusal === '' ? undefined : (refusal as SkipReason),
    names,
    stamps,
    ids,
    modes,
    skips: skips.size === 0 ? undefined : skips,
    childNames,
    children,
    tree,
  };
}

class ByteWriter {
  #bytes = Buffer.allocUnsafe(FIRST_BYTES);
  #length = 0;

  bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  number(value: number): void {
    this.#length = this.#room(4).writeUInt32LE(value, this.#length);
  }

  text(value: string): void {
    this.number(value.length);
    this.#length += this.#room(value.length).write(value, this.#length, 'latin1');
  }

  id(value: string): void {
    this.#length += this.#room(ID_BYTES).write(value, this.#length, 'hex');
  }

  floats(values: Float64Array): void {
    const raw = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
    this.#length += raw.copy(this.#room(raw.length), this.#length);
  }

  #room(length: number): Buffer {
    if (this.#length + length > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + length));
      this.#bytes.copy(larger, 0, 0, this.#length);
      this.#bytes = larger;
    }
    return this.#bytes;
  }
}

class ByteReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  number(): number {
    return this.#bytes.readUInt32LE(this.#take(4));
  }

  text(): string {
    const length = this.number();
    const at = this.#take(length);
    return this.#bytes.toString('latin1', at, at + length);
  }

  id(): string {
    const at = this.#take(ID_BYTES);
    return this.#bytes.toString('hex', at, at + ID_BYTES);
  }

  floats(count: number): Float64Array {
    const length = count * Float64Array.BYTES_PER_ELEMENT;
    const at = this.#take(length);
    const values = new Float64Array(count);
    Buffer.from(values.buffer).set(this.#bytes.subarray(at, at + length));
    return values;
  }

  several<T>(count: number, read: () => T): T[] {
    const values: T[] = [];
    for (let left = count; left > 0; left -= 1) values.push(read());
    return values;
  }

  #take(length: number): number {
    const at = this.#at;
    if (at + length > this.#bytes.length) throw new RangeError('the cache ends too soon');
    this.#at = at + length;
    return at;
  }
}
