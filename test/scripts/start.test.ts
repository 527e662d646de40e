/** `npm start`: builds what is missing or out of date, then is the program itself. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { standInTree, writeSource } from '../support/stand-in-tree.ts';

function start(root: string, arguments_: string[] = [], input = ''): { status: number | null; stdout: string } {
  const home = mkdtempSync(join(tmpdir(), 'm-home-'));
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/start.mjs', ...arguments_], {
    cwd: root,
    env: { PATH: process.env['PATH'], HOME: home },
    input,
    encoding: 'utf8',
    timeout: 20_000,
  });
  expect(stderr).toBe('');
  return { status, stdout };
}

test('it builds a fresh clone, allows a key file and passes its arguments on', () => {
  const root = standInTree();
  const { stdout } = start(root, ['chat', '--cwd', '/a b']);
  expect(JSON.parse(stdout)).toMatchObject({ arguments: ['--allow-keyfile', 'chat', '--cwd', '/a b'] });
});

test('it hands piped input and the exit code through', () => {
  const root = standInTree();
  writeSource(
    root,
    'client/app.ts',
    `export async function run() { process.stdin.pipe(process.stdout); process.exitCode = 75; }`,
  );
  expect(start(root, [], 'hello\n/exit\n')).toEqual({ status: 75, stdout: 'hello\n/exit\n' });
});

test('it builds again after a source was changed, added or removed, and not otherwise', () => {
  const root = standInTree();
  const builtAt = () => statSync(join(root, 'dist', 'build.json')).mtimeMs;
  const startsAfter = (change: () => void): boolean => {
    const before = builtAt();
    change();
    start(root);
    return builtAt() !== before;
  };
  start(root);
  expect(startsAfter(() => undefined)).toBe(false);
  expect(startsAfter(() => writeSource(root, 'client/added.ts', 'export {};'))).toBe(true);
  expect(startsAfter(() => writeSource(root, 'client/added.ts', 'export const changed = 1;'))).toBe(true);
  expect(startsAfter(() => rmSync(join(root, 'client', 'added.ts')))).toBe(true);
  expect(startsAfter(() => utimesSync(join(root, 'client', 'app.ts'), new Date(0), new Date(0)))).toBe(false);
});

test('an old Node is told what to do before anything else is read', () => {
  const root = standInTree();
  writeSource(root, 'pretend.cjs', `Object.defineProperty(process.versions, 'node', { value: '20.1.0' });`);
  const result = spawnSync(process.execPath, ['--require', './pretend.cjs', 'scripts/start.mjs'], {
    cwd: root,
    encoding: 'utf8',
    timeout: 20_000,
  });
  expect(result.status).toBe(69);
  expect(result.stderr).toMatch(/needs Node 22\.19 or newer.*this is Node 20\.1\.0[^]*npm ci/);
});
