import { randomBytes } from 'node:crypto';
import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { idOf, type GitObject } from '../../../../daemon/workspace/objects/object.ts';
import { ObjectStore } from '../../../../daemon/workspace/objects/object-store.ts';
import { MissingObject } from '../../../../daemon/workspace/objects/store-errors.ts';
import { someKey, temporaryDirectory } from './support/side.ts';

describe.each([
  ['encrypted', someKey()],
  ['plain', undefined],
])('an %s store', (_, key) => {
  test.each(['fast', 'compressed'] as const)(
    'gives back what a %s batch wrote, also after it is opened again',
    (mode) => {
      const directory = temporaryDirectory();
      const store = ObjectStore.open(directory, key);
      const bodies = [0, 1, 63, 64, 65_535, 65_536, 65_537, 300_000].flatMap((size) => [
        randomBytes(size),
        Buffer.alloc(size, `text of ${size} bytes `),
      ]);
      const objects: GitObject[] = bodies.map((body) => ({ kind: 'blob', body }));
      objects.push({ kind: 'tree', body: Buffer.alloc(0) }, { kind: 'commit', body: Buffer.from('tree') });
      const batch = store.begin(mode);
      const ids = objects.map(({ kind, body }) => batch.write(kind, body));
      expect(ids).toEqual(objects.map(({ kind, body }) => idOf(kind, body)));
      batch.commit();
      for (const each of [store, ObjectStore.open(directory, key)]) {
        expect(ids.map((id) => each.read(id))).toEqual(objects);
        each.close();
      }
    },
  );

  test('shows nothing of a batch before it is committed, and nothing ever when it is abandoned', () => {
    const store = ObjectStore.open(temporaryDirectory(), key);
    const kept = store.begin('fast');
    const id = kept.write('blob', Buffer.from('kept'));
    expect([kept.has(id), store.has(id)]).toEqual([true, false]);
    expect(() => store.read(id)).toThrow(MissingObject);
    kept.commit();
    expect(store.has(id)).toBe(true);
    const dropped = store.begin('fast');
    const large = dropped.write('blob', randomBytes(200_000));
    dropped.abandon();
    expect(store.has(large)).toBe(false);
    expect(store.packs()).toHaveLength(1);
    expect(() => dropped.commit()).toThrow('the batch is over');
  });
});

test('an object that is there already is not written again, and a batch without new ones makes no pack', () => {
  const directory = temporaryDirectory();
  const store = ObjectStore.open(directory, someKey());
  const first = store.begin('fast');
  first.write('blob', Buffer.from('same'));
  first.write('blob', Buffer.from('same'));
  expect([first.objects, first.bytes]).toEqual([1, 4]);
  first.commit();
  const second = store.begin('fast');
  second.write('blob', Buffer.from('same'));
  second.commit();
  expect(store.packs()).toMatchObject([{ objects: 1 }]);
  expect(store.sizeOnDisk()).toBe(store.packs()[0]?.bytes);
});

test('a batch goes on in further packs when one is full', () => {
  const directory = temporaryDirectory();
  const limits = { packBytes: 100_000 };
  const key = someKey();
  const store = ObjectStore.open(directory, key, { limits });
  const bodies = [30_000, 60_000, 20_000, 250_000, 1, 2].map((size) => randomBytes(size));
  const batch = store.begin('fast');
  const ids = bodies.map((body) => batch.write('blob', body));
  batch.commit();
  expect(store.packs().map(({ objects }) => objects)).toEqual([2, 1, 1, 2]);
  const again = ObjectStore.open(directory, key);
  expect(ids.map((id) => again.read(id).body)).toEqual(bodies);
});

test('everything is for its user alone', () => {
  const directory = join(temporaryDirectory(), 'side');
  const batch = ObjectStore.open(directory, someKey()).begin('fast');
  batch.write('blob', Buffer.from('x'));
  batch.commit();
  expect(statSync(directory).mode & 0o777).toBe(0o700);
  expect(readdirSync(directory).map((name) => statSync(join(directory, name)).mode & 0o777)).toEqual([0o600]);
});

test('leftovers of a crash go when the next batch begins; a second store that only reads leaves a batch alone', () => {
  const directory = temporaryDirectory();
  const key = someKey();
  writeFileSync(join(directory, 'tmp_pack_0123'), 'left over');
  const store = ObjectStore.open(directory, key);
  const batch = store.begin('fast');
  expect(readdirSync(directory)).toEqual([]);
  const body = randomBytes(200_000);
  const id = batch.write('blob', body);
  const reader = ObjectStore.open(directory, key);
  expect(reader.packs()).toEqual([]);
  batch.commit();
  expect(reader.has(id)).toBe(false);
  reader.refresh();
  expect(reader.read(id).body).toEqual(body);
});
