import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EMPTY_TREE, idOf } from '../../../daemon/workspace/objects/object.ts';
import { decodeTree, encodeTree, type TreeEntry } from '../../../daemon/workspace/objects/tree-format.ts';

const BLOB = idOf('blob', Buffer.from('hello\n'));
let repository: string;

beforeAll(() => {
  repository = mkdtempSync(join(tmpdir(), 'm-tree-'));
  execFileSync('git', ['init', '-q', '--bare', repository], { env: { PATH: process.env['PATH'] } });
});

afterAll(() => rmSync(repository, { recursive: true }));

test('an object has the id that git gives it', () => {
  expect(BLOB).toBe('ce013625030ba8dba906f756967f9e9ca394464a');
  expect(idOf('tree', Buffer.alloc(0))).toBe(EMPTY_TREE);
});

test('a tree is the bytes that git makes of the same entries, whatever their names', () => {
  const entries: TreeEntry[] = [
    { name: 'foo0', mode: 0o100644, id: BLOB },
    { name: 'foo', mode: 0o40000, id: EMPTY_TREE },
    { name: 'foo-bar', mode: 0o100755, id: BLOB },
    { name: 'foo.bar', mode: 0o120000, id: BLOB },
    { name: '\xff\xfe not utf-8', mode: 0o100644, id: BLOB },
    { name: 'line\nbreak\ttab', mode: 0o100644, id: BLOB },
  ];
  const body = encodeTree(entries);
  const listed = entries.map(({ name, mode, id }) => {
    const kind = mode === 0o40000 ? 'tree' : 'blob';
    return Buffer.from(`${mode.toString(8).padStart(6, '0')} ${kind} ${id}\t${name}\0`, 'latin1');
  });
  const native = execFileSync('git', ['-C', repository, 'mktree', '--missing', '-z'], { input: Buffer.concat(listed) });
  expect(idOf('tree', body)).toBe(native.toString().trim());
  expect(decodeTree(body).toSorted((a, b) => (a.name < b.name ? -1 : 1))).toEqual(
    entries.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
  );
});

test.each([
  ['ends within an id', Buffer.concat([Buffer.from('100644 a\0'), Buffer.alloc(19)])],
  ['has an entry without an end', Buffer.from('100644 a')],
  ['leads up', Buffer.concat([Buffer.from('40000 ..\0'), Buffer.alloc(20)])],
  ['has a slash in a name', Buffer.concat([Buffer.from('100644 a/b\0'), Buffer.alloc(20)])],
  ['holds a submodule', Buffer.concat([Buffer.from('160000 a\0'), Buffer.alloc(20)])],
])('a tree that %s is refused', (_, body) => {
  expect(() => decodeTree(body)).toThrow(RangeError);
});
