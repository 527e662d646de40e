import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ObjectStore } from '../../../../daemon/workspace/objects/object-store.ts';
import { reachable } from '../../../../daemon/workspace/objects/object-walk.ts';
import { RefStore } from '../../../../daemon/workspace/objects/ref-store.ts';
import { StoreFull } from '../../../../daemon/workspace/objects/store-errors.ts';
import type { StoreDisk } from '../../../../daemon/workspace/objects/store-disk.ts';
import { diskThatStops, diskWithRoomFor, Stopped } from './support/failing-disk.ts';
import { someKey, temporaryDirectory, writeSnapshot } from './support/side.ts';

const limits = { packBytes: 100_000 };
const big = (name: string) => ({ [name]: randomBytes(70_000), same: 'same in every snapshot', small: randomBytes(9) });

/** Two snapshots of several packs, each with its ref; then the first goes, and all packs with it. */
function work(directory: string, key: ReturnType<typeof someKey>, disk: StoreDisk): void {
  const store = ObjectStore.open(directory, key, { disk, limits });
  const refs = RefStore.open(directory, key, { disk });
  for (const turn of [1, 2]) {
    const batch = store.begin(turn === 1 ? 'fast' : 'compressed');
    const commit = writeSnapshot(batch, { ...big('a'), ...big('b') });
    batch.commit();
    refs.change([{ name: `snap/s/${turn}-pre`, id: commit }]);
  }
  refs.change([{ name: 'snap/s/1-pre', id: undefined }]);
  const live = reachable(
    store,
    refs.list().map(({ id }) => id),
  );
  const old = store.packs().map(({ name }) => name);
  const kept = store.begin('fast');
  for (const name of old) for (const object of store.objectsOf(name)) if (live.has(object.id)) kept.copy(object);
  kept.commit();
  store.removePacks(old);
}

describe.each([
  ['encrypted', someKey()],
  ['plain', undefined],
])('case 38: an %s store', (_, key) => {
  test.each([false, true])(
    'that is killed at any step of writing has no ref without its objects (torn: %s)',
    (torn) => {
      let step = 0;
      for (let finished = false; !finished; step += 1) {
        const directory = temporaryDirectory();
        const disk = diskThatStops(step, torn);
        try {
          work(directory, key as ReturnType<typeof someKey>, disk);
          finished = true;
        } catch (error) {
          if (!(error instanceof Stopped)) throw error;
        }
        const store = ObjectStore.open(directory, key);
        const refs = RefStore.open(directory, key);
        expect(store.damage()).toEqual([]);
        for (const { id } of refs.list()) for (const each of reachable(store, [id])) store.read(each);
        expect(store.verify({ aborted: false }).damage).toEqual([]);
        // Whoever has an object has everything below it.
        for (const { name } of store.packs()) {
          for (const { id } of store.objectsOf(name)) for (const each of reachable(store, [id])) store.read(each);
        }
        const batch = store.begin('compressed');
        const commit = writeSnapshot(batch, big('c'));
        batch.commit();
        refs.change([{ name: 'snap/s/3-pre', id: commit }]);
        expect(readdirSync(directory).filter((name) => name.startsWith('tmp_'))).toEqual([]);
        expect(RefStore.open(directory, key).get('snap/s/3-pre')).toBe(commit);
        store.close();
      }
      expect(step).toBeGreaterThan(60);
    },
  );
});

describe('case 37: a disk that fills up', () => {
  test.each(['ENOSPC', 'EDQUOT'])('ends a snapshot with StoreFull (%s) and leaves what was there', (code) => {
    const directory = temporaryDirectory();
    const key = someKey();
    const batch = ObjectStore.open(directory, key).begin('fast');
    const commit = writeSnapshot(batch, big('a'));
    batch.commit();
    const before = readdirSync(directory);
    for (const room of [0, 70_000, 140_000, 200_000]) {
      const store = ObjectStore.open(directory, key, { disk: diskWithRoomFor(room, code), limits });
      const full = store.begin('fast');
      expect(() => {
        writeSnapshot(full, { ...big('a'), ...big('b'), ...big('c') });
        full.commit();
      }).toThrow(StoreFull);
      expect(() => full.write('blob', randomBytes(9))).toThrow('the batch is over');
      expect(readdirSync(directory)).toEqual(before);
      expect(store.read(commit).kind).toBe('commit');
      store.close();
    }
  });

  test('leaves the refs as they were', () => {
    const directory = temporaryDirectory();
    const key = someKey();
    RefStore.open(directory, key).change([{ name: 'a', id: '1'.repeat(40) }]);
    const refs = RefStore.open(directory, key, { disk: diskWithRoomFor(10) });
    expect(() => refs.change([{ name: 'b', id: '2'.repeat(40) }])).toThrow(StoreFull);
    expect(refs.list()).toEqual([{ name: 'a', id: '1'.repeat(40) }]);
    expect(readdirSync(directory)).toEqual(['refs']);
  });
});
