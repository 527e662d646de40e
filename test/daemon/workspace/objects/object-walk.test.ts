import { expect, test } from 'vitest';
import { EMPTY_TREE } from '../../../../daemon/workspace/objects/object.ts';
import { ObjectStore } from '../../../../daemon/workspace/objects/object-store.ts';
import { reachable, readCommit, readTree } from '../../../../daemon/workspace/objects/object-walk.ts';
import { MissingObject, TamperedObject } from '../../../../daemon/workspace/objects/store-errors.ts';
import { encodeTree } from '../../../../daemon/workspace/objects/tree-format.ts';
import { someKey, temporaryDirectory, writeSnapshot } from './support/side.ts';

function storeWith<T>(write: (batch: ReturnType<ObjectStore['begin']>) => T): [ObjectStore, T] {
  const store = ObjectStore.open(temporaryDirectory(), someKey());
  const batch = store.begin('fast');
  const written = write(batch);
  batch.commit();
  return [store, written];
}

test('a snapshot reaches its commit, trees and blobs, each once', () => {
  const [store, [one, two]] = storeWith((batch) => [
    writeSnapshot(batch, { a: 'a', b: 'b' }),
    writeSnapshot(batch, { a: 'a', c: 'c' }),
  ]);
  const fromOne = reachable(store, [one!]);
  expect(fromOne.size).toBe(1 + 2 + 2);
  expect(reachable(store, [one!, two!, one!]).size).toBe(2 + 4 + 3);
  const { tree, subject } = readCommit(store, one!);
  expect(subject).toBe('a snapshot');
  expect(readTree(store, tree).map(({ name }) => name)).toEqual(['a', 'b', 'inner directory']);
});

test('the tree without entries is there, although nobody wrote it', () => {
  const [store] = storeWith(() => undefined);
  expect(readTree(store, EMPTY_TREE)).toEqual([]);
  expect(store.has(EMPTY_TREE)).toBe(false);
});

test('what is missing or of another kind is named', () => {
  const [store, [blob, hole, strange]] = storeWith((batch) => [
    batch.write('blob', Buffer.from('x')),
    batch.write('tree', encodeTree([{ name: 'd', mode: 0o40000, id: '1'.repeat(40) }])),
    batch.write('tree', Buffer.from('160000 submodule\0aaaaaaaaaaaaaaaaaaaa')),
  ]);
  expect(() => readTree(store, blob!)).toThrow(TamperedObject);
  expect(() => readCommit(store, hole!)).toThrow(/it is a tree in the place of a commit/);
  expect(() => reachable(store, [hole!])).toThrow(MissingObject);
  expect(() => readTree(store, strange!)).toThrow(TamperedObject);
});
