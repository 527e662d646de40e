/** What commands of a daemon before this one left: it is ended, and nothing that only has its number. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ProcessRecord } from '../../../../daemon/services/tool-port.ts';
import { endProcesses, membersOf } from '../../../../daemon/tools/commands/end-processes.ts';
import { processTable } from '../../../../daemon/tools/commands/system-processes.ts';
import { endSurvivors } from '../../../../daemon/tools/commands/survivors.ts';
import { isRunning } from '../../../support/processes.ts';
import { kill, numberIn, until } from './support/command-bench.ts';

const table = processTable();
/** No system counts this far. */
const NOBODY = 2 ** 30;
const callId = `survivor-${process.pid}`;
let folder: string;
let started: number[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'm-sv-'));
  started = [];
});
afterEach(() => {
  for (const pid of started) {
    kill(-pid);
    kill(pid);
  }
  rmSync(folder, { recursive: true, force: true });
});

function leader(script: string, marked = true): { child: ChildProcess; record: ProcessRecord } {
  const env = { PATH: process.env['PATH'], ...(marked ? { M_CALL: callId } : {}) };
  const child = spawn('/bin/sh', ['-c', script], { cwd: folder, env, detached: true, stdio: 'ignore' });
  const { pid } = child;
  if (pid === undefined) throw new Error('no process was started');
  started.push(pid);
  const startTime = table.find(pid)?.startTime ?? '';
  return { child, record: { callId, sessionId: 'S', pid, startTime, bootId: table.bootId(), background: true } };
}

async function gone(child: ChildProcess): Promise<void> {
  await until(() => child.exitCode !== null || child.signalCode !== null, 'the end of the leader');
}

async function pidIn(name: string): Promise<number> {
  const pid = await numberIn(join(folder, name));
  started.push(pid);
  return pid;
}

describe('endSurvivors', () => {
  test('ends a leader with its whole group', async () => {
    const { record } = leader('sleep 300 & echo $! > inner; sleep 300; true');
    const inner = await pidIn('inner');
    await endSurvivors(table, [record]);
    expect([isRunning(record.pid), isRunning(inner)]).toEqual([false, false]);
  });

  test('ends what ignores being asked', async () => {
    const { record } = leader(`trap '' TERM; echo $$ > up; while :; do sleep 1; done`);
    await pidIn('up');
    await endSurvivors(table, [record]);
    expect(isRunning(record.pid)).toBe(false);
  });

  test('ends a group whose leader has gone, by its mark', async () => {
    const { child, record } = leader('sleep 300 & echo $! > inner');
    const inner = await pidIn('inner');
    await gone(child);
    await endSurvivors(table, [record]);
    expect(isRunning(inner)).toBe(false);
  });

  test('ends what left the group, by its mark', async () => {
    const { child, record } = leader(`setsid sh -c 'echo $$ > outer; exec sleep 300' &`);
    const outer = await pidIn('outer');
    await gone(child);
    await endSurvivors(table, [record]);
    expect(isRunning(outer)).toBe(false);
  });

  test('does not touch a group that has the number, and neither the start time nor the mark', async () => {
    const { record } = leader('sleep 300 & echo $! > inner; sleep 300; true', false);
    const inner = await pidIn('inner');
    await endSurvivors(table, [{ ...record, startTime: String(Number(record.startTime) - 5) }]);
    expect([isRunning(record.pid), isRunning(inner)]).toEqual([true, true]);
  });

  test('does not touch a group without leader that has the number, and not the mark', async () => {
    const { child, record } = leader('sleep 300 & echo $! > inner', false);
    const inner = await pidIn('inner');
    await gone(child);
    await endSurvivors(table, [record]);
    expect(isRunning(inner)).toBe(true);
  });

  test('does not touch what another call marked', async () => {
    const { record } = leader('sleep 300');
    const nobody = { ...record, pid: NOBODY, startTime: '0' };
    await endSurvivors(table, [
      { ...nobody, callId: `${callId}0` },
      { ...nobody, callId: callId.slice(0, -1) },
    ]);
    expect(isRunning(record.pid)).toBe(true);
    await endSurvivors(table, [nobody]);
    expect(isRunning(record.pid)).toBe(false);
  });

  test.each([0, 1, -1, Number.NaN])('does not take %d for the number of a group', (pid) => {
    const { record } = leader('sleep 300');
    expect(membersOf(table, { record: { ...record, pid, callId: 'none' }, ours: true })).toEqual([]);
  });

  test('does not touch anything of another boot', async () => {
    const { record } = leader('sleep 300');
    await endSurvivors(table, [{ ...record, bootId: 'another' }]);
    expect(isRunning(record.pid)).toBe(true);
  });

  test('has nothing to do for what has gone', async () => {
    const { child, record } = leader('true');
    await gone(child);
    await endSurvivors(table, [record, record]);
  });

  test('takes a leader that has ended and was not asked for as ended', async () => {
    // Its parent is this process, which is kept from asking for a moment.
    const { child, record } = leader('exit 0');
    let state: string | undefined;
    const deadline = performance.now() + 5_000;
    while (performance.now() < deadline && table.find(record.pid)?.ended !== true) state = 'waits';
    expect(state === undefined || table.find(record.pid)?.ended === true).toBe(true);
    const { found } = await endProcesses(table, { record, ours: false });
    expect(found).toBe(0);
    await gone(child);
  });
});
