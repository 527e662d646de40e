/** What a scan knows outlives the process; a cache that is not whole, or not its own, is as good as none. */
import { createSecretKey, randomBytes, type KeyObject } from 'node:crypto';
import { lstatSync, mkdirSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { realDisk } from '../../../../daemon/workspace/scan/disk.ts';
import { Scanner } from '../../../../daemon/workspace/scan/scanner.ts';
import { ScanBench } from './support/scan-bench.ts';

const KEY = createSecretKey(randomBytes(32));
let bench: ScanBench;
let file: string;

beforeEach(() => {
  bench = new ScanBench(tmpdir());
  file = join(bench.base, 'side-cache');
});
afterEach(() => bench.dispose());

function scannerWith(key: KeyObject | undefined, limits = {}) {
  const opened: string[] = [];
  const scanner = new Scanner({
    root: bench.root,
    cacheFile: file,
    key,
    places: { home: bench.home },
    limits,
    clock: { now: () => Date.now() + 60_000 },
    disk: { ...realDisk, open: (path) => (opened.push(path.slice(bench.root.length + 1)), realDisk.open(path)) },
  });
  return { scan: () => scanner.scan(bench.store, { aborted: false }), scanner, opened };
}

describe.each([
  ['encrypted', KEY],
  ['plain', undefined],
])('%s', (_, key) => {
  beforeEach(() => {
    bench.file('d/secret-name', 'x');
    bench.file('\u00e9/b', 'y');
    bench.file('.gitignore', 'ignored-word\n');
    bench.file('ignored-word');
    const { scan, scanner } = scannerWith(key);
    scan();
    scanner.saveCache();
  });

  test('the next life of the process reads only what has changed meanwhile', () => {
    bench.file('d/secret-name', 'changed');
    const { scan, opened } = scannerWith(key);
    expect(scan().files).toBe(3);
    expect(opened).toEqual(['d/secret-name']);
  });

  test('what is damaged or cut at any place is thrown away', () => {
    const whole = readFileSync(file);
    const expected = scannerWith(key).scan().tree;
    for (let at = 0; at < whole.length; at += 7) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ 0x41;
      writeFileSync(file, damaged);
      const { scan, opened } = scannerWith(key);
      expect(scan().tree).toBe(expected);
      expect(opened, `byte ${at}`).toHaveLength(3);
    }
    writeFileSync(file, whole);
    for (let length = whole.length - 1; length >= 0; length -= 41) {
      truncateSync(file, length);
      const { scan, opened } = scannerWith(key);
      expect(scan().tree).toBe(expected);
      expect(opened, `length ${length}`).toHaveLength(3);
    }
  });

  test('a cache of other limits, of another key or of another workspace is not taken', () => {
    const other = key === undefined ? KEY : createSecretKey(randomBytes(32));
    for (const [otherKey, limits] of [
      [other, {}],
      [key, { fileBytes: 5 }],
    ] as const) {
      const { scan, opened } = scannerWith(otherKey, limits);
      scan();
      expect(opened.length).toBeGreaterThan(0);
    }
    const moved = new ScanBench(tmpdir());
    try {
      moved.file('d/secret-name', 'x');
      let lists = 0;
      const scanner = new Scanner({
        root: moved.root,
        cacheFile: file,
        key,
        places: { home: bench.home },
        disk: { ...realDisk, list: (path) => ((lists += 1), realDisk.list(path)) },
      });
      expect(scanner.scan(bench.store, { aborted: false }).files).toBe(1);
      expect(lists).toBe(2);
    } finally {
      moved.dispose();
    }
  });

  test('it is for its owner alone and leaves nothing beside it', () => {
    expect(lstatSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(bench.base).toSorted()).toEqual(['home', 'side-cache', 'work']);
  });

  test('a place that cannot be written is an error, and the scan goes on', () => {
    const { scan, scanner } = scannerWith(key);
    const { tree } = scan();
    rmSync(file);
    mkdirSync(join(file, 'x'), { recursive: true });
    expect(() => scanner.saveCache()).toThrow();
    expect(readdirSync(bench.base).toSorted()).toEqual(['home', 'side-cache', 'work']);
    expect(scan().tree).toBe(tree);
  });
});

test('an encrypted cache shows no name and no rule', () => {
  bench.file('d/secret-name', 'x');
  bench.file('.gitignore', 'ignored-word\n');
  const { scan, scanner } = scannerWith(KEY);
  scan();
  scanner.saveCache();
  const bytes = readFileSync(file).toString('latin1');
  expect(bytes).not.toContain('secret-name');
  expect(bytes).not.toContain('ignored-word');
  const plain = scannerWith(undefined);
  plain.scan();
  plain.scanner.saveCache();
  expect(readFileSync(file).toString('latin1')).toContain('secret-name');
});
