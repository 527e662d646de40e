/** Commands in the background: read, waited for, ended, counted, forgotten. */
import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MAX_PER_SESSION, MAX_RECENT } from '../../../../daemon/tools/commands/limits.ts';
import { isRunning } from '../../../support/processes.ts';
import { CommandBench, Told, numberIn, until } from './support/command-bench.ts';

let bench: CommandBench;
beforeEach(() => {
  bench = new CommandBench();
});
afterEach(async () => {
  expect(await bench.close()).toBe(0);
});

async function start(command: string, told = new Told(), sessionId = 'S', more = {}): Promise<string> {
  const place = bench.place(sessionId);
  const outcome = await bench.bash(command, { background: true, ...more }, { told, place });
  expect(outcome.isError).toBe(false);
  const id = /bg-[0-9a-f]+/.exec(outcome.output)?.[0];
  if (id === undefined) throw new Error(outcome.output);
  return id;
}

function read(id: string, wait = 0) {
  return bench.use('bash_output', { id, wait });
}

describe('a command in the background', () => {
  test('answers at once, is recorded as such, and goes on', async () => {
    const told = new Told();
    const id = await start('echo one; until [ -e go ]; do sleep 0.02; done; echo two; exit 4', told);
    expect(told.records).toMatchObject([{ background: true, sessionId: 'S' }]);
    let seen = '';
    await expect.poll(async () => (seen += (await read(id)).output), { timeout: 20_000 }).toContain('one\n');
    expect(seen).toMatch(/one\n\[bg-[0-9a-f]+ still runs, for \d+ s\]$/);
    expect((await read(id)).output).toMatch(/^\(no new output\)\n\[bg-/);
    expect(told.endedCalls).toEqual([]);
    writeFileSync(bench.path('go'), '');
    expect((await read(id, 60)).output).toMatch(/^two\n\[exit code 4 after [\d.]+ s\]$/);
    expect(told.endedCalls).toEqual([told.records[0]?.callId]);
    expect((await read(id)).output).toMatch(/^\(no new output\)\n\[exit code 4/);
  });

  test('is waited for no longer than was said, and no longer than the call', async () => {
    const id = await start('sleep 300');
    expect((await read(id, 1)).output).toContain('still runs');
    const controller = new AbortController();
    const waiting = bench.use('bash_output', { id, wait: 200 }, { signal: controller.signal });
    controller.abort();
    expect((await waiting).output).toContain('still runs');
  });

  test('is ended when it is asked for, with everything that it started', async () => {
    const told = new Told();
    const id = await start('echo $$; setsid sleep 300 & echo $! > pid; sleep 300', told);
    const pid = await numberIn(bench.path('pid'));
    const outcome = await bench.use('bash_kill', { id });
    expect(outcome.output).toMatch(/^\d+\n\[ended as asked after/);
    expect(isRunning(pid)).toBe(false);
    expect(bench.left()).toEqual([]);
    expect(told.endedCalls).toHaveLength(1);
    expect((await bench.use('bash_kill', { id })).output).toContain('[ended as asked after');
  });

  test('ends after its time when it was given one, and not before', async () => {
    const limited = await start('sleep 300', new Told(), 'S', { timeoutSeconds: 1 });
    expect((await read(limited, 60)).output).toContain('[ended because its time was over, after');
  });

  test('belongs to its session', async () => {
    const id = await start('sleep 300');
    const place = bench.place('other');
    await expect(bench.use('bash_output', { id }, { place })).rejects.toThrow(
      `no background command ${id} is known in this session; there is none`,
    );
    await expect(bench.use('bash_kill', { id }, { place })).rejects.toThrow('there is none');
    await expect(read('bg-000000')).rejects.toThrow(`there is ${id}`);
  });

  test('ends with its session, and only with its own', async () => {
    const told = new Told();
    await start('sleep 300', told, 'S');
    const other = await start('sleep 300', told, 'T');
    await bench.commands.endBackground('S');
    expect(told.records.map(({ pid }) => isRunning(pid))).toEqual([false, true]);
    expect((await bench.use('bash_output', { id: other }, { place: bench.place('T') })).output).toContain('still runs');
    await bench.commands.endBackground(undefined);
    expect(told.records.map(({ pid }) => isRunning(pid))).toEqual([false, false]);
    expect(told.endedCalls).toHaveLength(2);
  });

  test('ends together with those in front when everything is to end', async () => {
    const told = new Told();
    const front = bench.bash('echo a; sleep 300', {}, { told });
    await until(() => told.lives.length > 0, 'its output');
    await bench.commands.endBackground(undefined);
    expect((await front).output).toMatch(/^a\n\[ended because m stops, after/);
  });

  test('is one of sixteen at most in a session, also when they start at once', async () => {
    const all = await Promise.allSettled(Array.from({ length: MAX_PER_SESSION + 2 }, () => start('sleep 300')));
    expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(MAX_PER_SESSION);
    const [first] = all;
    await expect(start('true')).rejects.toThrow('16 commands of this session already run in the background');
    if (first?.status !== 'fulfilled') throw new Error('the first was not started');
    await bench.use('bash_kill', { id: first.value });
    await start('sleep 300');
    await start('sleep 300', new Told(), 'T').catch(() => undefined);
  });

  test('keeps the newest of its output for who reads late', async () => {
    const id = await start(`seq 1000000; echo end; touch printed`);
    const { output } = await read(id, 120);
    expect(output).toMatch(/^\[\d+ characters of older output are not kept\]\n/);
    expect(Number(/\d+/.exec(output)?.[0])).toBeGreaterThanOrEqual(6_888_900 - MAX_RECENT);
    expect(output).toMatch(/bytes left out …\n[^]*1000000\nend\n\[exit code 0/);
    expect(output.length).toBeLessThan(32_000);
  });
});
