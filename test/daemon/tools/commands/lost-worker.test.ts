/** A daemon that is killed, or a thread that ends, between the start of a process and its record: nothing has run. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ProcessRecord, ToolSink } from '../../../../daemon/services/tool-port.ts';
import { ToolThread } from '../../../../daemon/tools/tool-thread.ts';
import { isRunning } from '../../../support/processes.ts';
import { kill, until } from './support/command-bench.ts';

const WORKER = join(import.meta.dirname, '../../../../dist/tools-worker.cjs');
const LOST = join(import.meta.dirname, 'support/lost-worker.ts');

let workspace: string;
beforeEach(() => {
  workspace = mkdtempSync(join(tmpdir(), 'm-lw-'));
});
afterEach(() => {
  rmSync(workspace, { recursive: true, force: true });
});

test('a command whose daemon is killed before its record is durable never runs', async () => {
  const child = spawn(process.execPath, [LOST, workspace, `lost-${process.pid}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env['PATH'] },
  });
  let said = '';
  child.stdout.on('data', (text: Buffer) => (said += text.toString()));
  await until(() => said.includes('\n'), 'its record');
  const pid = Number.parseInt(said, 10);
  expect(isRunning(pid)).toBe(true);
  kill(child.pid ?? 0);
  await until(() => !isRunning(pid), 'the end of what waited');
  expect(existsSync(join(workspace, 'ran'))).toBe(false);
});

test('a command whose thread ends before its record is durable never runs', async () => {
  const thread = new ToolThread({
    settings: { sealed: [], guarded: [] },
    onUnexpected: () => undefined,
    script: WORKER,
  });
  const environment = { PATH: process.env['PATH'] ?? '' };
  const place = { sessionId: 'S', turn: 1, callId: `lost-thread-${process.pid}`, workspace, environment };
  const records: ProcessRecord[] = [];
  const sink: ToolSink = {
    live: () => undefined,
    keep: () => Promise.resolve(),
    started: (record) => {
      records.push(record);
      return new Promise(() => undefined);
    },
    ended: () => undefined,
  };
  const call = await thread.prepare(place, 'bash', JSON.stringify({ command: 'touch ran; sleep 300' }));
  const lost = thread.run(place, call, sink, new AbortController().signal).catch((error: unknown) => error);
  await until(() => records.length === 1, 'its record');
  const pid = records[0]?.pid ?? 0;
  expect(isRunning(pid)).toBe(true);
  await thread.close();
  expect(await lost).toBeInstanceOf(Error);
  await until(() => !isRunning(pid), 'the end of what waited');
  expect(existsSync(join(workspace, 'ran'))).toBe(false);
});

test('a command that runs in the thread is ended when the tools are closed', async () => {
  const thread = new ToolThread({
    settings: { sealed: [], guarded: [] },
    onUnexpected: () => undefined,
    script: WORKER,
  });
  const environment = { PATH: process.env['PATH'] ?? '' };
  const place = { sessionId: 'S', turn: 1, callId: `closed-${process.pid}`, workspace, environment };
  const records: ProcessRecord[] = [];
  const ended: string[] = [];
  const sink: ToolSink = {
    live: () => undefined,
    keep: () => Promise.resolve(),
    started: (record) => {
      records.push(record);
      return Promise.resolve();
    },
    ended: (callId) => {
      ended.push(callId);
    },
  };
  const call = await thread.prepare(place, 'bash', JSON.stringify({ command: 'sleep 300', background: true }));
  expect((await thread.run(place, call, sink, new AbortController().signal)).output).toContain(
    'runs in the background as bg-',
  );
  expect(thread.background()).toEqual(records);
  await thread.close();
  expect(ended).toEqual([place.callId]);
  expect(isRunning(records[0]?.pid ?? 0)).toBe(false);
});
