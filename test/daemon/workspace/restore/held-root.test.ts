import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HeldRoot, WorkspaceMoved } from '../../../../daemon/workspace/restore/held-root.ts';

let base: string;
let root: string;
beforeEach(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'm-held-')));
  root = join(base, 'work');
  mkdirSync(join(root, 'a/b/c'), { recursive: true });
  mkdirSync(join(base, 'outside'));
});
afterEach(() => rmSync(base, { recursive: true }));

describe.each([
  ['held by descriptors', process.platform === 'linux'],
  ['looked at again', false],
])('directories %s', (_, canHold) => {
  let held: HeldRoot;
  beforeEach(() => {
    held = new HeldRoot(root, canHold);
  });
  afterEach(() => held.close());

  test('are entered one after the other, in any order', () => {
    for (const path of ['a/b/c', 'a/b', '', 'a', 'a/b/c', 'a/b/c']) {
      const depth = path === '' ? 0 : path.split('/').length;
      expect(held.enter(path)).toEqual({ depth, obstacle: undefined });
      writeFileSync(held.at(depth, 'here'), path);
      expect(readdirSync(join(root, path))).toContain('here');
      rmSync(join(root, path, 'here'));
    }
  });

  test('end where one is missing, or is none', () => {
    writeFileSync(join(root, 'a/file'), '');
    symlinkSync('b', join(root, 'a/link'));
    expect(held.enter('a/x/y')).toEqual({ depth: 1, obstacle: 'absent' });
    expect(held.enter('a/file/y')).toEqual({ depth: 1, obstacle: 'no-directory' });
    expect(held.enter('a/link/c')).toEqual({ depth: 1, obstacle: 'no-directory' });
  });

  test('that were swapped for a link are noticed, before and after', () => {
    held.enter('a/b/c');
    renameSync(join(root, 'a'), join(base, 'moved'));
    symlinkSync(join(base, 'moved'), join(root, 'a'));
    expect(held.isInPlace(3)).toBe(false);
    expect(held.enter('a/b/c')).toEqual({ depth: 0, obstacle: 'no-directory' });
  });

  test('that were removed and made again are entered anew', () => {
    held.enter('a/b/c');
    rmSync(join(root, 'a'), { recursive: true });
    expect(held.enter('a/b')).toEqual({ depth: 0, obstacle: 'absent' });
    mkdirSync(join(root, 'a/b'), { recursive: true });
    expect(held.enter('a/b')).toEqual({ depth: 2, obstacle: undefined });
  });

  test('of a workspace that was moved are not entered', () => {
    held.enter('a');
    renameSync(root, join(base, 'elsewhere'));
    expect(() => held.enter('a')).toThrow(WorkspaceMoved);
    mkdirSync(root);
    expect(() => held.enter('a')).toThrow(WorkspaceMoved);
  });
});

test.runIf(process.platform === 'linux')(
  'what is done through a held directory is done in it, wherever its path leads now',
  () => {
    const held = new HeldRoot(root);
    const { depth } = held.enter('a/b');
    renameSync(join(root, 'a'), join(base, 'moved'));
    symlinkSync(join(base, 'outside'), join(root, 'a'));
    mkdirSync(join(base, 'outside/b'));
    writeFileSync(held.at(depth, 'file'), '');
    expect(readdirSync(join(base, 'outside/b'))).toEqual([]);
    expect(readdirSync(join(base, 'moved/b'))).toEqual(['c', 'file']);
    held.close();
  },
);
