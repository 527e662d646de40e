import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isIgnored, levelOf, levelsAbove, type Level } from '../../../daemon/tools/files/ignore-levels.ts';
import { parseRules, verdictOf } from '../../../daemon/domain/ignoring/ignore-rules.ts';

let root: string;
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'm-ig-')));
  execFileSync('git', ['init', '-q', root]);
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

function file(path: string, content = ''): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
}

/** What git says of each path; a path that ends in a slash is a directory. */
function byGit(paths: readonly string[]): string[] {
  for (const path of paths) if (path.endsWith('/')) mkdirSync(join(root, path), { recursive: true });
  for (const path of paths) if (!path.endsWith('/')) file(path);
  const { stdout } = spawnSync('git', ['-C', root, 'check-ignore', '--no-index', '-z', '--stdin'], {
    input: paths.map((path) => path.replace(/\/$/, '')).join('\0'),
    env: { ...process.env, HOME: root, XDG_CONFIG_HOME: root, GIT_CONFIG_NOSYSTEM: '1' },
  });
  const ignored = new Set(stdout.toString().split('\0'));
  return paths.filter((path) => ignored.has(path.replace(/\/$/, '')));
}

/** What we say: a path is out when it, or a directory above it, is. */
function byUs(paths: readonly string[]): string[] {
  return paths.filter((path) => {
    const names = path.replace(/\/$/, '').split('/');
    let level: Level = levelsAbove(root, root);
    for (const [index, name] of names.entries()) {
      const isDirectory = index < names.length - 1 || path.endsWith('/');
      if (isIgnored(level, name, isDirectory)) return true;
      if (isDirectory) level = levelOf(join(root, ...names.slice(0, index + 1)), name, level);
    }
    return false;
  });
}

describe('ignore rules', () => {
  it.each<[string, string[]]>([
    ['*.log\n!keep.log', ['a.log', 'keep.log', 'd/b.log', 'd/keep.log', 'a.txt']],
    ['build/', ['build/x', 'd/build/x', 'other/build']],
    ['/build', ['build', 'd/build']],
    ['a/b', ['a/b', 'x/a/b']],
    ['**/a/b', ['a/b', 'x/a/b', 'x/y/a/b']],
    ['a/**', ['a/x', 'a/y/z', 'b/a/x']],
    ['a/**/b', ['a/b', 'a/x/b', 'a/x/y/b', 'a/xb']],
    ['a**b', ['ab', 'axxb', 'ax/b', 'd/ab']],
    ['foo/*', ['foo/a', 'foo/b/c']],
    ['foo/*\n!foo/b', ['foo/a', 'foo/b/c']],
    ['d/\n!d/x', ['d/x', 'd/y']],
    ['*\n!*/\n!*.c', ['a.c', 'a.h', 'd/a.c', 'd/a.h']],
    ['#a\n\\#b\n\\!c\n\\ d', ['#a', '#b', '!c', ' d']],
    ['tail   \nkept\\ \ncr\r', ['tail', 'kept ', 'cr']],
    ['[abc].txt\n[!x]y\n[^q]z\n[]-]w\n[a-c]v', ['a.txt', 'd.txt', 'xy', 'ay', 'qz', 'az', ']w', '-w', 'bv', 'dv']],
    ['[[:digit:]]a\n[[:upper:][:space:]]b', ['1a', 'xa', 'Xb', 'xb']],
    ['[unclosed', ['[unclosed', 'u']],
    ['a?c', ['abc', 'ac', 'a/c']],
    ['back\\slash\nx\\*y\ntrail\\', ['backslash', 'x*y', 'xzy', 'trail']],
    ['Case', ['Case', 'case', 'CASE']],
    ['\ufeffmark', ['mark']],
    ['*a*a*a*a*b', ['aaaa', 'aaaab', 'xaxaxaxaxb']],
    ['/*\n!/keep\n/keep/*\n!/keep/this', ['a', 'keep/this/x', 'keep/that']],
    ['/', ['a', 'b']],
    ['a/', ['a/', 'x/a/', 'b/a']],
    ['**', ['a', 'b/c']],
    ['**/', ['a', 'b/c']],
    ['x/**/', ['x/a/', 'x/a/b', 'x/c']],
    ['a/./b\n./c', ['a/b', 'c']],
    ['é?.txt', ['éa.txt', 'éé', 'ea.txt']],
  ])('say what git says of %j', (rules, paths) => {
    file('.gitignore', rules);
    const plain = paths.filter((path) => !paths.some((other) => other.startsWith(`${path}/`)));
    expect(byUs(plain)).toEqual(byGit(plain));
  });

  it('of directories below add to those above, and win', () => {
    file('.gitignore', '*.log\nout/\n');
    file('d/.gitignore', '!important.log\n/local\n');
    file('d/e/.gitignore', '*.txt\n!*.log\n');
    const paths = [
      'a.log',
      'd/a.log',
      'd/important.log',
      'd/e/any.log',
      'd/e/x.txt',
      'd/local',
      'd/e/local',
      'd/out/x',
    ];
    expect(byUs(paths)).toEqual(byGit(paths));
    expect(byUs(paths)).toEqual(['a.log', 'd/a.log', 'd/e/x.txt', 'd/local', 'd/out/x']);
  });

  it('of .git/info/exclude come last, those of .ignore first', () => {
    file('.git/info/exclude', 'private\n*.bak\n');
    file('.gitignore', '!kept.bak\n*.gen\n');
    const paths = ['private', 'a.bak', 'kept.bak', 'x.gen'];
    expect(byUs(paths)).toEqual(byGit(paths));
    file('.ignore', '!x.gen\nfixtures/\n');
    expect(byUs([...paths, 'fixtures/a'])).toEqual(['private', 'a.bak', 'fixtures/a']);
  });

  it('end where another repository begins', () => {
    file('.gitignore', '*.o\n');
    execFileSync('git', ['init', '-q', join(root, 'inner')]);
    expect(byUs(['a.o', 'inner/a.o'])).toEqual(['a.o']);
  });

  it('hold from the root of the repository, also when the workspace is further down, and from worktrees', () => {
    file('.gitignore', '*.o\nsub/deep/x\n');
    mkdirSync(join(root, 'sub/deep'), { recursive: true });
    const level = levelsAbove(join(root, 'sub/deep'), join(root, 'sub'));
    expect(isIgnored(level, 'a.o', false)).toBe(true);
    expect(isIgnored(level, 'x', false)).toBe(true);
    expect(isIgnored(level, 'y', false)).toBe(false);

    const git = (...args: string[]) =>
      execFileSync('git', ['-C', root, '-c', 'user.name=n', '-c', 'user.email=e@e', ...args], { stdio: 'pipe' });
    git('commit', '-q', '--allow-empty', '-m', 'first');
    git('worktree', 'add', '-q', join(root, 'tree'));
    file('.git/info/exclude', 'everywhere\n');
    expect(isIgnored(levelsAbove(join(root, 'tree'), root), 'everywhere', false)).toBe(true);
  });

  it('tell cases apart only where the file system does', () => {
    const rules = parseRules('Thumbs.db\n*.LOG\n[A-C]x', true);
    for (const name of ['thumbs.DB', 'a.log', 'bX']) expect(verdictOf(rules, [name], false)).toBe('ignored');
    expect(verdictOf(parseRules('Thumbs.db', false), ['thumbs.db'], false)).toBeUndefined();
  });
});
