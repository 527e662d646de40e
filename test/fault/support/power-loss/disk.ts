/** A disk that loses power: what is certain to be on it, what may be, and every file as it may be found afterwards. */
import { dirname } from 'node:path';
import type { Chance } from '../seeded.ts';
import type { TraceEvent } from './trace.ts';

type Change =
  | { readonly kind: 'write'; readonly offset: number; readonly data: Buffer }
  | { readonly kind: 'truncate'; readonly length: number };

/**
 * `pending`: not synced yet. `abandoned`: its fsync failed, after which a kernel takes it for written whether it is or not,
 * so that no later fsync makes it certain.
 */
interface Written {
  readonly change: Change;
  readonly state: 'certain' | 'pending' | 'abandoned';
}

interface Inode {
  durable: Buffer;
  /** What came after, in order; the first one is not certain. */
  written: readonly Written[];
}

/** Names in a directory that were given or taken since its last fsync, in order. */
interface NameChange {
  readonly path: string;
  readonly inode: Inode | 'directory' | null;
}

/**
 * What becomes of what was written and not synced: nothing of it is there, all, some, some of it torn, or any sectors of
 * it; names likewise.
 */
export const FATES = ['none', 'all', 'some', 'torn', 'sectors'] as const;
export type Fate = (typeof FATES)[number];

/** Files by path, relative to the root. */
export type Image = ReadonlyMap<string, Buffer>;

const SECTOR = 512;

export class Disk {
  readonly #root: string;
  readonly #durable = new Map<string, Inode | 'directory'>();
  readonly #names: NameChange[] = [];
  /** The names as the process sees them. */
  readonly #current = new Map<string, Inode | 'directory'>();
  readonly #open = new Map<number, { inode: Inode | undefined; path: string; position: number }>();

