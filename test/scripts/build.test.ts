/** The build: what it promises to the programs that it makes and to those that run while it works. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { expect, onTestFinished, test } from 'vitest';
import type { BuildConstants } from '../../scripts/bundle.ts';
import { buildAll } from '../../scripts/build.ts';
import { standInTree, writeSource } from '../support/stand-in-tree.ts';

const KEEP = { prune: false };

interface Said {
  build: BuildConstants;
  dirname: string;
  cache: string | null;
  loaded: boolean;
}

function emptyHome(): string {
  const home = mkdtempSync(join(tmpdir(), 'm-home-'));
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
  return home;
}

function run(
  program: string,
  options: { arguments?: string[]; home?: string; node?: string; nodeArguments?: string[] } = {},
) {
  const { PATH } = process.env;
  const result = spawnSync(
    options.node ?? process.execPath,
    [...(options.nodeArguments ?? []), program, ...(options.arguments ?? [])],
    {
      env: { PATH, HOME: options.home ?? emptyHome() },
      encoding: 'utf8',
      timeout: 20_000,
    },
  );
  return { status: result.status, stdout: result.stdout, stderr: result.stderr };
}

function said(root: string, options: Parameters<typeof run>[1] = {}): Said {
  const result = run(join(root, 'dist', 'm.cjs'), options);
  expect(result).toMatchObject({ status: 0, stderr: '' });
  return JSON.parse(result.stdout) as Said;
}

test('the same sources have the same build id in every directory', async () => {
  const [first, second] = [standInTree(), standInTree()];
  expect((await buildAll(first, KEEP)).id).toBe((await buildAll(second, KEEP)).id);
});

test('a build without changes writes nothing and keeps its time', async () => {
  const root = standInTree();
  const before = await buildAll(root, KEEP);
  const written = statSync(join(root, 'dist', 'm.cjs')).ino;
  expect(await buildAll(root, KEEP)).toEqual(before);
  expect(statSync(join(root, 'dist', 'm.cjs')).ino).toBe(written);
});

test('a changed source, and a changed version, give another id', async () => {
  const root = standInTree();
  const ids = [(await buildAll(root, KEEP)).id];
  writeSource(root, 'daemon/vault/keys/keychain-helper.ts', `process.stdout.write('another helper');\n`);
  ids.push((await buildAll(root, KEEP)).id);
  const manifest = readFileSync(join(root, 'package.json'), 'utf8');
  writeFileSync(join(root, 'package.json'), manifest.replace(/"version": "[^"]+"/, '"version": "9.9.9"'));
  ids.push((await buildAll(root, KEEP)).id);
  expect(new Set(ids).size).toBe(3);
  expect(said(root).build.version).toBe('9.9.9');
});

test('programs know their build and that they are in dist, and dist/build.json says the same', async () => {
  const root = standInTree();
  const constants = await buildAll(root, KEEP);
  const { dirname, build } = said(root);
  expect(build).toEqual(constants);
  expect(JSON.parse(readFileSync(join(root, 'dist', 'build.json'), 'utf8'))).toEqual(constants);
  expect(realpathSync(dirname)).toBe(realpathSync(join(root, 'dist')));
  const worker = new Worker(join(root, 'dist', 'vault-worker.cjs'));
  const fromWorker = await new Promise<string>((resolve, reject) =>
    worker.once('message', resolve).once('error', reject),
  );
  expect(realpathSync(fromWorker)).toBe(realpathSync(join(root, 'dist')));
});

test('what is imported late is loaded late', async () => {
  const root = standInTree();
  await buildAll(root, KEEP);
  expect(said(root).loaded).toBe(false);
  expect(said(root, { arguments: ['heavy'] }).loaded).toBe(true);
});

test('native packages stay outside of the bundle and are found from it', async () => {
  const root = standInTree();
  const { id } = await buildAll(root, KEEP);
  expect(run(join(root, 'dist', 'daemon.cjs'))).toEqual({ status: 0, stderr: '', stdout: `${id}function` });
});

test('commands can be executed, other programs cannot', async () => {
  const root = standInTree();
  await buildAll(root, KEEP);
  const mode = (name: string) => statSync(join(root, 'dist', name)).mode & 0o111;
  expect(['m.cjs', 'mctl.cjs', 'daemon.cjs'].map(mode)).toEqual([0o111, 0o111, 0]);
  expect(readFileSync(join(root, 'dist', 'm.cjs'), 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
});

test('a program of a superseded build goes on loading its parts until they are pruned', async () => {
  const root = standInTree();
  await buildAll(root, KEEP);
  const oldStub = readFileSync(join(root, 'dist', 'm.cjs'), 'utf8');
  writeSource(root, 'client/heavy.ts', `globalThis.structuredClone('changed');\n`);
  await buildAll(root, KEEP);
  writeFileSync(join(root, 'dist', 'old.cjs'), oldStub);
  expect(run(join(root, 'dist', 'old.cjs'), { arguments: ['heavy'] }).status).toBe(0);
  const { id } = await buildAll(root, { prune: true });
  const directories = readdirSync(join(root, 'dist'), { withFileTypes: true }).filter((found) => found.isDirectory());
  expect(directories.map((directory) => directory.name)).toEqual([expect.stringMatching(new RegExp(`^${id}-`))]);
});

test('the programs are never missing or half written while another process builds', async () => {
  const root = standInTree();
  await buildAll(root, KEEP);
  const rebuilds = spawn(
    'sh',
    ['-c', 'for i in 1 2 3 4 5 6; do echo "structuredClone($i);" > client/heavy.ts; node scripts/build.ts; done'],
    { cwd: root },
  );
  const ended = once(rebuilds, 'exit');
  const ids = new Set<string>();
  while (rebuilds.exitCode === null) {
    ids.add(said(root, { arguments: ['heavy'] }).build.id);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await ended).toEqual([0, null]);
  expect(ids.size).toBeGreaterThan(2);
});

test('an old Node reads as far as the version guard and gets its exit code', async () => {
  const root = standInTree();
  await buildAll(root, KEEP);
  const pretend = join(root, 'pretend.cjs');
  writeFileSync(pretend, `Object.defineProperty(process.versions, 'node', { value: '18.20.0' });\n`);
  const options = { nodeArguments: ['--require', pretend], home: emptyHome() };
  expect(run(join(root, 'dist', 'm.cjs'), options)).toEqual({ status: 69, stdout: '', stderr: 'too old\n' });
});

test('compiled code is kept in a private directory of the user, one for each build', async () => {
  const root = standInTree();
  const home = emptyHome();
  await buildAll(root, KEEP);
  const { cache } = said(root, { home });
  expect(cache?.startsWith(join(home, '.cache', 'm', 'code'))).toBe(true);
  expect(statSync(join(home, '.cache', 'm', 'code')).mode & 0o777).toBe(0o700);
  expect(readdirSync(cache ?? '').length).toBeGreaterThan(0);
});

test('a cache directory that others could write to is not used, and an impossible one stops nothing', async () => {
  const root = standInTree();
  const home = emptyHome();
  await buildAll(root, KEEP);
  mkdirSync(join(home, '.cache', 'm', 'code'), { recursive: true, mode: 0o777 });
  spawnSync('chmod', ['-R', '0777', join(home, '.cache')]);
  expect(said(root, { home }).cache).toBeNull();
  const file = join(home, 'a-file');
  writeFileSync(file, '');
  expect(said(root, { home: file }).cache).toBeNull();
});

test('the notices name every bundled package with its licence', async () => {
  const root = standInTree();
  await buildAll(root, KEEP);
  const notices = readFileSync(join(root, 'dist', 'THIRD-PARTY-LICENSES.txt'), 'utf8');
  expect(notices).toMatch(/smol-toml \d+\.\d+\.\d+ \(BSD-3-Clause\)[^]*Redistribution and use/);
  expect(notices).not.toContain('better-sqlite3');
  expect(existsSync(join(root, 'dist', 'm.cjs'))).toBe(true);
});
