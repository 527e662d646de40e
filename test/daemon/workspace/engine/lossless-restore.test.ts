/** What a restore must never take away: files that no snapshot knew, and content that could not be brought back. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ALICE, Workbench } from './support/workbench.ts';

const first = { sessionId: ALICE, turn: 1 };

let bench: Workbench;
beforeEach(() => {
  bench = new Workbench();
});
afterEach(() => {
  vi.useRealTimers();
  bench.close();
});

function git(...args: string[]): void {
  execFileSync('git', ['-C', bench.root, '-c', 'init.defaultBranch=main', ...args], { stdio: 'ignore' });
}

/** As if everything that is there had been made long before. */
function captureLater(): void {
  vi.setSystemTime(Date.now() + 60_000);
  bench.pre(ALICE, 1);
  vi.useRealTimers();
}

describe('a file that was left out before a turn, and is not any more after it,', () => {
  it.each([
    ['a repository was made', 'node_modules/a/index.js', () => git('init', '-q')],
    ['a rule of the repository went', 'local/notes', () => bench.write('.git/info/exclude', '')],
    ['the file of rules that hid itself went', 'cache/a', () => bench.remove('cache/.gitignore')],
  ] as const)('stays when the turn is taken back: %s', async (why, path, change) => {
    if (why !== 'a repository was made') {
      git('init', '-q');
      bench.write('.git/info/exclude', 'local/\n');
    }
    bench.write('cache/.gitignore', '*\n');
    bench.write(path, 'mine');
    captureLater();
    bench.command(first, change);
    bench.end(first);
    for (const all of [false, true]) {
      const { kept } = await bench.plan(ALICE, 1, 'pre', 1, { all });
      expect(kept).toContainEqual({ path, reason: 'skipped' });
      await bench.restore(ALICE, 1, 'pre', 1, { all });
      expect(bench.text(path)).toBe('mine');
    }
  });

  it('stays also where nobody knows when it was made, if a rule of then says so and only the index does not', async () => {
    git('init', '-q');
    bench.write('.gitignore', 'secret\n');
    bench.write('secret', 'mine');
    bench.pre(ALICE, 1);
    bench.command(first, () => git('add', '-f', 'secret'));
    bench.end(first);
    const { files, kept } = await bench.plan(ALICE, 1, 'pre', 1, { all: true });
    expect([files, kept]).toEqual([[], [{ path: 'secret', reason: 'ignored' }]]);
  });
});

it('a file that a command has moved goes from its new place, although it is older than the turn', async () => {
  bench.write('old.txt', 'text');
  captureLater();
  bench.command(first, () => renameSync(join(bench.root, 'old.txt'), join(bench.root, 'new.txt')));
  bench.end(first);
  await bench.restore(ALICE, 1, 'pre', 1);
  expect(bench.files()).toEqual({ 'old.txt': 'text' });
});

it('a file that was only let be seen stays though a tool made it anew since, and one that was moved goes', async () => {
  bench.write('node_modules/a/index.js', 'mine');
  bench.write('old.txt', 'text');
  const written = Date.now();
  // Files that are hardly older than the snapshot count as new.
  await vi.waitUntil(() => Date.now() > written + 2_500, { timeout: 10_000 });
  bench.pre(ALICE, 1);
  bench.command(first, () => {
    git('init', '-q');
    renameSync(join(bench.root, 'old.txt'), join(bench.root, 'new.txt'));
  });
  for (const path of ['node_modules/a/index.js', 'new.txt']) {
    bench.command(first, () => {
      bench.write('made', 'edited');
      renameSync(join(bench.root, 'made'), join(bench.root, path));
    });
  }
  bench.end(first);
  for (const all of [false, true]) {
    const { files, kept } = await bench.plan(ALICE, 1, 'pre', 1, { all });
    expect(files.map(({ path, action }) => [path, action])).toEqual([
      ['new.txt', 'delete'],
      ['old.txt', 'create'],
    ]);
    expect(kept).toEqual([{ path: 'node_modules/a/index.js', reason: 'skipped' }]);
  }
});

it('nothing is replaced or deleted that could not be brought back: what is damaged is captured anew before', async () => {
  // Of several chunks, so that the list at the end of its pack is whole.
  const content = randomBytes(200_000).toString('hex');
  bench.write('a.txt', 'old');
  bench.pre(ALICE, 1);
  const before = new Set(readdirSync(bench.directory));
  bench.edit(first, 'a.txt', content);
  const later = readdirSync(bench.directory).filter((name) => name.endsWith('.pack') && !before.has(name));
  bench.end(first);
  bench.leave();
  for (const name of later) {
    const path = join(bench.directory, name);
    writeFileSync(path, readFileSync(path).fill(7, 1000, 1100));
  }
  await bench.restore(ALICE, 1, 'pre', 1);
  expect(bench.files()).toEqual({ 'a.txt': 'old' });
  await bench.undo(ALICE, 1);
  expect(bench.files()).toEqual({ 'a.txt': content });
});