  /**
   * @param root a directory that is there.
   * @param files what is in it.
   */
  constructor(root: string, files: Image) {
    this.#root = root;
    this.#durable.set(root, 'directory');
    for (const [name, durable] of files) this.#durable.set(`${root}/${name}`, { durable, written: [] });
    for (const [path, inode] of this.#durable) this.#current.set(path, inode);
  }

  /** @returns whether anything on the disk has changed. */
  apply(event: TraceEvent): boolean {
    switch (event.kind) {
      case 'open':
        return this.#opened(event);
      case 'close':
        this.#open.delete(event.fd);
        return false;
      case 'write':
        return this.#written(event);
      case 'truncate':
        append(this.#open.get(event.fd)?.inode, { kind: 'truncate', length: event.length });
        return true;
      case 'sync':
        return this.#synced(event.fd, event.failed);
      case 'mkdir':
        return this.#name(event.path, 'directory');
      case 'unlink':
        return this.#name(event.path, null);
      case 'link':
        return this.#name(event.to, this.#current.get(event.from) ?? null);
      case 'rename':
        this.#name(event.to, this.#current.get(event.from) ?? null);
        return this.#name(event.from, null);
      case 'unknown':
        if (this.#open.has(event.fd)) throw new Error(`the model of the disk does not know ${event.name}`);
        return false;
    }
  }

  /** The disk as it may be found when the power goes now. */
  image(fate: Fate, chance: Chance): Image {
    const names = new Map(this.#durable);
    for (const { path, inode } of this.#names) {
      if (fate === 'none' || (fate !== 'all' && chance.percent(50))) continue;
      if (inode === null) names.delete(path);
      else names.set(path, inode);
    }
    const image = new Map<string, Buffer>();
    for (const [path, inode] of names) {
      if (inode === 'directory' || !names.has(dirname(path))) continue;
      image.set(path.slice(this.#root.length + 1), contentOf(inode, fate, chance));
    }
    return image;
  }

  #opened({ fd, path, create, empty }: TraceEvent & { kind: 'open' }): boolean {
    this.#open.delete(fd);
    if (!isBelow(path, this.#root)) return false;
    const existing = this.#current.get(path);
    if (existing === 'directory') {
      this.#open.set(fd, { inode: undefined, path, position: 0 });
      return false;
    }
    const inode = existing ?? { durable: Buffer.alloc(0), written: [] };
    this.#open.set(fd, { inode, path, position: 0 });
    if (existing === undefined && create) return this.#name(path, inode);
    if (empty) append(inode, { kind: 'truncate', length: 0 });
    return empty;
  }

  #written({ fd, data, offset }: TraceEvent & { kind: 'write' }): boolean {
    const file = this.#open.get(fd);
    if (file?.inode === undefined) return false;
    const at = offset ?? file.position;
    if (offset === undefined) file.position += data.length;
    append(file.inode, { kind: 'write', offset: at, data });
    return true;
  }

  /** The sync of a file says nothing about its name, and that of a directory nothing about its files. */
  #synced(fd: number, failed: boolean): boolean {
    const file = this.#open.get(fd);
    if (file === undefined) return false;
    if (file.inode !== undefined) {
      settle(file.inode, failed ? 'abandoned' : 'certain');
      return true;
    }
    if (failed) return false;
    const mine = this.#names.filter(({ path }) => dirname(path) === file.path);
    for (const { path, inode } of mine) {
      if (inode === null) this.#durable.delete(path);
      else this.#durable.set(path, inode);
      this.#names.splice(
        this.#names.findIndex((change) => change.path === path && change.inode === inode),
        1,
      );
    }
    return mine.length > 0;
  }

  #name(path: string, inode: Inode | 'directory' | null): boolean {
    if (!isBelow(path, this.#root)) return false;
    if (inode === null) this.#current.delete(path);
    else this.#current.set(path, inode);
    this.#names.push({ path, inode });
    return true;
  }
}

function isBelow(path: string, root: string): boolean {
  return path === root || path.startsWith(`${root}/`);
}

function append(inode: Inode | undefined, change: Change): void {
  if (inode !== undefined) inode.written = [...inode.written, { change, state: 'pending' }];
}

function settle(inode: Inode, fate: 'certain' | 'abandoned'): void {
  const all = inode.written.map((one): Written => (one.state === 'pending' ? { ...one, state: fate } : one));
  const doubtful = all.findIndex(({ state }) => state !== 'certain');
  const end = doubtful === -1 ? all.length : doubtful;
  inode.durable = all.slice(0, end).reduce((content, { change }) => changed(content, change), inode.durable);
  inode.written = all.slice(end);
}

function contentOf(inode: Inode, fate: Fate, chance: Chance): Buffer {
  const past = inode.written.filter(({ state }) => state !== 'pending');
  const kept = past.filter(
    ({ state }) => state === 'certain' || fate === 'all' || (fate !== 'none' && chance.percent(50)),
  );
  const pending = inode.written.filter(({ state }) => state === 'pending').map(({ change }) => change);
  const content = kept.reduce((before, { change }) => changed(before, change), inode.durable);
  return survivors(pending, fate, chance).reduce(changed, content);
}

/** Writes reach the disk in any order. */
function survivors(pending: readonly Change[], fate: Fate, chance: Chance): Change[] {
  if (fate === 'none') return [];
  if (fate === 'all') return [...pending];
  if (fate === 'sectors') return pending.flatMap((change) => sectorsOf(change).filter(() => chance.percent(50)));
  const some = shuffled(
    pending.filter(() => chance.percent(50)),
    chance,
  );
  const torn = fate === 'torn' ? some.findIndex(({ kind }) => kind === 'write') : -1;
  return some.map((change, index) => (index === torn ? tornOff(change, chance) : change));
}

function tornOff(change: Change, chance: Chance): Change {
  if (change.kind === 'truncate') return change;
  const end = Math.floor((change.offset + chance.between(0, change.data.length)) / SECTOR) * SECTOR;
  return { ...change, data: change.data.subarray(0, Math.max(0, end - change.offset)) };
}

function sectorsOf(change: Change): Change[] {
  if (change.kind === 'truncate') return [change];
  const { offset, data } = change;
  const sectors: Change[] = [];
  for (let from = offset; from < offset + data.length;) {
    const to = Math.min((Math.floor(from / SECTOR) + 1) * SECTOR, offset + data.length);
    sectors.push({ kind: 'write', offset: from, data: data.subarray(from - offset, to - offset) });
    from = to;
  }
  return sectors;
}

function changed(content: Buffer, change: Change): Buffer {
  if (change.kind === 'truncate') {
    return change.length <= content.length
      ? content.subarray(0, change.length)
      : Buffer.concat([content, Buffer.alloc(change.length - content.length)]);
  }
  const { offset, data } = change;
  const grown = Buffer.alloc(Math.max(content.length, offset + data.length));
  content.copy(grown);
  data.copy(grown, offset);
  return grown;
}

function shuffled<T>(values: readonly T[], chance: Chance): T[] {
  return values
    .map((value) => ({ value, place: chance.next() }))
    .sort((left, right) => left.place - right.place)
    .map(({ value }) => value);
}
