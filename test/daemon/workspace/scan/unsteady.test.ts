/** Clocks that go wrong, files that change or refuse while they are looked at, limits, and scans that end in the middle. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { EMPTY_TREE } from '../../../../daemon/workspace/objects/object.ts';
import { realDisk, type Stat } from '../../../../daemon/workspace/scan/disk.ts';
import type { ScanResult } from '../../../../daemon/workspace/scan/scan-result.ts';
import { diskPicture, pictureOf, ScanBench } from './support/scan-bench.ts';

let bench: ScanBench;
beforeEach(() => {
  bench = new ScanBench(tmpdir());
});
afterEach(() => bench.dispose());

/** A disk whose stamps of files are all the same, as those of a clock that has not ticked. */
function freeze(stamp: number): void {
  const frozen = (stat: Stat): Stat => ({
    size: stat.size,
    ino: 7,
    mode: stat.mode,
    mtimeMs: stamp,
    ctimeMs: stamp,
    nlink: 1,
  });
  bench.disk = {
    ...bench.disk,
    lstat: (path) => {
      const stat = realDisk.lstat(path);
      return stat && frozen(stat);
    },
    fstat: (file) => frozen(realDisk.fstat(file)),
  };
}

/** What the system says when somebody may not do something. */
function refuse(code: string): never {
  throw Object.assign(new Error(code), { code });
}

const YEAR_2026 = 1_780_000_000_123.5;

test('case 10: an edit within the same tick as the last one read shows, since that was not trusted', () => {
  freeze(YEAR_2026);
  bench.now = () => YEAR_2026 + 5;
  bench.file('a', 'one');
  expect(bench.picture()).toEqual({ a: '100644 one' });
  bench.file('a', 'two');
  expect(bench.picture()).toEqual({ a: '100644 two' });
  bench.file('b', 'new');
  expect(bench.picture()).toEqual({ a: '100644 two', b: '100644 new' });
});

test('case 10: once the clock of the file system has moved on, what was read is trusted', () => {
  freeze(YEAR_2026);
  bench.now = () => YEAR_2026 + 25;
  bench.file('a', 'one');
  bench.scan();
  bench.scan();
  expect(bench.calls).toEqual([]);
});

test('case 10: where stamps are whole seconds, two seconds are waited', () => {
  freeze(1_780_000_000_000);
  bench.now = () => 1_780_000_000_000 + 1_900;
  bench.file('a', 'one');
  bench.scan();
  bench.file('a', 'two');
  expect(bench.picture()).toEqual({ a: '100644 two' });
  bench.now = () => 1_780_000_000_000 + 2_100;
  bench.scan();
  bench.scan();
  expect(bench.calls).toEqual([]);
});

test('case 11: what is changed in the future is read each time', () => {
  bench.file('a', 'one');
  const future = Date.now() / 1000 + 1e6;
  utimesSync(bench.at('a'), future, future);
  bench.settle();
  bench.scan();
  expect(bench.calls).toEqual(['open a']);
});

test('case 11: a clock that goes back makes things untrusted, not wrong', () => {
  bench.file('a', 'one');
  bench.settle();
  bench.now = () => Date.now() - 1e9;
  bench.file('a', 'two');
  bench.file('b', 'new');
  expect(bench.picture()).toEqual({ a: '100644 two', b: '100644 new' });
  bench.file('a', 'three');
  expect(bench.picture()).toEqual({ a: '100644 three', b: '100644 new' });
});

test('case 14: a file that cannot be read keeps what was last known of it, and is said to be skipped', () => {
  bench.file('a', 'one');
  bench.file('b', 'x');
  bench.settle();
  bench.file('a', 'changed');
  const { open } = bench.disk;
  bench.disk = { ...bench.disk, open: (path) => (path.endsWith('/a') ? refuse('EACCES') : open(path)) };
  const result = bench.scan();
  expect(result.skipped).toEqual([{ path: 'a', reason: 'unreadable' }]);
  expect(pictureOf(bench.store, result.tree)).toEqual({ a: '100644 one', b: '100644 x' });
  bench.file('new/a', 'never read');
  expect(bench.picture()).toEqual({ a: '100644 one', b: '100644 x' });
  bench.disk = { ...bench.disk, open };
  expect(bench.picture()).toEqual({ a: '100644 changed', b: '100644 x', 'new/a': '100644 never read' });
  expect(bench.scan().skipped).toEqual([]);
});

test.skipIf(process.getuid?.() === 0)(
  'case 14: a file without rights is skipped (root may read it all the same)',
  () => {
    bench.file('a', 'one');
    chmodSync(bench.at('a'), 0);
    expect(bench.scan().skipped).toEqual([{ path: 'a', reason: 'unreadable' }]);
  },
);

