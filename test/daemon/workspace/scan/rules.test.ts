/** What ignore rules and repositories leave out of a snapshot, and what they do not. */
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Scanner } from '../../../../daemon/workspace/scan/scanner.ts';
import { rulesOfTree } from '../../../../daemon/workspace/scan/tree-rules.ts';
import { pictureOf, ScanBench } from './support/scan-bench.ts';

let bench: ScanBench;
beforeEach(() => {
  bench = new ScanBench(tmpdir());
});
afterEach(() => {
  vi.unstubAllEnvs();
  bench.dispose();
});

const captured = (options = {}) => Object.keys(bench.picture(options)).toSorted();

function commit(...args: string[]): void {
  bench.git('-c', 'user.name=n', '-c', 'user.email=e@e', 'commit', '-q', '-m', 'x', '--allow-empty', ...args);
}

/** Names, kinds, stamps and bytes of everything below. */
function fingerprint(directory: string): string {
  const hash = createHash('sha256');
  const add = (path: string) => {
    const stat = lstatSync(path, { bigint: true });
    hash.update(`${path} ${stat.mode} ${stat.mtimeNs} ${stat.ctimeNs} ${stat.size}\n`);
    if (stat.isDirectory()) for (const name of readdirSync(path).toSorted()) add(join(path, name));
    else hash.update(readFileSync(path));
  };
  add(directory);
  return hash.digest('hex');
}

test('case 23: nested rules, negation and ignored parents leave out what git leaves out', () => {
  bench.git('init', '-q');
  bench.file('.gitignore', '*.log\n/out/\nbuild\n!keep.log\nd/*\n!d/x\n');
  bench.file('sub/.gitignore', '!special.log\n/local\nCase\n');
  bench.file('.git/info/exclude', 'private\n*.bak\n!keep.bak\n');
  for (const path of [
    'a.log',
    'keep.log',
    'out/a',
    'sub/out/a',
    'build/x',
    'sub/build/x',
    'out/keep.log',
    'd/x/y',
    'd/z',
    'sub/special.log',
    'sub/other.log',
    'sub/local',
    'sub/deep/local',
    'sub/Case',
    'sub/case',
    'private',
    'x.bak',
    'keep.bak',
    'sub/build/keep.log',
  ])
    bench.file(path);
  const untracked = bench.git('ls-files', '--others', '--exclude-standard').split('\n').toSorted();
  expect(captured()).toEqual(untracked);
  expect(untracked).toContain('sub/case');
});

test('case 23: rules of people are at the usual place, and weaker than those of the repository', () => {
  mkdirSync(join(bench.home, '.config/git'), { recursive: true });
  writeFileSync(join(bench.home, '.config/git/ignore'), '*.swp\n*.tmp\n');
  bench.git('init', '-q');
  bench.file('.gitignore', '!kept.tmp\n');
  for (const path of ['a.swp', 'a.tmp', 'kept.tmp', 'a']) bench.file(path);
  expect(captured()).toEqual(['.gitignore', 'a', 'kept.tmp']);
  const elsewhere = new Scanner({
    root: bench.root,
    cacheFile: join(bench.base, 'other'),
    key: undefined,
    places: { home: bench.home, configHome: join(bench.home, 'nothing') },
  });
  expect(elsewhere.scan(bench.store, { aborted: false }).files).toBe(5);
});

test('case 23: a rule about bytes fits one byte', () => {
  bench.git('init', '-q');
  bench.file('.gitignore', 'a?b\nc??d\n[\xc3\xa9]x\n');
  bench.file('a\u00e9b');
  bench.file('c\u00e9d');
  bench.file('axb');
  expect(captured()).toEqual(
    bench
      .git('-c', 'core.quotePath=false', 'ls-files', '--others', '--exclude-standard')
      .split('\n')
      .map((path) => Buffer.from(path).toString('latin1'))
      .toSorted(),
  );
});

test('case 24: what a person has added is captured although it is ignored, and only that', () => {
  bench.git('init', '-q');
  bench.file('.gitignore', '*.log\nvendor/\n');
  for (const path of ['a.log', 'b.log', 'vendor/lib/in', 'vendor/lib/out', 'vendor/other/out', 'x']) bench.file(path);
  bench.git('add', '-f', 'a.log', 'vendor/lib/in');
  expect(captured()).toEqual(['.gitignore', 'a.log', 'vendor/lib/in', 'x']);
  bench.git('add', '-f', 'vendor/other/out');
  bench.git('rm', '-q', '--cached', 'a.log');
  expect(captured()).toEqual(['.gitignore', 'vendor/lib/in', 'vendor/other/out', 'x']);
  const rules = bench.scanner.rules();
  expect(
    ['a.log', 'vendor/lib/in', 'vendor/lib/out', 'vendor/lib', 'vendor/none', 'x'].map((path) =>
      rules.isIgnored(path, false),
    ),
  ).toEqual([true, false, true, true, true, false]);
});

