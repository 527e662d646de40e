/** What a scan captures, on the disk of the temporary directory and in memory. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EMPTY_TREE } from '../../../../daemon/workspace/objects/object.ts';
import { Scanner } from '../../../../daemon/workspace/scan/scanner.ts';
import { diskPicture, pictureOf, ScanBench } from './support/scan-bench.ts';

const PLACES = [tmpdir(), '/dev/shm'].filter((place) => existsSync(place));
let bench: ScanBench;

function expectDisk(): void {
  expect(bench.picture()).toEqual(diskPicture(bench.root));
}

describe.each(PLACES)('in %s', (place) => {
  beforeEach(() => {
    bench = new ScanBench(place);
  });
  afterEach(() => bench.dispose());

  test('case 1: an empty workspace is the empty tree, and stored as such', () => {
    const result = bench.scan();
    expect(result).toMatchObject({ tree: EMPTY_TREE, files: 0, bytes: 0, directories: 1, skipped: [] });
    expect(result.truncated).toBeUndefined();
    expect(bench.store.has(EMPTY_TREE)).toBe(true);
  });

  test('case 2: empty directories are not kept, also when they become empty', () => {
    mkdirSync(bench.at('a/b/c'), { recursive: true });
    bench.file('d/e', 'x');
    expect(bench.picture()).toEqual({ 'd/e': '100644 x' });
    bench.remove('d/e');
    expect(bench.scan().tree).toBe(EMPTY_TREE);
  });

  test('case 3: what is added, changed, deleted and renamed shows, and git makes the same tree of it', () => {
    for (const path of ['a', 'b', 'c/d', 'c/e', 'f/g/h']) bench.file(path);
    expectDisk();
    bench.file('c/new', 'new');
    bench.file('a', 'changed');
    bench.remove('b');
    renameSync(bench.at('f'), bench.at('moved'));
    expectDisk();
    expect(bench.scan().tree).toBe(bench.nativeTree());
  });

  test('a scan without a change reads no file and no directory, and writes nothing', () => {
    for (const path of ['a', 'c/d', 'c/e', 'f/g/h']) bench.file(path);
    const { tree } = bench.settle();
    bench.store.writes = 0;
    const again = bench.scan();
    expect(again).toMatchObject({ tree, changedDirectories: 0, files: 4 });
    expect(bench.calls).toEqual([]);
    expect(bench.store.writes).toBe(0);
  });

  test('a change in one directory writes the trees above it and no other', () => {
    for (const path of ['a', 'c/d/x', 'c/e/x', 'f/g/h']) bench.file(path);
    bench.settle();
    bench.file('c/d/x', 'y');
    bench.store.writes = 0;
    expect(bench.scan().changedDirectories).toBe(3);
    expect(bench.calls).toEqual(['open c/d/x']);
    expect(bench.store.writes).toBe(4);
  });

  test('case 4: a rename that changes only the case shows', () => {
    bench.file('readme', 'x');
    bench.settle();
    renameSync(bench.at('readme'), bench.at('README'));
    expect(bench.picture()).toEqual({ README: '100644 x' });
  });

  test('cases 5 and 6: file, directory and symbolic link take the place of each other', () => {
    const makers = [
      () => bench.file('x', 'file'),
      () => bench.file('x/inside', 'in a directory'),
      () => symlinkSync('elsewhere', bench.at('x')),
    ];
    for (const [first, second] of [
      [0, 1],
      [1, 0],
      [1, 2],
      [2, 1],
      [0, 2],
      [2, 0],
    ] as const) {
      for (const which of [first, second]) {
        bench.remove('x');
        makers[which]?.();
        bench.settle();
        expectDisk();
      }
    }
  });

  test('case 7: symbolic links are their targets, byte for byte, and are never followed', () => {
    bench.file('real/secret', 'x');
    const targets = ['nowhere', '/etc/passwd', 'loop', 'a\\b', 'real', '../outside', 'x'.repeat(200)];
    for (const [index, target] of targets.entries())
      symlinkSync(target, bench.at(index === 2 ? 'loop' : `link${index}`));
    symlinkSync(Buffer.from('\xff\xfe', 'latin1'), bench.at('bytes'));
    expectDisk();
    expect(bench.scan().tree).toBe(bench.nativeTree());
  });

  test('a link whose target changes shows', () => {
    symlinkSync('one', bench.at('link'));
    bench.settle();
    rmSync(bench.at('link'));
    symlinkSync('two', bench.at('link'));
    expect(bench.picture()).toEqual({ link: '120000 two' });
  });

  test('case 8: of the rights only whether it can be executed by its owner is captured', () => {
    bench.file('run', 'x');
    bench.settle();
    chmodSync(bench.at('run'), 0o755);
    expect(bench.picture()).toEqual({ run: '100755 x' });
    chmodSync(bench.at('run'), 0o640);
    expect(bench.picture()).toEqual({ run: '100644 x' });
    bench.settle();
    bench.store.writes = 0;
    chmodSync(bench.at('run'), 0o600);
    expect(bench.scan().changedDirectories).toBe(0);
  });

  test('case 9: an edit of the same size whose time of change is put back shows', () => {
    bench.file('a', 'one');
    utimesSync(bench.at('a'), 1_600_000_000, 1_600_000_000);
    bench.settle();
    writeFileSync(bench.at('a'), 'two');
    utimesSync(bench.at('a'), 1_600_000_000, 1_600_000_000);
    expect(bench.picture()).toEqual({ a: '100644 two' });
  });

  test('case 12: an edit through one name of a hard-linked pair shows under both', () => {
    bench.file('d/one', 'x');
    mkdirSync(bench.at('e'));
    linkSync(bench.at('d/one'), bench.at('e/two'));
    bench.settle();
    writeFileSync(bench.at('d/one'), 'y');
    expect(bench.picture()).toEqual({ 'd/one': '100644 y', 'e/two': '100644 y' });
    bench.settle();
    writeFileSync(bench.at('e/two'), 'z');
    expect(bench.picture()).toEqual({ 'd/one': '100644 z', 'e/two': '100644 z' });
  });

  test('case 13: a FIFO and a socket are skipped without being opened', async () => {
    execFileSync('mkfifo', [bench.at('pipe')]);
    const server = createServer();
    await new Promise<void>((listening) => server.listen(bench.at('sock'), listening));
    bench.file('a', 'x');
    try {
      const result = bench.scan();
      expect(result.skipped).toEqual([
        { path: 'pipe', reason: 'special' },
        { path: 'sock', reason: 'special' },
      ]);
      expect(bench.calls).not.toContain('open pipe');
      expect(pictureOf(bench.store, result.tree)).toEqual({ a: '100644 x' });
      rmSync(bench.at('pipe'));
      bench.file('pipe', 'now a file');
      expect(bench.picture()).toEqual({ a: '100644 x', pipe: '100644 now a file' });
    } finally {
      await new Promise((closed) => server.close(closed));
    }
  });

  // Only root makes devices, and not in every container.
  test('case 13: a device is skipped without being opened', ({ skip }) => {
    const { status } = spawnSync('mknod', [bench.at('null'), 'c', '1', '3'], { stdio: 'ignore' });
    if (status !== 0) skip('this user may make no devices here');
    expect(bench.scan()).toMatchObject({ tree: EMPTY_TREE, skipped: [{ path: 'null', reason: 'special' }] });
    expect(bench.calls).not.toContain('open null');
  });

  test('case 17: a directory that vanishes and comes back is seen', () => {
    bench.file('d/e/f', 'x');
    bench.settle();
    bench.remove('d/e');
    expect(bench.picture()).toEqual({});
    bench.file('d/e/f', 'y');
    expect(bench.picture()).toEqual({ 'd/e/f': '100644 y' });
  });

  test('case 19: line ends, attributes and filters change no byte', () => {
    bench.file('.gitattributes', '* text=auto eol=crlf\n*.bin filter=lfs diff=lfs merge=lfs -text\n*.i ident\n');
    bench.file('dos.txt', 'a\r\nb\r\n');
    bench.file('mixed.txt', 'a\r\nb\n');
    bench.file('x.bin', Buffer.from([0, 13, 10, 255]));
    bench.file('x.i', '$Id$');
    bench.git('init', '-q');
    bench.git('config', 'core.autocrlf', 'true');
    bench.git('config', 'filter.lfs.clean', 'false');
    expectDisk();
  });

  test('cases 20 to 22: names of any bytes are kept as they are', () => {
    const names = [
      'caf\xc3\xa9', // composed
      'cafe\xcc\x81', // decomposed
      '\xf0\x9f\x98\x80',
      '\xff\xfe not utf-8',
      '\xff\xfd not utf-8',
      'new\nline',
      'tab\there',
      '-leading',
      ' space ',
      'foo',
      'foo.bar/x',
      'foo-bar',
      'foo0',
      'back\\slash',
      '"quoted"',
      'd\xe9/\xe9\xe9/x',
    ];
    for (const name of names) {
      const path = Buffer.from(`${bench.root}/${name}`, 'latin1');
      if (name.includes('/'))
        mkdirSync(Buffer.from(`${bench.root}/${name.slice(0, name.lastIndexOf('/'))}`, 'latin1'), { recursive: true });
      writeFileSync(path, name);
    }
    mkdirSync(bench.at('foo2'));
    expectDisk();
    expect(Object.keys(bench.picture())).toHaveLength(names.length);
    expect(bench.scan().tree).toBe(bench.nativeTree());
    bench.settle();
    writeFileSync(Buffer.from(`${bench.root}/d\xe9/\xe9\xe9/x`, 'latin1'), 'changed');
    expectDisk();
  });

  test('case 32: directories of 10,000 entries, 200 levels and long names', () => {
    const deep = Array.from({ length: 200 }, (_, index) => `d${index}`).join('/');
    bench.file(`${deep}/bottom`, 'x');
    bench.file(`${'n'.repeat(255)}/${'m'.repeat(255)}`, 'y');
    mkdirSync(bench.at('wide'));
    for (let index = 0; index < 10_000; index += 1) writeFileSync(bench.at(`wide/${index}`), '');
    const result = bench.scan();
    expect(result).toMatchObject({ files: 10_002, directories: 203, skipped: [] });
    expect(result.tree).toBe(bench.nativeTree());
    bench.settle();
    bench.file(`${deep}/bottom`, 'changed');
    expect(bench.scan().changedDirectories).toBe(201);
  });

  test('case 33: an empty file and one of some hundred kilobytes', () => {
    bench.file('empty', '');
    bench.file('large', Buffer.alloc(300_000, 'abc'));
    expectDisk();
  });

  test('case 33: a file of more than two gigabytes is skipped without being read', () => {
    bench.file('huge', '');
    truncateSync(bench.at('huge'), 3 * 2 ** 30);
    expect(bench.scan()).toMatchObject({
      tree: EMPTY_TREE,
      skipped: [{ path: 'huge', reason: 'too-large', bytes: 3 * 2 ** 30 }],
    });
    expect(bench.calls).toEqual(['list ']);
  });

  test('case 34: a workspace that has moved away is an error, not an empty tree; where it is now it is what it was', () => {
    bench.file('a/b', 'x');
    const { tree } = bench.settle();
    renameSync(bench.root, `${bench.root}-moved`);
    expect(() => bench.scan()).toThrow(/is gone.*make the directory again/);
    writeFileSync(bench.root, 'a file');
    expect(() => bench.scan()).toThrow(/cannot be read.*is a directory/);
    rmSync(bench.root);
    symlinkSync(`${bench.root}-moved`, bench.root);
    expect(() => bench.scan()).toThrow(/is a symbolic link now.*that it leads to/);
    rmSync(bench.root);
    const moved = new Scanner({
      root: `${bench.root}-moved`,
      cacheFile: join(bench.base, 'other'),
      key: undefined,
      places: { home: bench.home },
    });
    expect(moved.scan(bench.store, { aborted: false }).tree).toBe(tree);
    renameSync(`${bench.root}-moved`, bench.root);
    expect(bench.scan().tree).toBe(tree);
  });

  test('one file is captured as it is now, whatever was known', () => {
    bench.file('d/a', 'one');
    bench.settle();
    bench.file('d/a', 'two', 0o644);
    const captured = bench.scanner.capture('d/a', bench.store);
    expect(captured && bench.store.read(captured.id).body.toString()).toBe('two');
    symlinkSync('d', bench.at('link'));
    bench.file('.gitignore', '*.log');
    bench.file('x.log');
    for (const path of ['nothing', 'd', 'link/a', 'x.log', '.git/config', 'd/a/b'])
      expect(bench.scanner.capture(path, bench.store), path).toBeUndefined();
    expect(bench.scanner.capture('link', bench.store)?.mode).toBe(0o120000);
    expect(readFileSync(bench.at('d/a'), 'utf8')).toBe('two');
  });
});