test.each(['list', 'lstat'] as const)('case 15: a directory that refuses %s keeps what was last known', (call) => {
  bench.file('d/e/f', 'one');
  bench.file('d/g', 'two');
  const before = bench.settle();
  mkdirSync(bench.at('d/later'));
  const whole = bench.disk;
  bench.disk = { ...whole, [call]: (path: string) => (path.endsWith('/d') ? refuse('EACCES') : whole[call](path)) };
  const refused = bench.scan();
  expect(refused).toMatchObject({ tree: before.tree, skipped: [{ path: 'd', reason: 'unreadable-directory' }] });
  expect(bench.scan()).toMatchObject({ tree: before.tree, skippedInAll: 1 });
  bench.disk = whole;
  bench.remove('d/g');
  expect(bench.picture()).toEqual({ 'd/e/f': '100644 one' });
  expect(bench.scan().skipped).toEqual([]);
});

test('case 15: a directory that can be listed but not entered keeps what was last known of everything in it', () => {
  bench.file('d/e/f', 'one');
  bench.file('d/g', 'two');
  const { tree } = bench.settle();
  const whole = bench.disk;
  bench.disk = { ...whole, lstat: (path) => (path.includes('/d/') ? refuse('EACCES') : whole.lstat(path)) };
  expect(bench.scan({ relist: true })).toMatchObject({
    tree,
    skipped: [
      { path: 'd/e', reason: 'unreadable-directory' },
      { path: 'd/g', reason: 'unreadable' },
    ],
  });
  bench.disk = whole;
  expect(bench.scan()).toMatchObject({ tree, skipped: [] });
});

test('a directory that was never readable is not captured, and the rest is', () => {
  bench.file('d/secret');
  bench.file('a', 'x');
  const whole = bench.disk;
  bench.disk = { ...whole, list: (path) => (path.endsWith('/d') ? refuse('EACCES') : whole.list(path)) };
  expect(bench.picture()).toEqual({ a: '100644 x' });
  expect(bench.scan().skipped).toEqual([{ path: 'd', reason: 'unreadable-directory' }]);
});

test('a path that is too long for the system is skipped', () => {
  const whole = bench.disk;
  bench.file('d/long', 'x');
  bench.file('a', 'x');
  bench.disk = { ...whole, lstat: (path) => (path.endsWith('long') ? refuse('ENAMETOOLONG') : whole.lstat(path)) };
  expect(bench.scan().skipped).toEqual([{ path: 'd/long', reason: 'path-too-long' }]);
});

test('case 32: as deep as paths go, everything is captured, and what is beyond is skipped', async () => {
  const make = `process.chdir(process.argv[1]);
    for (let depth = 0; depth < 2100; depth += 1) {
      require('node:fs').mkdirSync('d');
      process.chdir('d');
      require('node:fs').writeFileSync('f', String(depth));
    }`;
  execFileSync(process.execPath, ['-e', make, bench.root]);
  try {
    const parts = {
      root: bench.root,
      cacheFile: join(bench.base, 'cache'),
      key: undefined,
      places: { home: bench.home },
    };
    const worker = new Worker(join(import.meta.dirname, 'support/scan-worker.ts'), { workerData: parts });
    const [result] = (await once(worker, 'message')) as [ScanResult];
    const deepest = Math.floor((4_095 - bench.root.length) / 2);
    expect(result.files).toBe(deepest - 1);
    expect(result.skipped.map(({ reason }) => reason)).toContain('path-too-long');
    expect(result.changedDirectories).toBe(0);
  } finally {
    // Node cannot remove what it cannot name.
    execFileSync('rm', ['-rf', bench.root]);
  }
});

test('running out of descriptors is an error, and nothing of what was known is lost', () => {
  bench.file('a', 'one');
  const { tree } = bench.settle();
  const whole = bench.disk;
  bench.file('a', 'two');
  bench.disk = { ...whole, open: () => refuse('EMFILE') };
  expect(() => bench.scan()).toThrow('EMFILE');
  bench.disk = whole;
  bench.file('a', 'one');
  expect(bench.scan().tree).toBe(tree);
});

test('case 16: a file that vanishes between being listed and being read is left out', () => {
  bench.file('a', 'x');
  bench.file('b', 'y');
  const { open } = bench.disk;
  bench.disk = {
    ...bench.disk,
    open: (path) => {
      if (path.endsWith('/a')) bench.remove('a');
      return open(path);
    },
  };
  const result = bench.scan();
  expect(pictureOf(bench.store, result.tree)).toEqual({ b: '100644 y' });
  expect(result.skipped).toEqual([]);
  bench.disk = { ...bench.disk, open };
  bench.file('a', 'back');
  expect(bench.picture()).toEqual({ a: '100644 back', b: '100644 y' });
});

