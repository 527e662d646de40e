/** A side repository whose snapshots are known file by file, and what has to be true of it after any clearing up. */
import type { KeyObject } from 'node:crypto';
import { expect } from 'vitest';
import type { ObjectId } from '../../../../../daemon/workspace/objects/object.ts';
import type { BatchMode } from '../../../../../daemon/workspace/objects/object-batch.ts';
import { ObjectStore, type StoreLimits } from '../../../../../daemon/workspace/objects/object-store.ts';
import { reachable, readCommit, readTree } from '../../../../../daemon/workspace/objects/object-walk.ts';
import { RefStore } from '../../../../../daemon/workspace/objects/ref-store.ts';
import type { StoreDisk } from '../../../../../daemon/workspace/objects/store-disk.ts';
import { DIRECTORY } from '../../../../../daemon/workspace/objects/tree-format.ts';
import { prune, type PruneParts, type PruneReport } from '../../../../../daemon/workspace/prune/prune.ts';
import { writeSnapshot } from '../../objects/support/side.ts';

export type Files = Readonly<Record<string, Buffer>>;

export interface Opened {
  readonly store: ObjectStore;
  readonly refs: RefStore;
}

export function open(
  directory: string,
  key: KeyObject | undefined,
  parts: { readonly disk?: StoreDisk; readonly limits?: Partial<StoreLimits> } = {},
): Opened {
  return { store: ObjectStore.open(directory, key, parts), refs: RefStore.open(directory, key, parts) };
}

/** Takes a snapshot in a pack of its own. @returns its commit. */
export function take({ store, refs }: Opened, name: string, files: Files, mode: BatchMode = 'compressed'): ObjectId {
  const batch = store.begin(mode);
  try {
    const id = writeSnapshot(batch, files);
    batch.commit();
    refs.change([{ name, id }]);
    return id;
  } finally {
    batch.abandon();
  }
}

export function partsOf(opened: Opened, more: Partial<PruneParts> = {}): PruneParts {
  return {
    ...opened,
    held: () => [],
    expired: [],
    spare: [],
    maxBytes: Infinity,
    thorough: false,
    dryRun: false,
    ...more,
  };
}

export function pruneNow(opened: Opened, more: Partial<PruneParts> = {}): PruneReport {
  return prune(partsOf(opened, more)).finish();
}

export function filesOf({ store }: Opened, commit: ObjectId): Files {
  const entries = readTree(store, readCommit(store, commit).tree).filter(({ mode }) => mode !== DIRECTORY);
  return Object.fromEntries(entries.map(({ name, id }) => [name, store.read(id).body]));
}

export function packBytes({ store }: Opened): number {
  return store.packs().reduce((total, { bytes }) => total + bytes, 0);
}

/** Names and files are those expected, and whoever finds an object finds everything below it. */
export function expectWhole(opened: Opened, expected: ReadonlyMap<string, Files>): void {
  const { refs } = opened;
  expect(refs.list().map(({ name }) => name)).toEqual([...expected.keys()].toSorted());
  for (const { name, id } of refs.list()) {
    const files = filesOf(opened, id);
    expect(Object.keys(files)).toEqual(Object.keys(expected.get(name) ?? {}).toSorted());
    for (const [path, body] of Object.entries(expected.get(name) ?? {})) {
      if (files[path]?.equals(body) !== true) expect.fail(`${path} of ${name} is other bytes`);
    }
  }
  expectClosed(opened);
}

/** Whoever finds an object finds everything below it. */
export function expectClosed({ store }: Opened): void {
  const found = new Set<ObjectId>();
  for (const { name } of store.packs()) for (const { id } of store.objectsOf(name)) found.add(id);
  for (const id of reachable(store, found)) store.read(id);
}
