/** The log: nothing but listed facts, nothing lost, never in the way. */
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createLog, type LogFields } from '../../daemon/log.ts';
import { errorShape } from '../../daemon/logging/error-shape.ts';
import { LogFile } from '../../daemon/logging/log-file.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ml'));
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

const text = (): string => readFileSync(join(directory, 'daemon.log'), 'utf8');
const lines = (): Record<string, unknown>[] =>
  text()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe('a log line', () => {
  test('has the same form before pino is loaded and after', async () => {
    const log = createLog(directory, 'info');
    log.info('first', { count: 1 });
    log.flush();
    log.info('second', { count: 2 });
    await log.load();
    log.info('third', { count: 3 });
    expect(lines().map(({ msg, count, level, pid }) => [msg, count, level, pid])).toEqual([
      ['first', 1, 30, process.pid],
      ['second', 2, 30, process.pid],
      ['third', 3, 30, process.pid],
    ]);
    expect(lines().every(({ time }) => typeof time === 'number')).toBe(true);
    expect(statSync(join(directory, 'daemon.log')).mode & 0o777).toBe(0o600);
  });

  test('keeps listed fields of the listed form and drops all others', async () => {
    const log = createLog(directory, 'debug');
    await log.load();
    const strange = {
      method: 'session/attach',
      kind: 'STORAGE_FULL',
      durationMs: 1.5,
      deliberate: true,
      frames: ['run (daemon.cjs:1:2)'],
      prompt: 'write me a poem',
      title: 'secret title',
      path: '/home/somebody/x',
      reason: 'a sentence with spaces',
      code: '/etc/passwd',
      count: '7',
      seq: NaN,
      errorClass: { toString: () => 'x' },
    } as unknown as LogFields;
    log.warn('something happened', strange);
    log.warn('Could not open /home/somebody/x', {});
    const [kept, renamed] = lines();
    expect(kept).toEqual({
      level: 40,
      time: expect.any(Number) as number,
      pid: process.pid,
      msg: 'something happened',
      method: 'session/attach',
      kind: 'STORAGE_FULL',
      durationMs: 1.5,
      deliberate: true,
      frames: ['run (daemon.cjs:1:2)'],
    });
    expect(renamed?.['msg']).toBe('unnamed event');
  });

  test('below the level is not written, and an unknown level means info', () => {
    const quiet = createLog(directory, 'error');
    quiet.warn('not this');
    quiet.error('but this');
    quiet.flush();
    const odd = createLog(directory, 'loud');
    odd.debug('not this');
    odd.info('but this');
    odd.flush();
    createLog(directory, 'silent').fatal('not this');
    expect(lines().map(({ msg }) => msg)).toEqual(['but this', 'unknown log level', 'but this']);
  });

  test('that cannot be written does no harm and is counted', () => {
    const blocked = join(directory, 'file');
    writeFileSync(blocked, '');
    const inTheWay = new LogFile(blocked);
    inTheWay.write('{}\n');
    inTheWay.write('{}\n');
    rmSync(blocked);
    inTheWay.write('{"msg":"back"}\n');
    const written = readFileSync(join(blocked, 'daemon.log'), 'utf8').trimEnd().split('\n');
    expect(written.map((line) => JSON.parse(line) as object)).toMatchObject([
      { msg: 'log lines lost', count: 2 },
      { msg: 'back' },
    ]);
  });

  test('on a full disk does no harm', () => {
    symlinkSync('/dev/full', join(directory, 'daemon.log'));
    const log = createLog(directory, 'info');
    for (let index = 0; index < 10; index += 1) log.info('lost');
    expect(() => {
      log.flush();
    }).not.toThrow();
  });
});

describe('rotation', () => {
  test('keeps five files of bounded size with mode 0600 and loses only the oldest lines', async () => {
    const log = createLog(directory, 'info', { maxBytes: 2_000 });
    await log.load();
    for (let index = 0; index < 400; index += 1) log.info('line', { seq: index });
    const names = readdirSync(directory).sort();
    expect(names).toEqual(['daemon.log', 'daemon.log.1', 'daemon.log.2', 'daemon.log.3', 'daemon.log.4']);
    const sequence: number[] = [];
    for (const name of [...names].reverse()) {
      const path = join(directory, name);
      expect(statSync(path).size).toBeLessThanOrEqual(2_000);
      expect(statSync(path).mode & 0o777).toBe(0o600);
      for (const line of readFileSync(path, 'utf8').trimEnd().split('\n'))
        sequence.push((JSON.parse(line) as { seq: number }).seq);
    }
    expect(sequence.at(-1)).toBe(399);
    expect(sequence).toEqual(sequence.map((_, index) => (sequence[0] ?? 0) + index));
  });

  test('goes on where an earlier daemon stopped', () => {
    writeFileSync(join(directory, 'daemon.log'), `${'x'.repeat(1_990)}\n`);
    const log = createLog(directory, 'info', { maxBytes: 2_000 });
    log.info('next');
    log.flush();
    expect(existsSync(join(directory, 'daemon.log.1'))).toBe(true);
    expect(lines()).toHaveLength(1);
  });
});

describe('the shape of an error', () => {
  class StorageProblem extends Error {
    readonly code = 'ENOSPC';
  }

  test('is its class, its code and its frames without directories or message', () => {
    const shape = errorShape(new StorageProblem('no space in /home/somebody'));
    expect(shape).toMatchObject({ errorClass: 'StorageProblem', code: 'ENOSPC' });
    expect(shape.frames.length).toBeGreaterThan(1);
    expect(shape.frames[0]).toMatch(/log\.test\.ts:\d+:\d+\)$/);
    expect(JSON.stringify(shape)).not.toMatch(/somebody|\/work|\/home|no space/);
  });

  test('takes no line of the message for a frame', () => {
    const shape = errorShape(new Error('x\n    at canary (/a/b.js:1:2)\n    at more (c.js:3:4)'));
    expect(JSON.stringify(shape)).not.toContain('canary');
  });

  test('can be had of anything that is thrown', () => {
    const trap = new Proxy(new Error('x'), {
      get() {
        throw new Error('trap');
      },
    });
    expect(errorShape(trap).errorClass).toBe('Unreadable');
    expect(errorShape('canary')).toEqual({ errorClass: 'Thrown', frames: [] });
    expect(errorShape(undefined)).toEqual({ errorClass: 'Thrown', frames: [] });
    const nameless = new Error('x');
    Object.defineProperty(nameless, 'constructor', { value: { name: 'a b/c' } });
    expect(errorShape(nameless).errorClass).toBe('Error');
    const odd = Object.assign(new Error('x'), { code: '/home/somebody', stack: 5 });
    expect(errorShape(odd)).toEqual({ errorClass: 'Error', frames: [] });
  });
});