test.each(['2', '3', '4', 'split', 'sha256', 'skipHash'])('case 24: an index of kind %s is read', (kind) => {
  bench.git('init', '-q', ...(kind === 'sha256' ? ['--object-format=sha256'] : []));
  bench.file('.gitignore', '*.log\n');
  for (let index = 0; index < 50; index += 1) bench.file(`some/directory/file-${index}.log`);
  for (const path of ['a.log', 'b.log', 'later.log', 'not.log']) bench.file(path);
  if (kind === 'skipHash') bench.git('config', 'index.skipHash', 'true');
  bench.git('add', '-f', 'a.log', 'some', 'b.log');
  if (kind === 'split') bench.git('update-index', '--split-index');
  else if (/^\d$/.test(kind)) bench.git('update-index', '--index-version', kind);
  if (kind === '3') bench.git('add', '-f', '--intent-to-add', 'later.log');
  else bench.git('add', '-f', 'later.log');
  const result = bench.scan();
  expect(result.remarks).toEqual([]);
  expect(result.files).toBe(54);
  expect(Object.keys(pictureOf(bench.store, result.tree))).not.toContain('not.log');
});

test('case 24: what only the index keeps in goes with its place there, though nothing else has changed', () => {
  bench.git('init', '-q');
  bench.file('.git/info/exclude', '*.log\n');
  for (const path of ['a.log', 'only/b.log', 'c.txt']) bench.file(path);
  bench.git('add', '-f', '.');
  bench.settle();
  expect(Object.keys(bench.picture())).toEqual(['a.log', 'c.txt', 'only/b.log']);
  bench.git('rm', '-q', '--cached', 'a.log', 'only/b.log');
  expect(Object.keys(bench.picture())).toEqual(['c.txt']);
});

test('case 24: a damaged index is said, and costs only the exceptions', () => {
  bench.git('init', '-q');
  bench.file('.gitignore', '*.log\n');
  bench.file('a.log');
  bench.file('b');
  bench.git('add', '-f', '.');
  const index = readFileSync(bench.at('.git/index'));
  for (const damaged of [index.subarray(0, -1), Buffer.alloc(0), Buffer.from('DIRC'), index.fill(9, 40, 41)]) {
    writeFileSync(bench.at('.git/index'), damaged);
    const result = bench.scan();
    expect(result.remarks).toEqual([expect.stringMatching(/index of the repository.*could not be read.*not captured/)]);
    expect(result.files).toBe(2);
  }
});

test('case 25: rules that change between scans bring in and leave out what they say', () => {
  bench.file('d/.gitignore', '*.log\n');
  for (const path of ['d/a.log', 'd/e/b.log', 'c.log']) bench.file(path);
  const first = bench.settle();
  expect(captured()).toEqual(['c.log', 'd/.gitignore']);
  expect(bench.scan().rulesHash).toBe(first.rulesHash);
  bench.file('d/.gitignore', '');
  const second = bench.scan();
  expect(second.rulesHash).not.toBe(first.rulesHash);
  expect(captured()).toEqual(['c.log', 'd/.gitignore', 'd/a.log', 'd/e/b.log']);
  bench.settle();
  bench.remove('d/.gitignore');
  bench.file('.gitignore', 'e/\n');
  expect(captured()).toEqual(['.gitignore', 'c.log', 'd/a.log']);
  bench.settle();
  mkdirSync(join(bench.home, '.config/git'), { recursive: true });
  writeFileSync(join(bench.home, '.config/git/ignore'), '*.log\n');
  expect(captured()).toEqual(['.gitignore']);
});

test('case 25: an ignore file that ignores itself counts, one that is a symbolic link or a directory does not', () => {
  bench.file('.gitignore', '.gitignore\n*.log\n');
  bench.file('a.log');
  bench.file('b/.gitignore/x');
  bench.file('rules', '*\n');
  mkdirSync(bench.at('c'));
  symlinkSync('../rules', bench.at('c/.gitignore'));
  bench.file('c/x');
  expect(captured()).toEqual(['c/x', 'rules']);
});

