/** Scans that are told where something may have changed: what they take as it was, and what they look at all the same. */
import { chmodSync, linkSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { EMPTY_TREE } from '../../../../daemon/workspace/objects/object.ts';
import { realDisk } from '../../../../daemon/workspace/scan/disk.ts';
import type { ScanResult } from '../../../../daemon/workspace/scan/scan-result.ts';
import type { ScanOptions } from '../../../../daemon/workspace/scan/scanner.ts';
import { MemoryStore } from './support/memory-store.ts';
import { diskPicture, pictureOf, ScanBench } from './support/scan-bench.ts';

const NOTHING = { directories: [], subtrees: [] };

let bench: ScanBench;

beforeEach(() => {
  const made = new ScanBench(tmpdir());
  bench = made;
  onTestFinished(() => made.dispose());
});

function told(directories: string[], subtrees: string[] = []): ScanResult {
  return scan({ dirty: { directories, subtrees } });
}

function scan(options: ScanOptions = {}): ScanResult {
  bench.calls.length = 0;
  return bench.scanner.scan(bench.store, { aborted: false }, options);
}

function expectDisk(result: ScanResult): void {
  expect(pictureOf(bench.store, result.tree)).toEqual(diskPicture(bench.root));
}

describe('a scan that is told where something may have changed', () => {
  test('looks there, and takes the rest as it was', () => {
    for (const path of ['a/f', 'a/x/f', 'b/f', 'b/x/f']) bench.file(path);
    bench.scan();
    for (const path of ['a/x/f', 'b/x/f', 'b/f']) bench.file(path, 'changed');
    const entered: string[] = [];
    const result = scan({ dirty: { directories: ['b'], subtrees: [] }, entered: (path) => entered.push(path) });
    expect(entered).toEqual(['b']);
    expect(result).toMatchObject({ isWhole: false, files: 4, directories: 5, changedDirectories: 2 });
    const picture = pictureOf(bench.store, result.tree);
    expect(picture).toMatchObject({ 'b/f': '100644 changed', 'b/x/f': '100644 b/x/f', 'a/x/f': '100644 a/x/f' });
    expectDisk(told(['a/x', 'b/x']));
  });

  test('finds everything below what is told whole, and a directory that is new with all that is in it', () => {
    for (const path of ['a/f', 'a/x/f', 'b/f']) bench.file(path);
    bench.scan();
    bench.file('a/x/f', 'changed');
    bench.file('a/f', 'changed too');
    bench.file('new/deep/f');
    bench.remove('b');
    expectDisk(told([''], ['a']));
  });

  test('says the same as a scan of everything', () => {
    for (const path of ['a/f', 'a/x/f', 'b/.gitignore', 'b/f']) bench.file(path);
    bench.file('large', 'x'.repeat(2_000));
    bench.limits = { fileBytes: 1_000 };
    const { isWhole, changedDirectories, ...whole } = bench.settle();
    expect([isWhole, changedDirectories]).toEqual([true, 0]);
    expect(told([])).toEqual({ ...whole, isWhole: false, changedDirectories: 0 });
    expect(told(['b'], ['a'])).toEqual({ ...whole, isWhole: false, changedDirectories: 0 });
    expect(bench.calls.filter((call) => call.startsWith('open'))).toEqual([]);
    expect(whole.skipped).toEqual([{ path: 'large', reason: 'too-large', bytes: 2_000 }]);
  });

  test('keeps to the limits of the whole workspace', () => {
    for (const path of ['a/1', 'a/2', 'b/1']) bench.file(path);
    bench.limits = { files: 4 };
    bench.scan();
    for (const path of ['b/2', 'b/3']) bench.file(path);
    const result = told(['b']);
    expect(result.truncated).toEqual({ reason: 'files', limit: 4 });
    expect(result.tree).toBe(EMPTY_TREE);
    bench.remove('b/3');
    expectDisk(told(['b']));
  });

  test('of a directory that is told and gone leaves it out', () => {
    for (const path of ['a/x/f', 'b/f']) bench.file(path);
    bench.scan();
    bench.remove('a/x');
    expectDisk(told(['a/x']));
    bench.file('a/x/f', 'again');
    expectDisk(told(['a']));
  });

  test('looks at everything all the same with relist', () => {
    bench.file('a/f');
    bench.scan();
    bench.file('a/f', 'changed');
    const result = scan({ relist: true, dirty: NOTHING });
    expect(result.isWhole).toBe(true);
    expectDisk(result);
  });
});

describe('a scan that cannot build on the newest one looks at everything', () => {
  test('in a new life of the process', () => {
    bench.file('a/f');
    bench.settle();
    bench.scanner.saveCache();
    bench.restart();
    bench.file('a/f', 'changed');
    const result = told([]);
    expect(result.isWhole).toBe(true);
    expectDisk(result);
  });

  test('after the batch of the newest one was given up', () => {
    bench.file('a/f');
    bench.file('b/f');
    bench.scan();
    bench.file('a/f', 'changed');
    // What was told here is told to nobody else, and the objects are lost.
    bench.scanner.scan(new MemoryStore(), { aborted: false }, { dirty: { directories: ['a'], subtrees: [] } });
    const result = told([]);
    expect(result.isWhole).toBe(true);
    expectDisk(result);
  });

  test('after it was told to forget', () => {
    bench.file('a/f');
    bench.scan();
    bench.file('a/f', 'changed');
    bench.scanner.forget();
    expectDisk(told([]));
  });

  test('and one that was aborted leaves what is told to the next', () => {
    bench.file('a/f');
    bench.scan();
    bench.file('a/f', 'changed');
    const { truncated } = bench.scanner.scan(
      bench.store,
      { aborted: true },
      { dirty: { directories: ['a'], subtrees: [] } },
    );
    expect(truncated?.reason).toBe('aborted');
    expectDisk(told(['a']));
  });
});

describe('what no watch tells is looked at each time', () => {
  test('case 12: a file that is written through another name', () => {
    bench.file('a/f');
    mkdirSync(bench.at('b'));
    linkSync(bench.at('a/f'), bench.at('b/g'));
    bench.scan();
    bench.file('b/g', 'through the other name');
    const result = told([]);
    expect(result.isWhole).toBe(false);
    expectDisk(result);
  });

  test('case 12: a file that has got a further name and was written through it', () => {
    bench.file('a/f');
    bench.file('b/other');
    bench.scan();
    linkSync(bench.at('a/f'), bench.at('b/g'));
    bench.file('b/g', 'through the new name');
    const result = told(['b']);
    expect(result.isWhole).toBe(true);
    expectDisk(result);
    bench.file('a/f', 'and back');
    const next = told(['a']);
    expect(next.isWhole).toBe(false);
    expectDisk(next);
  });

  test('case 12: another file in the place of one that had several names, with several itself', () => {
    for (const path of ['a/f', 'c/f']) bench.file(path);
    mkdirSync(bench.at('b'));
    linkSync(bench.at('a/f'), bench.at('b/g'));
    bench.scan();
    rmSync(bench.at('b/g'));
    linkSync(bench.at('c/f'), bench.at('b/g'));
    bench.file('b/g', 'through the new name');
    expectDisk(told(['b']));
  });

  test('case 12: a file that has one name again is like any other', () => {
    bench.file('a/f');
    linkSync(bench.at('a/f'), bench.at('a/g'));
    bench.scan();
    rmSync(bench.at('a/g'));
    expectDisk(told(['a']));
    const entered: string[] = [];
    scan({ dirty: NOTHING, entered: (path) => entered.push(path) });
    expect(entered).toEqual([]);
  });

  test('case 15: a directory that could not be listed is looked at whole as soon as it can', () => {
    for (const path of ['a/f', 'a/x/f']) bench.file(path);
    bench.scan();
    const refusing = bench.at('a');
    let refuses = true;
    const { list, lstat } = bench.disk;
    const refuse = (path: string) => {
      if (refuses && path.startsWith(refusing)) throw Object.assign(new Error('no'), { code: 'EACCES' });
    };
    bench.disk = {
      ...bench.disk,
      list: (path) => (refuse(path), list(path)),
      lstat: (path) => (refuse(path), lstat(path)),
    };
    bench.file('a/x/f', 'changed');
    const closed = told(['a', 'a/x']);
    expect(closed.skipped).toEqual([{ path: 'a', reason: 'unreadable-directory' }]);
    expect(pictureOf(bench.store, closed.tree)).toMatchObject({ 'a/x/f': '100644 a/x/f' });
    refuses = false;
    expectDisk(told([]));
  });

  test('case 14: a file that could not be read is tried again', () => {
    bench.file('a/f', 'one');
    bench.scan();
    bench.file('a/f', 'two');
    bench.disk = {
      ...realDisk,
      open: (path) => {
        if (path.endsWith('/a/f')) throw Object.assign(new Error('no'), { code: 'EACCES' });
        return realDisk.open(path);
      },
    };
    expect(told(['a']).skipped).toEqual([{ path: 'a/f', reason: 'unreadable' }]);
    bench.disk = realDisk;
    expectDisk(told([]));
  });

  test('case 24: a file that is ignored and comes into the index of the repository, or goes', () => {
    bench.git('init', '-q', '.');
    bench.file('.gitignore', 'a/*\n');
    bench.file('a/f');
    bench.file('a/b/f');
    bench.scan();
    bench.git('add', '-f', 'a/f', 'a/b/f');
    expect(pictureOf(bench.store, told([]).tree)).toHaveProperty(['a/b/f']);
    bench.git('rm', '-q', '--cached', 'a/b/f');
    expect(Object.keys(pictureOf(bench.store, told([]).tree))).toEqual(['.gitignore', 'a/f']);
  });

  test('case 25: the excludes of a repository, also of one that is deep inside, and those of the person', () => {
    bench.git('init', '-q', '.');
    mkdirSync(bench.at('a/in/deep'), { recursive: true });
    bench.git('init', '-q', 'a/in');
    for (const path of ['a/f', 'a/in/g', 'a/in/deep/g', 'b/h']) bench.file(path);
    bench.scan();
    writeFileSync(bench.at('.git/info/exclude'), 'f\n');
    expect(Object.keys(pictureOf(bench.store, told([]).tree))).toEqual(['a/in/deep/g', 'a/in/g', 'b/h']);
    writeFileSync(bench.at('a/in/.git/info/exclude'), 'g\n');
    expect(Object.keys(pictureOf(bench.store, told([]).tree))).toEqual(['b/h']);
    mkdirSync(join(bench.home, '.config', 'git'), { recursive: true });
    writeFileSync(join(bench.home, '.config', 'git', 'ignore'), 'h\n');
    expect(told([]).files).toBe(0);
    rmSync(bench.at('a/in/.git/info/exclude'));
    expect(Object.keys(pictureOf(bench.store, told([]).tree))).toEqual(['a/in/deep/g', 'a/in/g']);
  });

  test('case 25: an ignore file above decides anew about directories of which nothing is told', () => {
    for (const path of ['a/b/f', 'a/b/g', 'a/c/f']) bench.file(path);
    bench.scan();
    bench.file('.gitignore', 'f\n');
    expect(Object.keys(pictureOf(bench.store, told(['']).tree))).toEqual(['.gitignore', 'a/b/g']);
    bench.file('a/.gitignore', '!f\n');
    expectDisk(told(['a']));
    bench.remove('a/.gitignore');
    expect(Object.keys(pictureOf(bench.store, told(['a']).tree))).toEqual(['.gitignore', 'a/b/g']);
  });

  test('case 26: a directory that becomes a repository has rules of its own from then on', () => {
    bench.file('.gitignore', 'f\n');
    for (const path of ['a/b/f', 'a/b/g']) bench.file(path);
    bench.scan();
    bench.git('init', '-q', 'a');
    expect(Object.keys(pictureOf(bench.store, told(['a']).tree))).toEqual(['.gitignore', 'a/b/f', 'a/b/g']);
    renameSync(bench.at('a/.git'), join(bench.base, 'gone'));
    expect(Object.keys(pictureOf(bench.store, told(['a']).tree))).toEqual(['.gitignore', 'a/b/g']);
  });
});

test('a mode that is told of changes the tree', () => {
  bench.file('a/f');
  bench.scan();
  chmodSync(bench.at('a/f'), 0o755);
  expectDisk(told(['a']));
});
