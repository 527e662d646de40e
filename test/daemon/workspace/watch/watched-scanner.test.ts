import { spawnSync } from 'node:child_process';
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { waitUntil } from '../../../support/real-daemon.ts';
import { KINDS, WatchBench, type WatchBenchParts } from './support/watch-bench.ts';

const SUPPORT = join(import.meta.dirname, 'support');
const HAS_PYTHON = spawnSync('python3', ['-c', 'import mmap']).status === 0;

function watchBench(parts: WatchBenchParts = {}): WatchBench {
  const bench = new WatchBench(tmpdir(), parts);
  onTestFinished(() => bench.dispose());
  return bench;
}

/** A change that nobody is told of: a name outside of the workspace, made after the last scan. */
function changeSilently(bench: WatchBench, path: string, content: string): void {
  const outside = join(bench.bench.base, `outside-${Math.random()}`);
  linkSync(join(bench.root, path), outside);
  writeFileSync(outside, content);
  rmSync(outside);
}

describe.skipIf(process.platform !== 'linux')('scans that go by watches', () => {
  test('look only where something was told, and find it', () => {
    const bench = watchBench();
    for (const path of ['a/f', 'a/x/f', 'b/f']) bench.bench.file(path);
    bench.settle();
    bench.bench.file('a/x/f', 'changed');
    const result = bench.compare('one change');
    expect(result).toMatchObject({ isWhole: false, changedDirectories: 3 });
    expect(bench.bench.calls.filter((call) => call.startsWith('open'))).toEqual(['open a/x/f']);
    expect(bench.compare('no change')).toMatchObject({ isWhole: false, changedDirectories: 0 });
  });

  test('find what was told before a scan that was broken off', () => {
    const bench = watchBench();
    bench.bench.file('a/f');
    bench.settle();
    bench.bench.file('a/f', 'changed');
    const { truncated } = bench.watched.scan(bench.bench.store, { aborted: true });
    expect(truncated?.reason).toBe('aborted');
    expect(bench.compare('after the abort').isWhole).toBe(false);
  });

  test('find what was told before a scan that failed', () => {
    const bench = watchBench();
    bench.bench.file('a/f');
    bench.settle();
    bench.bench.file('a/f', 'changed');
    const broken = {
      has: () => true,
      write: () => {
        throw new Error('the disk is full');
      },
    };
    expect(() => bench.watched.scan(broken, { aborted: false })).toThrow('the disk is full');
    expect(bench.compare('after the failure').isWhole).toBe(false);
  });

  test('case 45: what no watch tells is found by the next scan of everything, before every restore and from time to time', () => {
    let now = 0;
    const bench = watchBench({ now: () => now });
    bench.bench.file('a/f');
    bench.settle();
    changeSilently(bench, 'a/f', 'first');
    expect(bench.scan()).toMatchObject({ isWhole: false, changedDirectories: 0 });
    expect(bench.compare('a restore', { relist: true }).isWhole).toBe(true);
    changeSilently(bench, 'a/f', 'second');
    now += KINDS.directories.verifiedFor - 1;
    expect(bench.scan()).toMatchObject({ isWhole: false, changedDirectories: 0 });
    expect(bench.watched.due).toBeUndefined();
    now += 1;
    expect(bench.watched.due).toContain('long ago');
    expect(bench.compare('time has gone by').isWhole).toBe(true);
    expect(bench.scan().isWhole).toBe(false);
  });

  test.skipIf(!HAS_PYTHON)('case 45: what is written through memory is found by a scan of everything', () => {
    const bench = watchBench();
    bench.bench.file('a/f', 'x'.repeat(5_000));
    bench.settle();
    const program =
      'import mmap, sys\nwith open(sys.argv[1], "r+b") as f:\n  m = mmap.mmap(f.fileno(), 0)\n  m[100:105] = b"hello"\n  m.flush()\n  m.close()\n';
    const { status } = spawnSync('python3', ['-c', program, join(bench.root, 'a/f')]);
    expect(status).toBe(0);
    expect(bench.compare('a restore', { relist: true }).changedDirectories).toBe(2);
  });

  test('case 39: doubts are followed by a scan of everything, and then by the watches again', () => {
    const bench = watchBench();
    bench.bench.file('workspace/a/f');
    bench.settle();
    // The directories are others than those that are watched, though nothing was told in them.
    renameSync(bench.root, `${bench.root}-t`);
    mkdirSync(bench.root);
    bench.bench.file('workspace/a/f', 'another');
    expect(bench.compare('another directory').isWhole).toBe(true);
    expect(bench.watched.due).toBe('the watches are new');
    bench.settle();
    bench.bench.file('workspace/a/f', 'changed');
    expect(bench.compare('watched again').isWhole).toBe(false);
  });

  test('case 43: a thread that died is replaced twice, and then no more', async () => {
    const bench = watchBench({ script: join(SUPPORT, 'brief-worker.ts'), deadline: 300 });
    bench.bench.file('a/f');
    const reasons = new Set<string>();
    await waitUntil('it is only scanned', () => {
      bench.bench.file('a/f', String(Math.random()));
      bench.compare('alive or not');
      reasons.add(bench.watched.choice.reason);
      return bench.watched.choice.engine === 'scan';
    });
    expect([...reasons]).toEqual(['snapshots_watch is on', expect.stringMatching(/had enough.*3 times by now/)]);
    const ends = readFileSync(join(bench.bench.base, 'side', 'ends'), 'utf8');
    expect(ends).toBe('xxx');
  });

  test('case 44: without an answer in time everything is scanned', () => {
    const bench = watchBench({ script: join(SUPPORT, 'silent-worker.ts'), deadline: 20 });
    bench.bench.file('a/f');
    for (const content of ['1', '2', '3']) {
      bench.bench.file('a/f', content);
      expect(bench.compare(content).isWhole).toBe(true);
    }
    expect(bench.watched.choice.engine).toBe('watch');
  });

  test('case 44: a thread that answers no more is replaced twice, and then no more', () => {
    const bench = watchBench({ script: join(SUPPORT, 'silent-worker.ts'), deadline: 20 });
    bench.bench.file('a/f');
    let scans = 0;
    for (; bench.watched.choice.engine !== 'scan' || scans === 0; scans += 1) {
      if (scans > 30) throw new Error('it is asked again and again');
      bench.bench.file('a/f', String(scans));
      bench.compare('no answer');
    }
    const reason = 'no answer from the watches within 20 ms, 5 times in a row, 3 times by now';
    expect(bench.watched.choice).toEqual({ engine: 'scan', reason });
    expect(scans).toBe(16);
  });

  test('case 40: a workspace that cannot be watched is scanned from then on, and the reason is told', async () => {
    const bench = watchBench({ script: join(SUPPORT, 'refusing-worker.ts') });
    bench.bench.file('a/f');
    bench.compare('first');
    bench.bench.file('a/f', 'changed');
    expect(bench.compare('refused').isWhole).toBe(true);
    expect(bench.watched.choice).toEqual({ engine: 'scan', reason: 'no watches are left' });
    bench.bench.file('a/f', 'changed again');
    expect(bench.compare('scanned').isWhole).toBe(true);
    expect(bench.watched.due).toBeUndefined();
    await bench.watched.close();
  });

  test('by a library look only where something was told, and find it, and names that were not told', () => {
    const bench = watchBench({ kind: KINDS.streams });
    bench.bench.now = () => Date.now() + 150_000;
    for (const path of ['a/f', 'a/x/f', 'b/f']) bench.bench.file(path);
    bench.settle();
    bench.bench.file('a/x/f', 'changed');
    bench.bench.file('b/new');
    expect(bench.compare('two changes').isWhole).toBe(false);
    expect(bench.bench.calls.filter((call) => call.startsWith('open'))).toEqual(
      expect.arrayContaining(['open a/x/f', 'open b/new']),
    );
    expect(bench.compare('no change')).toMatchObject({ isWhole: false, changedDirectories: 0 });
  });

  test('case 43: by a library whose process is killed are replaced twice, and then no more', async () => {
    const bench = watchBench({ kind: KINDS.streams, script: join(SUPPORT, 'killed-worker.ts') });
    bench.bench.file('a/f');
    await waitUntil('it is only scanned', () => {
      bench.bench.file('a/f', String(Math.random()));
      bench.compare('alive or not');
      return bench.watched.choice.engine === 'scan';
    });
    expect(bench.watched.choice.reason).toMatch(/the process that watches ended by SIGKILL, 3 times by now/);
  });

  test('by a library that was left out are none, and the reason is told', async () => {
    const bench = watchBench({ kind: KINDS.streams, script: join(SUPPORT, 'lacking-worker.ts') });
    bench.bench.file('a/f');
    await waitUntil('it is only scanned', () => {
      bench.compare('with and without');
      return bench.watched.choice.engine === 'scan';
    });
    expect(bench.watched.choice.reason).toContain('@parcel/watcher is not installed');
  });

  test('are for large workspaces: a small one is scanned, and no thread is started', () => {
    const bench = watchBench({ setting: 'auto', script: '/no/such/script.ts' });
    bench.bench.file('a/f');
    for (let round = 0; round < 3; round += 1) expect(bench.compare('small').isWhole).toBe(true);
    expect(bench.watched.choice).toEqual({ engine: 'scan', reason: '1 files are scanned quickly' });
  });

  test('are off when they are switched off', () => {
    const bench = watchBench({ setting: 'off', script: '/no/such/script.ts' });
    bench.bench.file('a/f');
    bench.compare('off');
    expect(bench.watched.choice).toEqual({ engine: 'scan', reason: 'snapshots_watch is off' });
  });

  test('are of use once everything was looked at after the watches were set, which is done when nobody waits', () => {
    const bench = watchBench();
    bench.bench.file('a/f');
    expect(bench.watched.due).toBeUndefined();
    bench.scan();
    expect(bench.watched.due).toBe('the watches are new');
    bench.settle();
    expect(bench.watched.due).toBeUndefined();
  });
});
