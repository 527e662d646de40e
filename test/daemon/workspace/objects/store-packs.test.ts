import { randomBytes } from 'node:crypto';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ObjectId } from '../../../../daemon/workspace/objects/object.ts';
import { ObjectStore } from '../../../../daemon/workspace/objects/object-store.ts';
import { reachable } from '../../../../daemon/workspace/objects/object-walk.ts';
import { RefStore } from '../../../../daemon/workspace/objects/ref-store.ts';
import { MissingObject } from '../../../../daemon/workspace/objects/store-errors.ts';
import { realDisk, type StoreDisk } from '../../../../daemon/workspace/objects/store-disk.ts';
import { chance, faultLoops } from '../../../fault/support/chance.ts';
import { someKey, temporaryDirectory, writeSnapshot } from './support/side.ts';

/** Moves what `live` names to new packs and removes the old ones. */
function rollUp(store: ObjectStore, live: ReadonlySet<ObjectId>): void {
  const old = store.packs().map(({ name }) => name);
  const batch = store.begin('fast');
  for (const name of old) for (const object of store.objectsOf(name)) if (live.has(object.id)) batch.copy(object);
  batch.commit();
  store.removePacks(old);
}

describe('clearing up', () => {
  test('moves objects as they are and gives the room back', () => {
    const directory = temporaryDirectory();
    const key = someKey();
    const store = ObjectStore.open(directory, key);
    const commits = [1, 2, 3, 4].map((turn) => {
      const batch = store.begin('compressed');
      const commit = writeSnapshot(batch, { same: 'same '.repeat(1000), own: randomBytes(50_000 + turn) });
      batch.commit();
      return commit;
    });
    const before = store.sizeOnDisk();
    const live = reachable(store, commits.slice(2));
    const stored = new Map(
      store
        .packs()
        .flatMap(({ name }) => [...store.objectsOf(name)])
        .map((o) => [o.id, o.stored]),
    );
    rollUp(store, live);
    expect(store.packs()).toMatchObject([{ objects: live.size }]);
    expect(readdirSync(directory)).toEqual(store.packs().map(({ name }) => name));
    expect(store.sizeOnDisk()).toBeLessThan(before * 0.6);
    for (const each of [store, ObjectStore.open(directory, key)]) {
      for (const id of live) each.read(id);
      expect(() => each.read(commits[0]!)).toThrow(MissingObject);
      for (const { name } of each.packs()) {
        for (const object of each.objectsOf(name)) expect(object.stored).toBe(stored.get(object.id));
      }
      expect(each.verify({ aborted: false })).toMatchObject({
        packs: 1,
        objects: live.size,
        damage: [],
        complete: true,
      });
    }
  });

  test('that is cut off has taken all or nothing, here and for who opens the store next', () => {
    const directory = temporaryDirectory();
    let removed = 0;
    const disk: StoreDisk = {
      ...realDisk,
      remove: (path) => {
        removed += 1;
        if (removed === 2) throw Object.assign(new Error('EIO: unlink'), { code: 'EIO' });
        realDisk.remove(path);
      },
    };
    const key = someKey();
    const store = ObjectStore.open(directory, key, { disk });
    const ids = [1, 2, 3].map((turn) => {
      const batch = store.begin('fast');
      const id = batch.write('blob', Buffer.from(`${turn}`));
      batch.commit();
      return id;
    });
    const names = store.packs().map(({ name }) => name);
    expect(() => store.removePacks(names)).toThrow('EIO');
    expect(readdirSync(directory).filter((name) => name.endsWith('.pack'))).toHaveLength(2);
    expect(ids.map((id) => store.has(id))).toEqual([false, false, false]);
    const again = ObjectStore.open(directory, key);
    expect(again.packs()).toEqual([]);
    expect(readdirSync(directory)).toEqual([]);
  });

  test('removes packs only', () => {
    const store = ObjectStore.open(temporaryDirectory(), undefined);
    for (const name of ['refs', '../x.pack', `${'0'.repeat(32)}.pack/..`]) {
      expect(() => store.removePacks([name])).toThrow(RangeError);
    }
  });

  test('of thousands of objects leaves no trace of them in what is found', () => {
    const store = ObjectStore.open(temporaryDirectory(), someKey());
    const ids: ObjectId[][] = [];
    for (let round = 0; round < 4; round += 1) {
      const batch = store.begin('fast');
      ids.push(Array.from({ length: 5000 }, (_, number) => batch.write('blob', Buffer.from(`${round} ${number}`))));
      batch.commit();
    }
    const names = store.packs().map(({ name }) => name);
    for (const [round, name] of names.entries()) {
      if (round < 3) store.removePacks([name]);
      for (const [other, written] of ids.entries()) {
        const gone = other <= round && other < 3;
        expect(written.every((id) => store.has(id) !== gone)).toBe(true);
      }
    }
    expect([...store.objectsOf(names[3]!)].map(({ id }) => id)).toEqual(ids[3]);
    expect(store.read(ids[3]![4999]!).body.toString()).toBe('3 4999');
  });
});

