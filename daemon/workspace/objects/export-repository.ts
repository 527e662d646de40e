/** A plain bare repository of all snapshots, for whoever wants to go on with git. */
import { randomBytes } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { CONFIG_FILE, HEAD_FILE, packedRefs } from './git-file-system.ts';
import { GitPackWriter, mostPackedBytes, writeDurably } from './git-pack-writer.ts';
import type { ObjectId, ObjectSource } from './object.ts';
import { reachable } from './object-walk.ts';
import type { Ref } from './ref-store.ts';
import { DestinationNotEmpty, ExportStopped, isNotEmpty, orStoreFull } from './store-errors.ts';
import { realDisk } from './store-disk.ts';

export interface ExportReport {
  readonly objects: number;
  /** Bytes of packs and their indexes. */
  readonly bytes: number;
  readonly refs: number;
}

interface Sized extends ObjectSource {
  sizeOf(id: ObjectId): number | undefined;
}

/** isomorphic-git does not read offsets of 64 bits, which longer packs need. */
const MOST_PACK_BYTES = 1024 * 1024 * 1024;

/**
 * Writes what the refs reach, decrypted, for its user alone (0700, 0600). Everything is durable when it returns; when it
 * fails nothing is left.
 * @param destination a path that does not exist yet, or an empty directory.
 * @param packBytes how long a pack may become.
 * @throws DestinationNotEmpty, MissingObject, TamperedObject, StoreFull, ExportStopped
 */
export function exportRepository(
  store: Sized,
  refs: { list(): readonly Ref[] },
  destination: string,
  signal: { readonly aborted: boolean },
  packBytes = MOST_PACK_BYTES,
): ExportReport {
  const target = resolve(destination);
  refuseOccupied(target);
  const listed = refs.list();
  const above = dirname(target);
  const unfinished = `${target}.part-${randomBytes(6).toString('hex')}`;
  return orStoreFull(above, 'the export', () => {
    mkdirSync(above, { recursive: true });
    try {
      makeDirectories(unfinished);
      const report = {
        ...writeObjects(store, listed, join(unfinished, PACKS), signal, packBytes),
        refs: listed.length,
      };
      writeDurably(join(unfinished, 'config'), CONFIG_FILE);
      writeDurably(join(unfinished, 'packed-refs'), packedRefs(listed));
      writeDurably(join(unfinished, 'HEAD'), HEAD_FILE);
      for (const directory of DIRECTORIES.toReversed()) realDisk.syncDirectory(join(unfinished, directory));
      putInPlace(unfinished, target);
      realDisk.syncDirectory(above);
      return report;
    } finally {
      rmSync(unfinished, { recursive: true, force: true });
    }
  });
}

const PACKS = join('objects', 'pack');
const DIRECTORIES = ['.', 'refs', join('refs', 'heads'), 'objects', join('objects', 'info'), PACKS];

function refuseOccupied(target: string): void {
  const stats = lstatSync(target, { throwIfNoEntry: false });
  if (stats === undefined) return;
  if (!stats.isDirectory() || readdirSync(target).length > 0) throw new DestinationNotEmpty(target);
}

function makeDirectories(root: string): void {
  for (const directory of DIRECTORIES) mkdirSync(join(root, directory), { mode: 0o700 });
}

function writeObjects(
  store: Sized,
  refs: readonly Ref[],
  directory: string,
  signal: { readonly aborted: boolean },
  packBytes: number,
): { objects: number; bytes: number } {
  const ids = reachable(store, new Set(refs.map(({ id }) => id)));
  let bytes = 0;
  for (const part of parts(store, ids, packBytes)) {
    const writer = new GitPackWriter(directory, part.length);
    try {
      for (const id of part) {
        if (signal.aborted) throw new ExportStopped();
        writer.add(id, store.read(id));
      }
      bytes += writer.finish();
    } finally {
      writer.close();
    }
  }
  return { objects: ids.size, bytes };
}

/** Ids of one pack after the other: how many objects it has stands at its beginning. */
function* parts(store: Sized, ids: Iterable<ObjectId>, packBytes: number): Iterable<readonly ObjectId[]> {
  let part: ObjectId[] = [];
  let bytes = 0;
  for (const id of ids) {
    const most = mostPackedBytes(store.sizeOf(id) ?? 0);
    if (part.length > 0 && bytes + most > packBytes) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(id);
    bytes += most;
  }
  if (part.length > 0) yield part;
}

function putInPlace(unfinished: string, target: string): void {
  try {
    renameSync(unfinished, target);
  } catch (error) {
    throw isNotEmpty(error) ? new DestinationNotEmpty(target) : error;
  }
}
