/** What an install runs: it builds in a clone, and an install without development dependencies does not fail because of it. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { standInTree } from '../support/stand-in-tree.ts';

function prepare(root: string): { status: number | null; stderr: string } {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/prepare.mjs'], {
    cwd: root,
    encoding: 'utf8',
    timeout: 20_000,
  });
  return { status, stderr };
}

test('it builds', () => {
  const root = standInTree();
  expect(prepare(root)).toEqual({ status: 0, stderr: '' });
  expect(existsSync(join(root, 'dist', 'm.cjs'))).toBe(true);
});

test('without development dependencies it says that nothing is built, and succeeds', () => {
  const root = standInTree();
  rmSync(join(root, 'node_modules'));
  mkdirSync(join(root, 'node_modules'));
  expect(prepare(root)).toEqual({ status: 0, stderr: expect.stringContaining('nothing is built') as string });
  expect(existsSync(join(root, 'dist'))).toBe(false);
});
