import { expect, test } from 'vitest';
import { chooseSnapshots } from '../../../../daemon/domain/snapshot-retention.ts';
import { retainedNames } from '../../../../daemon/workspace/engine/retained-names.ts';
import { encodeCommit } from '../../../../daemon/workspace/objects/commit-format.ts';
import { EMPTY_TREE } from '../../../../daemon/workspace/objects/object.ts';
import { ObjectStore } from '../../../../daemon/workspace/objects/object-store.ts';
import { RefStore } from '../../../../daemon/workspace/objects/ref-store.ts';
import { someKey, temporaryDirectory } from '../objects/support/side.ts';

const AT = 1_700_000_000;

function sideWith(names: readonly string[]) {
  const directory = temporaryDirectory();
  const key = someKey();
  const store = ObjectStore.open(directory, key);
  const refs = RefStore.open(directory, key);
  const batch = store.begin('fast');
  const commits = names.map((name) => ({
    name,
    id: batch.write('commit', encodeCommit({ tree: EMPTY_TREE, at: AT, subject: name, body: '' })),
  }));
  batch.commit();
  refs.change(commits);
  return { store, refs };
}

test('names tell whose they are; those of the present are not among them', () => {
  const names = ['call/a/12/3', 'newest', 'open/a/13', 'restore/a/2', 'snap/a/12-post', 'taken/01J', 'turn/a/11'];
  const at = AT * 1000;
  expect(retainedNames(sideWith(names))).toEqual([
    { name: 'call/a/12/3', kind: 'call', session: 'a', number: 12, at },
    { name: 'restore/a/2', kind: 'restore', session: 'a', number: 2, at },
    { name: 'snap/a/12-post', kind: 'snap', session: 'a', number: 12, at },
    { name: 'taken/01J', kind: 'taken', session: undefined, number: 0, at },
    { name: 'turn/a/11', kind: 'call', session: 'a', number: 11, at },
  ]);
});

test('a snapshot that cannot be read goes with the one before it', () => {
  const side = sideWith(['snap/a/1-pre']);
  side.refs.change([{ name: 'snap/a/2-pre', id: '1'.repeat(40) }]);
  const protections = { pinned: new Set<string>(), live: new Set<string>(), saves: [] };
  const choose = (now: number) => chooseSnapshots(retainedNames(side), protections, { now, seen: now, maxAge: 1000 });
  expect(choose(AT * 1000).expired).toEqual([]);
  expect(choose(AT * 1000 + 1001).expired.map(({ name }) => name)).toEqual(['snap/a/1-pre', 'snap/a/2-pre']);
});
