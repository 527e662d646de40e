/**
 * Trees and commits that are not there any more although their pack is. Something below them may be gone, so they must
 * not be taken for whole: a list beside the packs says so for good. Blobs need none, because nothing is below them.
 *
 * Contents: a line each, `<pack> <place in its list> <place> …`.
 */
import type { KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { isPackName } from './pack-files.ts';
import { SealedReader } from './sealed-reader.ts';
import { SealedWriter } from './sealed-writer.ts';
import type { StoreDisk } from './store-disk.ts';
import { isGone, TamperedFile } from './store-errors.ts';

const FILE = 'hidden';

/** Places in the list of a pack, from 0. */
export type HiddenPlaces = ReadonlyMap<string, readonly number[]>;

export class HiddenList {
  readonly #directory: string;
  readonly #key: KeyObject | undefined;
  readonly #disk: StoreDisk;
  #places: HiddenPlaces = new Map();

  constructor(directory: string, key: KeyObject | undefined, disk: StoreDisk) {
    this.#directory = directory;
    this.#key = key;
    this.#disk = disk;
  }

  /** @returns why it does not verify: what it hid is there again, until somebody looks what is needed. */
  load(): string | undefined {
    this.#places = new Map();
    try {
      const reader = new SealedReader(join(this.#directory, FILE), 'hidden', this.#key);
      try {
        this.#places = parse(reader.read(0, reader.length).toString('latin1'));
      } finally {
        reader.close();
      }
    } catch (error) {
      if (error instanceof TamperedFile) return error.message;
      if (!isGone(error)) throw error;
    }
    return undefined;
  }

  /** @returns why what is on the disk now is not what is known here. */
  faultOnDisk(): string | undefined {
    const there = new HiddenList(this.#directory, this.#key, this.#disk);
    const reason = there.load();
    if (reason !== undefined) return reason;
    return there.#text() === this.#text() ? undefined : 'it is another one than m works with';
  }

  of(pack: string): readonly number[] {
    return this.#places.get(pack) ?? [];
  }

  /** Durable when it returns. @param isThere which packs still are. @throws StoreFull: nothing has changed then. */
  add(more: HiddenPlaces, isThere: (pack: string) => boolean): void {
    const places = new Map([...this.#places].filter(([pack]) => isThere(pack)));
    for (const [pack, added] of more) {
      if (added.length > 0) places.set(pack, [...new Set([...this.of(pack), ...added])]);
    }
    this.#write(places);
    this.#places = places;
  }

  #text(): string {
    return [...linesOf(this.#places)].join('');
  }

  #write(places: HiddenPlaces): void {
    if (places.size === 0) {
      this.#disk.remove(join(this.#directory, FILE));
      this.#disk.syncDirectory(this.#directory);
      return;
    }
    const writer = new SealedWriter(this.#disk, this.#directory, 'hidden', this.#key);
    try {
      for (const line of linesOf(places)) writer.append(Buffer.from(line, 'latin1'));
      writer.finish();
      writer.publish(FILE);
    } finally {
      writer.discard();
    }
  }
}

function* linesOf(places: HiddenPlaces): Generator<string> {
  for (const [pack, hidden] of places) yield `${pack} ${hidden.join(' ')}\n`;
}

function parse(text: string): HiddenPlaces {
  const places = new Map<string, readonly number[]>();
  for (const line of text.split('\n').filter((each) => each !== '')) {
    const [pack = '', ...numbers] = line.split(' ');
    if (!isPackName(pack)) throw new TamperedFile('a line names no pack');
    places.set(pack, numbers.map(Number));
  }
  return places;
}
