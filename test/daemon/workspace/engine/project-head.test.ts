import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { projectHead } from '../../../../daemon/workspace/engine/project-head.ts';

let top: string;
beforeEach(() => {
  top = realpathSync(mkdtempSync(join(tmpdir(), 'm-head-')));
});
afterEach(() => {
  rmSync(top, { recursive: true, force: true });
});

function git(cwd: string, ...args: string[]): string {
  const env = {
    PATH: process.env['PATH'],
    HOME: top,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    ...Object.fromEntries(
      ['AUTHOR', 'COMMITTER'].flatMap((who) => [
        [`GIT_${who}_NAME`, 'someone'],
        [`GIT_${who}_EMAIL`, 'someone@localhost'],
      ]),
    ),
  };
  return execFileSync('git', args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
}

describe('the HEAD of a project', () => {
  it('is the branch and its commit, loose or packed, also from a directory within', () => {
    git(top, 'init', '-q', '-b', 'main');
    expect(projectHead(top)).toEqual({ ref: 'refs/heads/main' });
    git(top, 'commit', '-q', '--allow-empty', '-m', 'one');
    const commit = git(top, 'rev-parse', 'HEAD');
    expect(projectHead(top)).toEqual({ ref: 'refs/heads/main', commit });
    git(top, 'pack-refs', '--all');
    expect(projectHead(top)).toEqual({ ref: 'refs/heads/main', commit });
    mkdirSync(join(top, 'deep/er'), { recursive: true });
    expect(projectHead(join(top, 'deep/er'))).toEqual({ ref: 'refs/heads/main', commit });
    git(top, 'checkout', '-q', '--detach');
    expect(projectHead(top)).toEqual({ commit });
  });

  it('of a worktree is its own', () => {
    git(top, 'init', '-q', '-b', 'main', 'project');
    git(join(top, 'project'), 'commit', '-q', '--allow-empty', '-m', 'one');
    const commit = git(join(top, 'project'), 'rev-parse', 'HEAD');
    git(join(top, 'project'), 'worktree', 'add', '-q', '-b', 'other', '../tree');
    expect(projectHead(join(top, 'tree'))).toEqual({ ref: 'refs/heads/other', commit });
  });

  it('is unknown where it is a link, too long, or leads elsewhere', () => {
    expect(projectHead(top)).toBeUndefined();
    mkdirSync(join(top, '.git'));
    expect(projectHead(top)).toBeUndefined();
    for (const text of ['x'.repeat(5_000), 'ref: refs/../../secret\n', 'nothing of git\n']) {
      writeFileSync(join(top, '.git/HEAD'), text);
      expect(projectHead(top)).toBeUndefined();
    }
    rmSync(join(top, '.git/HEAD'));
    writeFileSync(join(top, 'elsewhere'), `${'a'.repeat(40)}\n`);
    symlinkSync('../elsewhere', join(top, '.git/HEAD'));
    expect(projectHead(top)).toBeUndefined();
  });
});