test('case 16: a file that grows while it is read is read again', () => {
  bench.file('a', 'short');
  const { read } = bench.disk;
  let grown = false;
  bench.disk = {
    ...bench.disk,
    read: (file, into, offset) => {
      if (!grown) writeFileSync(bench.at('a'), 'now it is longer');
      grown = true;
      return read(file, into, offset);
    },
  };
  const result = bench.scan();
  expect(pictureOf(bench.store, result.tree)).toEqual({ a: '100644 now it is longer' });
  expect(result.remarks).toEqual([]);
});

test('case 16: a file that changes each time is captured as it comes, said so, and read again by the next scan', () => {
  bench.file('a', '0');
  const { read } = bench.disk;
  let round = 0;
  bench.disk = {
    ...bench.disk,
    read: (file, into, offset) => {
      round += 1;
      writeFileSync(bench.at('a'), 'x'.repeat(round));
      return read(file, into, offset);
    },
  };
  bench.now = () => Date.now() + 60_000;
  expect(bench.scan()).toMatchObject({ files: 1, remarks: [expect.stringContaining('a was being written')] });
  bench.disk = { ...bench.disk, read };
  expect(bench.picture()).toEqual(diskPicture(bench.root));
  expect(bench.calls).toContain('open a');
});

test.each([
  ['a symbolic link', () => symlinkSync('/etc/passwd', bench.at('a')), { a: '120000 /etc/passwd' }],
  ['another file', () => writeFileSync(bench.at('a'), 'other'), { a: '100644 other' }],
  ['a directory', () => mkdirSync(bench.at('a')), {}],
])('case 16: %s that takes the place of a file mid-scan is captured as what it is', (_, replace, expected) => {
  bench.file('a', 'x');
  const { open } = bench.disk;
  let done = false;
  bench.disk = {
    ...bench.disk,
    open: (path) => {
      if (!done) {
        bench.remove('a');
        replace();
      }
      done = true;
      return open(path);
    },
  };
  expect(bench.picture()).toEqual(expected);
  bench.disk = { ...bench.disk, open };
  expect(bench.picture()).toEqual(diskPicture(bench.root));
});

test('cases 16 and 17: a directory that goes between its listing and its own turn leaves the names of its parent', () => {
  bench.file('d/e/f', 'x');
  bench.file('z', 'y');
  const { list } = bench.disk;
  bench.disk = {
    ...bench.disk,
    list: (path) => {
      const entries = list(path);
      if (path.endsWith('/d')) bench.remove('d/e');
      return entries;
    },
  };
  bench.now = () => Date.now() + 60_000;
  expect(bench.picture()).toEqual({ z: '100644 y' });
  bench.disk = { ...bench.disk, list };
  bench.file('d/e/f', 'again');
  expect(bench.picture()).toEqual({ 'd/e/f': '100644 again', z: '100644 y' });
});

test('case 17: what goes and comes back within one tick of the clock is seen', () => {
  bench.file('d/e/f', 'x');
  bench.file('d/g', 'y');
  freeze(YEAR_2026);
  bench.now = () => YEAR_2026 + 60_000;
  bench.scan();
  const { lstat } = bench.disk;
  bench.disk = { ...bench.disk, lstat: (path) => (/[eg]$/.test(path) ? undefined : lstat(path)) };
  expect(bench.picture()).toEqual({});
  bench.disk = { ...bench.disk, lstat };
  expect(bench.picture()).toEqual({ 'd/e/f': '100644 x', 'd/g': '100644 y' });
});

test('case 18: whatever a writer does meanwhile, the first scan after it is right', () => {
  for (let index = 0; index < 40; index += 1) bench.file(`d${index % 4}/f${index}`, 'start');
  const { lstat } = bench.disk;
  let steps = 0;
  const disturb = () => {
    steps += 1;
    const which = `d${steps % 5}`;
    if (steps % 7 === 0) rmSync(bench.at(which), { recursive: true, force: true });
    else if (steps % 11 === 0) renameSync(bench.at('d0'), bench.at(`moved${steps}`));
    else bench.file(`${which}/f${steps % 40}`, `content ${steps}`);
  };
  bench.disk = {
    ...bench.disk,
    lstat: (path) => {
      if (readdirSync(bench.root).includes('d0') && path.includes('/f')) disturb();
      return lstat(path);
    },
  };
  for (let round = 0; round < 5; round += 1) {
    bench.file('d0/f0', 'again');
    bench.scan();
  }
  expect(steps).toBeGreaterThan(10);
  bench.disk = { ...bench.disk, lstat };
  expect(bench.picture()).toEqual(diskPicture(bench.root));
});