test('a verification names trees whose files went with a pack that is gone', () => {
  const directory = temporaryDirectory();
  const store = ObjectStore.open(directory, someKey());
  const files = store.begin('fast');
  files.write('blob', Buffer.from('a'));
  files.commit();
  const [pack] = readdirSync(directory);
  const rest = store.begin('fast');
  const commit = writeSnapshot(rest, { a: 'a', b: 'b' });
  rest.commit();
  expect(store.verify({ aborted: false }).damage).toEqual([]);
  rmSync(join(directory, pack!));
  const { damage, complete } = store.verify({ aborted: false });
  expect(complete).toBe(true);
  // Both trees hold the file; the commit is named with the tree that it has.
  expect(damage.map(({ reason }) => reason.slice(41))).toEqual([
    'below it is missing',
    'below it is missing',
    'below it is missing',
  ]);
  expect(damage.at(-1)?.object).toBe(commit);
});

test('a verification that is ended says that it is not complete', () => {
  const store = ObjectStore.open(temporaryDirectory(), someKey());
  const batch = store.begin('fast');
  writeSnapshot(batch, { a: 'a' });
  batch.commit();
  expect(store.verify({ aborted: true })).toMatchObject({ objects: 0, complete: false });
});

test('the directory of a store and those above it are durable when they were made', () => {
  const above = temporaryDirectory();
  const synced: string[] = [];
  const disk: StoreDisk = { ...realDisk, syncDirectory: (path) => synced.push(path) };
  ObjectStore.open(join(above, 'a', 'b'), someKey(), { disk });
  expect(synced).toEqual([join(above, 'a'), above]);
  RefStore.open(join(above, 'a', 'b'), someKey(), { disk });
  expect(synced).toHaveLength(2);
});

test('what a pack holds is durable before the pack has its name, and the name before the refs have theirs', () => {
  const steps: string[] = [];
  const paths = new Map<number, string>();
  const unsynced = new Set<string>();
  const watched: StoreDisk = {
    ...realDisk,
    create: (path) => {
      const descriptor = realDisk.create(path);
      paths.set(descriptor, path);
      return descriptor;
    },
    write: (descriptor, bytes) => {
      unsynced.add(paths.get(descriptor)!);
      realDisk.write(descriptor, bytes);
    },
    sync: (descriptor) => {
      unsynced.delete(paths.get(descriptor)!);
      realDisk.sync(descriptor);
    },
    rename: (from, to) => {
      expect(unsynced.size).toBe(0);
      steps.push(to.endsWith('.pack') ? 'pack' : 'refs');
      realDisk.rename(from, to);
    },
    syncDirectory: (path) => {
      steps.push('names');
      realDisk.syncDirectory(path);
    },
  };
  const directory = temporaryDirectory();
  const store = ObjectStore.open(directory, someKey(), { disk: watched, limits: { packBytes: 100_000 } });
  const batch = store.begin('fast');
  const commit = writeSnapshot(batch, { a: randomBytes(90_000), b: randomBytes(90_000) });
  batch.commit();
  RefStore.open(directory, someKey(), { disk: watched }).change([{ name: 'a', id: commit }]);
  expect(steps).toEqual(['pack', 'names', 'pack', 'names', 'refs', 'names']);
});

test('rounds by chance of writing, clearing up and opening again lose nothing and give out nothing else', () => {
  const random = chance();
  const key = someKey();
  for (let loop = 0; loop < faultLoops(); loop += 1) {
    const directory = temporaryDirectory();
    const limits = { packBytes: random.between(1, 200_000), openFiles: random.between(1, 3), cacheBytes: 65_536 };
    let store = ObjectStore.open(directory, key, { limits });
    const kept = new Map<ObjectId, Buffer>();
    const dropped = new Set<ObjectId>();
    for (let round = 0; round < 12; round += 1) {
      const act = random.between(0, 5);
      if (act < 3) {
        const batch = store.begin(act === 0 ? 'fast' : 'compressed');
        const bodies = Array.from({ length: random.between(0, 19) }, () =>
          Buffer.alloc(random.between(0, 70_000), `${random.between(0, 999_999)}`),
        );
        const ids = bodies.map((body) => batch.write('blob', body));
        if (random.percent(25)) batch.abandon();
        else {
          batch.commit();
          for (const [index, id] of ids.entries()) {
            kept.set(id, bodies[index]!);
            dropped.delete(id);
          }
        }
      } else if (act === 3) {
        for (const id of kept.keys()) {
          if (random.percent(66)) continue;
          kept.delete(id);
          dropped.add(id);
        }
        rollUp(store, new Set(kept.keys()));
      } else if (act === 4) {
        store.close();
        store = ObjectStore.open(directory, key, { limits });
      } else store.refresh();
      for (const [id, body] of kept) if (!store.read(id).body.equals(body)) expect.fail(`${id} is other bytes`);
      for (const id of dropped) expect(() => store.read(id)).toThrow(MissingObject);
    }
    expect(store.verify({ aborted: false }).damage).toEqual([]);
    store.close();
  }
});