test('case 26: repositories within are captured like other directories, without their .git, under their own rules', () => {
  bench.git('init', '-q');
  bench.file('.gitignore', '*.log\n');
  for (const name of ['nested', 'unborn', 'deep/er']) bench.git('init', '-q', name);
  bench.file('nested/a.log');
  bench.file('nested/.gitignore', '*.txt');
  bench.file('nested/b.txt');
  bench.git('-C', 'nested', 'add', '.gitignore');
  bench.git('-C', 'nested', '-c', 'user.name=n', '-c', 'user.email=e@e', 'commit', '-q', '-m', 'x');
  bench.file('unborn/x');
  bench.file('deep/er/y');
  bench.file('deep/z.log');
  commit();
  bench.git('worktree', 'add', '-q', 'tree');
  writeFileSync(bench.at('.git/info/exclude'), 'everywhere\n');
  bench.file('tree/everywhere');
  bench.file('tree/here');
  bench.git('-c', 'protocol.file.allow=always', 'submodule', 'add', '-q', './nested', 'module');
  bench.file('module/more');
  const paths = captured();
  expect(paths).toEqual(
    [
      '.gitignore',
      '.gitmodules',
      'deep/er/y',
      'module/.gitignore',
      'module/more',
      'nested/.gitignore',
      'nested/a.log',
      'tree/here',
      'unborn/x',
    ].toSorted(),
  );
  expect(paths.some((path) => path.split('/').includes('.git'))).toBe(false);
  expect(bench.scanner.rules().isIgnored('nested/a.log', false)).toBe(false);
  expect(bench.scanner.rules().isIgnored('nested/.git/config', false)).toBe(true);
});

test('case 27: nothing in a .git is touched, not even a time', () => {
  bench.git('init', '-q');
  bench.file('a');
  bench.git('add', '.');
  commit();
  bench.git('init', '-q', 'nested');
  const before = [fingerprint(bench.at('.git')), fingerprint(bench.at('nested/.git'))];
  bench.settle();
  bench.file('a', 'changed');
  bench.scan({ relist: true });
  bench.scanner.capture('a', bench.store);
  bench.scanner.rules().isIgnored('a/b/c', true);
  bench.scanner.saveCache();
  expect([fingerprint(bench.at('.git')), fingerprint(bench.at('nested/.git'))]).toEqual(before);
});

test('case 28: what a sparse checkout does not have on the disk is not there', () => {
  bench.git('init', '-q');
  for (const path of ['in/a', 'out/b', 'top']) bench.file(path);
  bench.git('add', '.');
  commit();
  bench.git('sparse-checkout', 'set', '--cone', '--sparse-index', 'in');
  expect(existsSync(bench.at('out'))).toBe(false);
  bench.file('.gitignore', '*.log\n');
  bench.file('in/x.log');
  expect(bench.scan().remarks).toEqual([]);
  expect(captured()).toEqual(['.gitignore', 'in/a', 'top']);
});

test('case 29: outside of repositories, without any rules, what tools install is left out', () => {
  for (const path of [
    'a',
    'node_modules/x/y',
    'sub/node_modules/z',
    'py/__pycache__/m.pyc',
    'dist/kept',
    'target/kept',
    'rust/target/x',
  ])
    bench.file(path);
  bench.file('rust/Cargo.toml');
  expect(captured()).toEqual(['a', 'dist/kept', 'rust/Cargo.toml', 'target/kept']);
  expect(bench.scanner.rules().isIgnored('rust/target', true)).toBe(true);
  expect(bench.scanner.rules().isIgnored('node_modules/x/y', false)).toBe(true);
  bench.file('sub/.gitignore', '');
  expect(captured()).toContain('sub/node_modules/z');
  bench.git('init', '-q');
  expect(captured()).toContain('node_modules/x/y');
});