test('case 31: a file over the limit is skipped, comes back below it, and leaves the tree when it crosses it', () => {
  bench.limits = { fileBytes: 10 };
  bench.file('a', 'x'.repeat(11));
  bench.file('b', 'x'.repeat(10));
  const first = bench.scan();
  expect(first.skipped).toEqual([{ path: 'a', reason: 'too-large', bytes: 11 }]);
  expect(Object.keys(pictureOf(bench.store, first.tree))).toEqual(['b']);
  bench.settle();
  expect(bench.scan().skipped).toEqual(first.skipped);
  bench.file('a', 'x');
  bench.file('b', 'x'.repeat(99));
  const second = bench.scan();
  expect(second.skipped).toEqual([{ path: 'b', reason: 'too-large', bytes: 99 }]);
  expect(Object.keys(pictureOf(bench.store, second.tree))).toEqual(['a']);
});

test.each([
  ['files', { files: 3 }, 3],
  ['bytes', { bytes: 25 }, 25],
] as const)('too many %s end the scan before any is read', (reason, limits, limit) => {
  bench.limits = limits;
  for (const name of ['a', 'b', 'c', 'd']) bench.file(name, 'x'.repeat(10));
  expect(bench.scan()).toMatchObject({ tree: EMPTY_TREE, truncated: { reason, limit } });
  expect(bench.calls).toEqual(['list ']);
  bench.remove('a');
  bench.remove('b');
  expect(bench.scan().truncated).toBeUndefined();
});

test('a scan that is aborted says so, and trusts nothing that it has put aside', () => {
  for (const name of ['a', 'b', 'c']) bench.file(`${name}/x`, 'one');
  const { tree } = bench.settle();
  for (const name of ['a', 'b', 'c']) bench.file(`${name}/x`, 'two');
  const signal = { aborted: false };
  const { open } = bench.disk;
  bench.disk = {
    ...bench.disk,
    open: (path) => {
      if (path.endsWith('b/x')) signal.aborted = true;
      return open(path);
    },
  };
  const sink = { has: (id: string) => bench.store.has(id), write: bench.store.write.bind(bench.store) };
  expect(bench.scanner.scan(sink, signal)).toMatchObject({ tree: EMPTY_TREE, truncated: { reason: 'aborted' } });
  bench.disk = { ...bench.disk, open };
  bench.now = () => Date.now() + 60_000;
  bench.calls.length = 0;
  expect(bench.picture()).toEqual(diskPicture(bench.root));
  expect(bench.calls.toSorted()).toEqual(['open a/x', 'open b/x', 'open c/x']);
  for (const name of ['a', 'b', 'c']) bench.file(`${name}/x`, 'one');
  expect(bench.scan().tree).toBe(tree);
});

test('what a batch had that was then abandoned is read and written again', () => {
  bench.file('a/x', 'one');
  bench.file('b/x', 'one');
  bench.settle();
  const kept = new Map(bench.store.objects);
  bench.file('a/x', 'two');
  const second = bench.scan();
  bench.store.objects.clear();
  for (const [id, object] of kept) bench.store.objects.set(id, object);
  expect(bench.scan().tree).toBe(second.tree);
  expect(bench.calls).toEqual(['open a/x']);
  expect(pictureOf(bench.store, second.tree)).toEqual(diskPicture(bench.root));
});

test('what the store has lost is read again, and so is everything that is to be forgotten', () => {
  bench.file('a', 'x');
  const { tree } = bench.settle();
  bench.store.objects.clear();
  bench.scan();
  expect(bench.calls).toEqual(['list ', 'open a']);
  expect(pictureOf(bench.store, tree)).toEqual({ a: '100644 x' });
  bench.settle();
  bench.scanner.forget();
  bench.scan();
  expect(bench.calls).toEqual(['list ', 'open a']);
});

test('a sink that fails leaves what was known as it was', () => {
  bench.file('a', 'one');
  const { tree } = bench.settle();
  bench.file('a', 'two');
  const full = { has: () => true, write: () => refuse('ENOSPC') };
  expect(() => bench.scanner.scan(full, { aborted: false })).toThrow('ENOSPC');
  expect(bench.picture()).toEqual({ a: '100644 two' });
  bench.file('a', 'one');
  expect(bench.scan().tree).toBe(tree);
});

test('a scan that verifies reads every listing, and finds what no stamp tells', () => {
  bench.file('d/a', 'x');
  bench.settle();
  const { list, lstat } = bench.disk;
  const stamps = new Map([bench.root, bench.at('d')].map((path) => [path, lstat(path)]));
  bench.file('d/unseen', 'y');
  bench.disk = { ...bench.disk, lstat: (path) => stamps.get(path) ?? lstat(path) };
  expect(Object.keys(bench.picture())).toEqual(['d/a']);
  expect(bench.calls).toEqual([]);
  expect(Object.keys(bench.picture({ relist: true }))).toEqual(['d/a', 'd/unseen']);
  expect(bench.calls).toEqual(['list ', 'list d', 'open d/unseen']);
  expect(list).toBe(bench.disk.list);
  expect(readFileSync(bench.at('d/unseen'), 'utf8')).toBe('y');
});
