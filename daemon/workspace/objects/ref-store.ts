/**
 * Names of snapshots and the commits they stand for: one small sealed file, replaced as a whole, so that several names
 * change together or not at all.
 *
 * Contents: the version, a line; then a line `<id> <name>` each, sorted by name.
 */
import { join } from 'node:path';
import type { KeyObject } from 'node:crypto';
import type { ObjectId } from './object.ts';
import { SealedReader } from './sealed-reader.ts';
import { clearLeftovers, SealedWriter } from './sealed-writer.ts';
import { isGone, TamperedFile, TamperedRefs } from './store-errors.ts';
import { makeDirectory, realDisk, type StoreDisk } from './store-disk.ts';

export interface Ref {
  /** Parts of letters, digits, `_` and `-`, joined by `/`, as in `snap/<session>/<turn>-pre`. */
  readonly name: string;
  readonly id: ObjectId;
}

export interface RefChange {
  readonly name: string;
  /** Undefined takes the name away. */
  readonly id: ObjectId | undefined;
}

const FILE = 'refs';
const NAME = /^[A-Za-z0-9_-]+(?:\/[A-Za-z0-9_-]+)*$/;
const ID = /^[0-9a-f]{40}$/;
const LINE = /^([0-9a-f]{40}) ([A-Za-z0-9_/-]+)$/;

export class RefStore {
  readonly #directory: string;
  readonly #key: KeyObject | undefined;
  readonly #disk: StoreDisk;
  #refs: ReadonlyMap<string, ObjectId>;
  #version: number;
  #cleared = false;

  private constructor(directory: string, key: KeyObject | undefined, disk: StoreDisk, contents: Contents) {
    this.#directory = directory;
    this.#key = key;
    this.#disk = disk;
    this.#refs = contents.refs;
    this.#version = contents.version;
  }

  /** @throws TamperedRefs when they do not verify, also under another key than theirs. */
  static open(directory: string, key: KeyObject | undefined, parts: { readonly disk?: StoreDisk } = {}): RefStore {
    const disk = parts.disk ?? realDisk;
    makeDirectory(disk, directory);
    return new RefStore(directory, key, disk, readContents(join(directory, FILE), key));
  }

  /** Writes an empty list where there is none: one that is missing later is lost. @throws StoreFull */
  begin(): void {
    if (this.#version === 0) this.#write({ version: 1, refs: new Map() });
  }

  /** How often they were changed. Whoever keeps it elsewhere sees when an older file was put in place. */
  get version(): number {
    return this.#version;
  }

  get(name: string): ObjectId | undefined {
    return this.#refs.get(name);
  }

  /** Sorted by name. @param prefix a name, for all below it; everything without. */
  list(prefix?: string): readonly Ref[] {
    const refs = [...this.#refs].map(([name, id]) => ({ name, id }));
    return prefix === undefined ? refs : refs.filter(({ name }) => name.startsWith(`${prefix}/`));
  }

  /**
   * All of the changes, durably, or none. Commits are in the store before.
   * @throws RangeError for a name or id that is none, or a name that is both a ref and the beginning of another;
   * StoreFull.
   */
  change(changes: readonly RefChange[]): void {
    if (changes.length === 0) return;
    const refs = new Map(this.#refs);
    for (const { name, id } of changes) {
      if (!NAME.test(name)) throw new RangeError(`${name} is no name for a snapshot`);
      if (id !== undefined && !ID.test(id)) throw new RangeError(`${name} cannot stand for ${id}`);
      if (id === undefined) refs.delete(name);
      else refs.set(name, id);
    }
    const sorted = new Map([...refs].toSorted(([left], [right]) => (left < right ? -1 : 1)));
    refuseNested(sorted);
    this.#write({ version: this.#version + 1, refs: sorted });
  }

  #write({ version, refs }: Contents): void {
    const lines = [...refs].map(([name, id]) => `${id} ${name}\n`);
    if (!this.#cleared) clearLeftovers(this.#disk, this.#directory, 'refs');
    this.#cleared = true;
    const writer = new SealedWriter(this.#disk, this.#directory, 'refs', this.#key);
    try {
      writer.append(Buffer.from(`${version}\n${lines.join('')}`, 'latin1'));
      writer.finish();
      writer.publish(FILE);
    } finally {
      writer.discard();
    }
    this.#refs = refs;
    this.#version = version;
  }
}

interface Contents {
  readonly version: number;
  readonly refs: ReadonlyMap<string, ObjectId>;
}

function readContents(path: string, key: KeyObject | undefined): Contents {
  try {
    const reader = new SealedReader(path, 'refs', key);
    try {
      return parse(reader.read(0, reader.length).toString('latin1'));
    } finally {
      reader.close();
    }
  } catch (error) {
    if (isGone(error)) return { version: 0, refs: new Map() };
    throw error instanceof TamperedFile ? new TamperedRefs(path, error.message) : error;
  }
}

function parse(text: string): Contents {
  const [version, ...lines] = text.trimEnd().split('\n');
  const refs = new Map<string, ObjectId>();
  for (const line of lines) {
    const [, id, name] = LINE.exec(line) ?? [];
    if (id === undefined || name === undefined) throw new TamperedFile('a line is no ref');
    refs.set(name, id);
  }
  return { version: Number(version), refs };
}

/** Git keeps refs as files: `a` and `a/b` cannot both be there. */
function refuseNested(refs: ReadonlyMap<string, ObjectId>): void {
  for (const name of refs.keys()) {
    for (let at = name.indexOf('/'); at >= 0; at = name.indexOf('/', at + 1)) {
      const above = name.slice(0, at);
      if (refs.has(above)) throw new RangeError(`${name} cannot be below ${above}, which is a snapshot itself`);
    }
  }
}
