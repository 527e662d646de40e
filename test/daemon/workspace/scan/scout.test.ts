/** A second thread that looks ahead makes a scan faster and nothing else. */
import { chmodSync, renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { realDisk, type Disk } from '../../../../daemon/workspace/scan/disk.ts';
import { Scanner } from '../../../../daemon/workspace/scan/scanner.ts';
import { Scout } from '../../../../daemon/workspace/scan/scout.ts';
import { diskPicture, pictureOf, ScanBench } from './support/scan-bench.ts';

const SCRIPT = join(import.meta.dirname, '../../../../daemon/workspace/scan/scout-worker.ts');
const STUCK = join(import.meta.dirname, 'support/stuck-worker.ts');
const DIRECTORIES = 60;
const FILES = 20;
/** With the workspace itself. */
const LOOKS = 1 + DIRECTORIES + DIRECTORIES * FILES;

let bench: ScanBench;
let scout: Scout;
let looks = 0;

beforeEach(() => {
  bench = new ScanBench(tmpdir());
  for (let directory = 0; directory < DIRECTORIES; directory += 1)
    for (let file = 0; file < FILES; file += 1) bench.file(`d${directory}/f${file}`);
});
afterEach(async () => {
  await scout.end();
  bench.dispose();
});

function scannerWith(script: string, worthwhile = 0): Scanner {
  scout = new Scout(script, worthwhile);
  const disk: Disk = { ...realDisk, lstat: (path) => ((looks += 1), realDisk.lstat(path)) };
  return new Scanner({
    root: bench.root,
    cacheFile: join(bench.base, 'cache'),
    key: undefined,
    places: { home: bench.home },
    clock: { now: () => Date.now() + 60_000 },
    disk,
    scout,
  });
}

function scan(scanner: Scanner, options = {}) {
  looks = 0;
  return scanner.scan(bench.store, { aborted: false }, options);
}

/** Scans until the other thread has got to something: when it does is up to the system. */
async function untilItHelps(scanner: Scanner): Promise<void> {
  await vi.waitFor(
    () => {
      scan(scanner);
      expect(looks).toBeLessThan(LOOKS);
    },
    { timeout: 25_000, interval: 5 },
  );
}

test('what the scout has looked at, the scan does not, and the result is the same', async () => {
  const scanner = scannerWith(SCRIPT);
  const { tree } = scan(scanner);
  await untilItHelps(scanner);
  expect(scan(scanner)).toMatchObject({ tree, files: DIRECTORIES * FILES, changedDirectories: 0 });
});

test('whatever changes between scans is seen by one or the other', async () => {
  const scanner = scannerWith(SCRIPT);
  scan(scanner);
  await untilItHelps(scanner);
  for (let round = 0; round < 30; round += 1) {
    const last = DIRECTORIES - 1 - (round % 5);
    bench.file(`d${last}/f3`, `round ${round}`);
    bench.file(`d${round}/new${round}`);
    bench.remove(`d${last}/f${round % FILES}`);
    bench.file('d1/f1', 'x'.repeat(round));
    chmodSync(bench.at('d7/f7'), round % 2 === 0 ? 0o755 : 0o644);
    if (round % 7 === 6) renameSync(bench.at(`d${40 + (round - 6) / 7}`), bench.at(`moved${round}`));
    const result = scan(scanner, { relist: round % 3 === 0 });
    expect(pictureOf(bench.store, result.tree), `round ${round}`).toEqual(diskPicture(bench.root));
  }
});

test('a scout that does not come back is waited for once', () => {
  const scanner = scannerWith(STUCK);
  const { tree } = scan(scanner);
  bench.file('d3/f3', 'changed');
  const start = performance.now();
  for (let round = 0; round < 20; round += 1) scan(scanner);
  expect(performance.now() - start).toBeLessThan(10_000);
  const result = scan(scanner);
  expect(result.tree).not.toBe(tree);
  expect(pictureOf(bench.store, result.tree)).toEqual(diskPicture(bench.root));
});

test('a scout that cannot be started, or is not worth while, is done without', () => {
  for (const scanner of [scannerWith(join(bench.base, 'missing.cjs')), scannerWith(SCRIPT, LOOKS)]) {
    scan(scanner);
    const result = scan(scanner);
    expect(pictureOf(bench.store, result.tree)).toEqual(diskPicture(bench.root));
    expect(looks).toBe(LOOKS);
  }
});
