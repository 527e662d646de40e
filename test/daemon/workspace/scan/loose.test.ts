/** Scans that are told of contents only: what they see of names for themselves. */
import { mkdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { realDisk } from '../../../../daemon/workspace/scan/disk.ts';
import type { ScanResult } from '../../../../daemon/workspace/scan/scan-result.ts';
import { diskPicture, pictureOf, ScanBench } from './support/scan-bench.ts';

let bench: ScanBench;

/** Later than what was written lately is looked at for. */
const LATER = 150_000;

beforeEach(() => {
  const made = new ScanBench(tmpdir());
  made.now = () => Date.now() + LATER;
  bench = made;
  onTestFinished(() => made.dispose());
});

function told(directories: string[] = [], subtrees: string[] = []): ScanResult {
  const dirty = { directories, subtrees, isLoose: true };
  const result = bench.scanner.scan(bench.store, { aborted: false }, { dirty });
  expect(result.isWhole).toBe(false);
  return result;
}

function expectDisk(result: ScanResult): void {
  expect(pictureOf(bench.store, result.tree)).toEqual(diskPicture(bench.root));
}

describe('a scan that is told of contents', () => {
  test('looks at directories and at no file when nothing was told', () => {
    for (const path of ['a/f', 'a/x/f', 'b/f']) bench.file(path);
    bench.settle();
    const looked: string[] = [];
    const disk = bench.disk;
    bench.disk = {
      ...disk,
      lstat: (path) => (looked.push(path.slice(bench.root.length + 1)), disk.lstat(path)),
    };
    expect(told()).toMatchObject({ files: 3, directories: 4, changedDirectories: 0 });
    expect(looked.filter((path) => path.endsWith('f'))).toEqual([]);
    expect(looked).toEqual(expect.arrayContaining(['', 'a', 'a/x', 'b']));
  });

  test.each<[string, () => void]>([
    ['a file that was made', () => bench.file('a/x/new')],
    ['a file that was removed', () => bench.remove('a/x/f')],
    [
      'a file that was written beside and moved into place',
      () => {
        bench.file('side', 'changed');
        renameSync(bench.at('side'), bench.at('a/x/f'));
      },
    ],
    ['a directory that was made, with all that is in it', () => bench.file('b/new/deep/f')],
    ['a directory that was removed', () => bench.remove('a/x')],
    [
      'directories that took each other’s place',
      () => {
        renameSync(bench.at('a'), bench.at('t'));
        renameSync(bench.at('b'), bench.at('a'));
        renameSync(bench.at('t'), bench.at('b'));
      },
    ],
    [
      'a directory that was changed somewhere else and came back',
      () => {
        renameSync(bench.at('a'), `${bench.root}-away`);
        writeFileSync(`${bench.root}-away/x/f`, 'changed');
        renameSync(`${bench.root}-away`, bench.at('a'));
      },
    ],
    [
      'a directory that is a file now, and the other way round',
      () => {
        bench.remove('a/x');
        bench.file('a/x', 'a file');
        rmSync(bench.at('b/f'));
        mkdirSync(bench.at('b/f'));
      },
    ],
  ])('finds %s, told or not', (_, change) => {
    for (const path of ['a/f', 'a/x/f', 'a/y/f', 'b/f', 'b/x/f']) bench.file(path);
    bench.settle();
    change();
    expectDisk(told());
  });

  test('finds what was written into a file where it is told, and only there', () => {
    for (const path of ['a/f', 'a/x/f', 'b/f']) bench.file(path);
    bench.settle();
    for (const path of ['a/x/f', 'b/f']) writeFileSync(bench.at(path), 'changed');
    expect(pictureOf(bench.store, told(['a/x']).tree)).toMatchObject({
      'a/x/f': '100644 changed',
      'b/f': '100644 b/f',
    });
    expectDisk(told([], ['b']));
  });

  test('looks at what was written lately, since it may be written again by who holds it open', () => {
    for (const path of ['log/f', 'quiet/f']) bench.file(path);
    utimesSync(bench.at('quiet/f'), 1, 1);
    bench.settle();
    bench.now = Date.now;
    for (const path of ['log/f', 'quiet/f']) writeFileSync(bench.at(path), 'changed');
    const picture = pictureOf(bench.store, told().tree);
    expect(picture).toEqual({ 'log/f': '100644 changed', 'quiet/f': '100644 quiet/f' });
  });

  test('does not look everywhere because everything was written lately', () => {
    const paths = Array.from({ length: 600 }, (_, at) => `d${at}/f`);
    for (const path of paths) bench.file(path);
    bench.settle();
    bench.now = Date.now;
    const looked: string[] = [];
    const disk = bench.disk;
    bench.disk = { ...disk, lstat: (path) => (looked.push(path), disk.lstat(path)) };
    told();
    expect(looked.filter((path) => path.endsWith('/f'))).toHaveLength(500);
  });

  test.each([
    ['SRC/Deep', 'src/deep'],
    ['src/deep', 'SRC/DEEP'],
    ['caf\u00e9/x', 'cafe\u0301/x'],
    ['cafe\u0301/x', 'CAF\u00c9/X'],
  ])('finds what was told of %s in %s, since a file system may take one for the other', (spelled, path) => {
    bench.file(`${path}/f`);
    bench.file('other/f');
    bench.settle();
    writeFileSync(bench.at(`${path}/f`), 'changed');
    expectDisk(told([Buffer.from(spelled, 'utf8').toString('latin1')]));
  });

  test('looks at all that is mounted in the workspace, since nothing need be told of it', () => {
    for (const path of ['a/f', 'disk/f', 'disk/x/f']) bench.file(path);
    const disk = bench.disk;
    const mounted = bench.at('disk');
    bench.disk = {
      ...disk,
      lstat: (path) => {
        const stat = realDisk.lstat(path);
        return stat && { ...stat, mode: stat.mode, dev: path.startsWith(mounted) ? 7 : 6 };
      },
    };
    bench.settle();
    writeFileSync(bench.at('disk/x/f'), 'changed');
    expectDisk(told());
  });
});
