import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ProcessRecord, ToolSink } from '../../../daemon/services/tool-port.ts';
import { ToolThread } from '../../../daemon/tools/tool-thread.ts';
import { FILE_SPECS } from '../../../daemon/tools/files/specs.ts';
import { Workbench } from './support/workbench.ts';

const HOSTILE = join(import.meta.dirname, 'support/hostile-worker.ts');

let bench: Workbench;
afterEach(() => bench.close());

const use = (name: string, signal?: AbortSignal) => bench.prepare(name, {}).then((call) => bench.run(call, signal));

describe('the tools thread', () => {
  beforeEach(() => {
    bench = new Workbench({
      script: HOSTILE,
      deadlines: { run: 60_000, abort: 500, stuck: 2_000 },
    });
  });

  it('that dies rejects its callers, and the next call starts another', async () => {
    const deaf = use('deaf');
    const dead = use('die');
    const both = await Promise.allSettled([deaf, dead]);
    for (const result of both)
      expect(result).toMatchObject({
        status: 'rejected',
        reason: { message: 'the thread that runs the tools was lost: it ended with code 3' },
      });
    expect(await use('break')).toMatchObject({ isError: true });
  });

  it('that no longer answers is given up', async () => {
    await expect(use('loop')).rejects.toThrow('the thread that runs the tools was lost: it no longer answered');
    expect(await use('break')).toMatchObject({ isError: true });
  });

  it('ends what a lost one had started before anything else begins', async () => {
    const heard: string[] = [];
    const sink: ToolSink = {
      live: (text) => heard.push(`live ${text}`),
      keep: (text) => Promise.resolve(void heard.push(`keep ${text}`)),
      started: (record: ProcessRecord) => Promise.resolve(void heard.push(`started ${record.callId}`)),
      ended: (callId) => heard.push(`ended ${callId}`),
    };
    const place = { ...bench.place(), callId: 'C' };
    const call = await bench.thread.prepare(place, 'start', '{}');
    const { output: pid } = await bench.thread.run(place, call, sink, new AbortController().signal);
    await expect.poll(() => heard).toEqual(['started C', 'keep some output', 'live live']);
    expect(bench.thread.background()).toMatchObject([{ callId: 'C', pid: Number(pid) }]);
    expect(isAlive(Number(pid))).toBe(true);
    await expect(use('die')).rejects.toThrow('was lost');
    await bench.prepare('break', {});
    expect(heard.at(-1)).toBe('ended C');
    expect(bench.thread.background()).toEqual([]);
    await expect.poll(() => isAlive(Number(pid))).toBe(false);
  });

  it('does not let a command begin whose record could not be kept', async () => {
    const place = bench.place();
    const call = await bench.thread.prepare(place, 'start', '{}');
    const sink: ToolSink = {
      live: () => undefined,
      keep: () => Promise.resolve(),
      started: (record) => {
        process.kill(-record.pid, 'SIGKILL');
        return Promise.reject(new Error('the store is full'));
      },
      ended: () => undefined,
    };
    expect(await bench.thread.run(place, call, sink, new AbortController().signal)).toMatchObject({ isError: true });
  });

  it('passes an abort on, and gives up what does not hear it', async () => {
    const controller = new AbortController();
    const obedient = use('obedient', controller.signal);
    const deaf = use('deaf', controller.signal);
    const refused = expect(deaf).rejects.toThrow('a tool did not end when it was told to');
    await bench.prepare('break', {});
    controller.abort();
    expect(await obedient).toMatchObject({ output: 'stopped' });
    await refused;
    const call = await bench.prepare('obedient', {});
    expect(await bench.run(call, controller.signal)).toEqual({
      output: 'obedient: cancelled before it began',
      isError: true,
    });
  });

  it('makes an outcome of a tool that breaks, and tells the log', async () => {
    expect(await use('break')).toEqual({
      output: 'break failed for a reason that it does not know; what it was to do may have been done in part',
      isError: true,
    });
    expect(bench.unexpected.join()).toContain('TypeError: a mistake');
  });

  it('is closed once and for all', async () => {
    await bench.prepare('break', {});
    const waiting = use('deaf');
    const rejected = expect(waiting).rejects.toThrow('the tools were closed');
    await bench.prepare('break', {});
    await bench.thread.close();
    await rejected;
    await expect(bench.prepare('break', {})).rejects.toThrow('the tools were closed');
  });
});

it('a thread that runs out of memory does not take the process with it', async () => {
  bench = new Workbench({ script: HOSTILE });
  await expect(use('hoard')).rejects.toThrow('the thread that runs the tools was lost: it ran out of memory');
  expect(await use('break')).toMatchObject({ isError: true });
}, 60_000);

it('a call that took too long ends by itself when it can', async () => {
  bench = new Workbench({ script: HOSTILE, deadlines: { run: 100, abort: 20_000 } });
  expect(await use('obedient')).toMatchObject({ output: 'stopped' });
});

it('what a model is told of the tools is what they understand', async () => {
  bench = new Workbench();
  const specs = new ToolThread({ settings: { sealed: [], guarded: [] }, onUnexpected: () => undefined }).specs();
  for (const spec of Object.values(FILE_SPECS)) {
    expect(specs).toContain(spec);
    const args = Object.fromEntries(Object.keys(spec.schema.properties).map((name) => [name, Symbol.iterator]));
    // Every argument is known, and every one that is required is missed.
    const unknown = await bench.prepare(spec.name, { ...args, other: 1 }).catch(String);
    expect(unknown).toContain('there is no other');
    const required = 'required' in spec.schema ? spec.schema.required : [];
    for (const name of required)
      expect(await bench.prepare(spec.name, {}).catch(String)).toContain(`${name} is missing`);
    const given = Object.fromEntries(Object.keys(spec.schema.properties).map((name) => [name, { never: 'this' }]));
    const mistyped = await bench.prepare(spec.name, given).catch(String);
    for (const name of Object.keys(given)) expect(mistyped).toContain(`${name} must be`);
  }
});

/** A process whose starter is gone stays in the list of processes, as dead as it can be. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
