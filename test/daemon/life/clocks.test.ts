/** The parts of the process that wait: for idleness, for a jump of the clock, for the end of a minute. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { IdleExit, type IdleExitOptions } from '../../../daemon/life/idle-exit.ts';
import { StartLedger } from '../../../daemon/life/start-ledger.ts';
import { watchForWake } from '../../../daemon/life/wake.ts';
import type { Log } from '../../../daemon/log.ts';

const SILENT: Log = { debug: noop, info: noop, warn: noop, error: noop, fatal: noop };

function noop(): void {
  // Nobody reads the log of these tests.
}

describe('the idle exit', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval', 'clearInterval', 'clearTimeout', 'performance', 'Date'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  function idleExit(isIdle: () => boolean): { steps: string[]; idle: IdleExit } {
    const steps: string[] = [];
    const options: IdleExitOptions = {
      limitMs: () => 1_000,
      checkEveryMs: 100,
      queueGraceMs: 0,
      isIdle,
      unpublish: () => steps.push('unpublish'),
      publish: async () => {
        steps.push('publish');
      },
      exit: () => steps.push('exit'),
      log: SILENT,
    };
    return { steps, idle: new IdleExit(options) };
  }

  const afterGrace = async (idle: IdleExit): Promise<void> => {
    const checking = idle.check();
    await vi.advanceTimersByTimeAsync(10);
    await checking;
  };

  test('comes when nobody needed the daemon for the whole time', async () => {
    const { steps, idle } = idleExit(() => true);
    await vi.advanceTimersByTimeAsync(900);
    await idle.check();
    expect(steps).toEqual([]);
    await vi.advanceTimersByTimeAsync(200);
    await afterGrace(idle);
    expect(steps).toEqual(['unpublish', 'exit']);
  });

  test('gives the name back when somebody came while it was taken away', async () => {
    let looks = 0;
    const { steps, idle } = idleExit(() => (looks += 1) < 2);
    await vi.advanceTimersByTimeAsync(1_100);
    await afterGrace(idle);
    expect(steps).toEqual(['unpublish', 'publish']);
    looks = 0;
    await idle.check();
    expect(steps).toHaveLength(2);
  });

  test('comes although a check has failed', async () => {
    let fail = true;
    const { steps, idle } = idleExit(() => {
      if (fail) throw new Error('no');
      return true;
    });
    await vi.advanceTimersByTimeAsync(1_100);
    await idle.check();
    fail = false;
    await afterGrace(idle);
    expect(steps).toEqual(['unpublish', 'exit']);
  });

  test('does not count the time before somebody needed the daemon, or a sleep', async () => {
    const { steps, idle } = idleExit(() => true);
    await vi.advanceTimersByTimeAsync(5_000);
    idle.rebase();
    await idle.check();
    expect(steps).toEqual([]);
  });
});

test('a wake is a wall clock that jumped while timers stood still', () => {
  vi.useFakeTimers();
  try {
    const gaps: number[] = [];
    let jump = 0;
    const stop = watchForWake({ tickMs: 15_000, now: () => Date.now() + jump, onWake: (gap) => gaps.push(gap) });
    vi.advanceTimersByTime(60_000);
    expect(gaps).toEqual([]);
    jump = 3_600_000;
    vi.advanceTimersByTime(15_000);
    expect(gaps).toEqual([3_600_000]);
    vi.advanceTimersByTime(60_000);
    expect(gaps).toHaveLength(1);
    stop();
  } finally {
    vi.useRealTimers();
  }
});

describe('the crash-loop brake', () => {
  let directory: string;
  let now = 1_000_000;
  const ledger = (): StartLedger => new StartLedger(directory, '/logs', () => now);

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'mb'));
    now = 1_000_000;
  });
  afterEach(() => {
    rmSync(directory, { recursive: true, force: true });
  });

  function start(...ends: ('served' | 'ended' | 'exception')[]): void {
    const started = ledger();
    started.begin();
    for (const end of ends) {
      if (end === 'exception') started.exception('TypeError');
      else started[end]();
    }
    now += 1_000;
  }

  test('counts exceptions, also of daemons that had served', () => {
    start('served', 'exception');
    start('served', 'exception');
    start('served');
    start('exception');
    expect(() => start()).toThrow(/crashed 3 times within a minute \(TypeError\)/);
  });

  test('lets go after a minute', () => {
    for (let round = 0; round < 3; round += 1) start('exception');
    let hint = '';
    try {
      start();
    } catch (error) {
      hint = (error as { hint: string }).hint;
    }
    // A time of the clock stays true when the sentence is read later.
    const next = new Date(now + 57_000).toTimeString().slice(0, 8);
    expect(hint).toBe(
      `/logs/crash.log says where; \`mctl doctor\` looks for the cause. The next start is possible at ${next}.`,
    );
    now += 56_000;
    expect(() => start()).toThrow();
    now += 1_001;
    start();
  });

  test('counts deaths before a handshake only when no start in between came further', () => {
    for (let round = 0; round < 4; round += 1) start();
    start('served');
    for (let round = 0; round < 4; round += 1) start();
    start('ended');
    for (let round = 0; round < 5; round += 1) start();
    expect(() => start()).toThrow(/died 5 times within a minute before it could serve/);
  });

  test('does not hold a refused start against the next one', () => {
    for (let round = 0; round < 5; round += 1) start();
    for (let round = 0; round < 10; round += 1) expect(() => start()).toThrow(/died 5 times/);
  });

  test('has no memory rather than a wrong one when its file is damaged', () => {
    for (const text of ['', '{', '[]', '{"starts":5}', '{"starts":[1,null,{"at":"x"}]}']) {
      writeFileSync(join(directory, 'starts.json'), text);
      start('served');
      expect(readFileSync(join(directory, 'starts.json'), 'utf8')).toContain('served');
    }
  });
});