test('case 30: variables and settings of git change nothing', () => {
  bench.git('init', '-q');
  for (const path of ['a', 'b', 'd/c']) bench.file(path);
  bench.git('add', 'a');
  const { tree } = bench.settle();
  const other = join(bench.base, 'hostile');
  vi.stubEnv('GIT_DIR', other);
  vi.stubEnv('GIT_WORK_TREE', other);
  vi.stubEnv('GIT_INDEX_FILE', other);
  vi.stubEnv('GIT_OBJECT_DIRECTORY', other);
  vi.stubEnv('GIT_CONFIG_GLOBAL', other);
  vi.stubEnv('XDG_CONFIG_HOME', bench.root);
  bench.file(
    '.git/config',
    '[core]\n\texcludesFile = /dev/full\n\tworktree = /\n\tignorestat = true\n\tbare = true\n[broken',
  );
  bench.file('.git/hooks/post-index-change', '#!/bin/sh\ntouch hooked\n', 0o755);
  writeFileSync(join(bench.home, '.gitconfig'), '[core]\n\texcludesFile = /dev/zero\n');
  expect(bench.scan().tree).toBe(tree);
  expect(bench.scan({ relist: true }).tree).toBe(tree);
  expect(existsSync(other)).toBe(false);
});

test('a workspace within a repository is under the rules of the repository', () => {
  const inner = new ScanBench(bench.root);
  try {
    bench.git('init', '-q');
    const name = inner.base.slice(bench.root.length + 1);
    writeFileSync(bench.at('.gitignore'), `*.log\n/${name}/work/top\n`);
    writeFileSync(join(inner.base, '.gitignore'), '/work/local\n!kept.log\n');
    for (const path of ['a.log', 'kept.log', 'top', 'local', 'sub/local', 'tracked.log']) inner.file(path);
    bench.git('add', '-f', `${name}/work/tracked.log`);
    const paths = Object.keys(inner.picture()).toSorted();
    expect(paths).toEqual(['kept.log', 'sub/local', 'tracked.log']);
    expect(inner.scanner.rules().isIgnored('top', false)).toBe(true);
    writeFileSync(bench.at('.gitignore'), '*\n');
    const result = inner.scan();
    expect(result.remarks).toEqual([expect.stringContaining('ignored by the repository around it')]);
    expect(result.files).toBe(6);
  } finally {
    inner.dispose();
  }
});

test('rules are told for single paths as a scan applies them', () => {
  bench.git('init', '-q');
  bench.file('.gitignore', '*.log\nout/\n');
  bench.file('a/.gitignore', '!x.log\n');
  for (const path of ['a/x.log', 'a/y.log', 'out/z', 'b']) bench.file(path);
  const paths = captured();
  const rules = bench.scanner.rules();
  for (const path of ['a/x.log', 'a/y.log', 'out/z', 'b', '.gitignore', 'a/.gitignore'])
    expect(rules.isIgnored(path, false), path).toBe(!paths.includes(path));
  expect(rules.isIgnored('out', true)).toBe(true);
  expect(rules.isIgnored('not/there/yet.log', false)).toBe(true);
  expect(rules.isIgnored('not/there/yet', false)).toBe(false);
  expect(rules.isIgnored('.git', true)).toBe(true);
});

test('the rules of a snapshot are those of its own ignore files, with those around the workspace', () => {
  bench.git('init', '-q');
  writeFileSync(bench.at('.git/info/exclude'), '*.private\n');
  bench.file('.gitignore', '*.old\n');
  bench.file('d/.gitignore', 'local\n');
  bench.file('d/x');
  const { tree } = bench.scan();
  bench.file('.gitignore', '*.new\n');
  bench.remove('d/.gitignore');
  const current = bench.scanner.rules();
  const then = rulesOfTree(bench.store, tree, current.outer);
  const asked = ['a.old', 'a.new', 'a.private', 'd/local', 'd/sub/local', 'd/sub/b.old', 'gone/x'];
  expect(asked.filter((path) => current.isIgnored(path, false))).toEqual(['a.new', 'a.private']);
  expect(asked.filter((path) => then.isIgnored(path, false))).toEqual([
    'a.old',
    'a.private',
    'd/local',
    'd/sub/local',
    'd/sub/b.old',
  ]);
  expect(rulesOfTree(bench.store, bench.scan().tree, current.outer).isIgnored('a.new', false)).toBe(true);
});

test('an index whose time is put back is read again', () => {
  bench.git('init', '-q');
  bench.file('.gitignore', '*.log\n');
  bench.file('a.log');
  bench.file('b.log');
  bench.git('add', '-f', 'a.log');
  utimesSync(bench.at('.git/index'), 1, 1);
  bench.settle();
  bench.git('rm', '-q', '--cached', 'a.log');
  bench.git('add', '-f', 'b.log');
  utimesSync(bench.at('.git/index'), 1, 1);
  expect(captured()).toEqual(['.gitignore', 'b.log']);
});
