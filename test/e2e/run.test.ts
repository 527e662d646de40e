import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { MHome, waitUntil, type Finished } from '../support/m-home.ts';

let home: MHome;

beforeEach(() => {
  home = new MHome();
});

afterEach(async () => {
  await home.remove();
});

function lastLine({ out }: Finished): Record<string, unknown> {
  return JSON.parse(out.trimEnd().split('\n').at(-1) ?? '') as Record<string, unknown>;
}

test('0: the answer is on stdout, and the session is there', async () => {
  const finished = await home.run('m', ['run', '--json', 'hello']);
  expect(finished.code).toBe(0);
  expect(lastLine(finished)).toMatchObject({
    type: 'turn.completed',
    turn: 1,
    usage: { inputTokens: expect.any(Number), outputTokens: expect.any(Number) },
  });
  const sessions = (await home.json(['sessions', 'list'])) as { id: string; workspace: string }[];
  expect(sessions).toMatchObject([{ id: lastLine(finished)['sessionId'], workspace: home.workspace }]);
});

test('1: a turn that fails says why', async () => {
  const finished = await home.run('m', ['run', '--json', 'fail']);
  expect(finished.code).toBe(1);
  expect(lastLine(finished)).toMatchObject({ type: 'turn.failed', turn: 1, error: { kind: 'REFUSED' } });
});

test('2: a command line that cannot be read; 3: a session that is not there', async () => {
  expect((await home.run('m', ['run', '--nonsense'])).code).toBe(2);
  expect((await home.run('m', ['run', '-c', '-r', 'x', 'hello'])).code).toBe(2);
  const missing = await home.run('m', ['run', '--json', '-r', 'nothing', 'hello']);
  expect(missing.code).toBe(3);
  expect(lastLine(missing)).toMatchObject({ type: 'error', kind: 'NOT_FOUND' });
});

test('75: a model that cannot be reached within the time; the prompt stays queued and is found again', async () => {
  const finished = await home.run('m', ['run', '--json', '--timeout', '2', 'fail unreachable']);
  expect(finished.code).toBe(75);
  const last = lastLine(finished);
  expect(last).toMatchObject({ type: 'turn.interrupted', reason: 'queued', turn: 1 });
  expect(finished.err).toContain(`m -r ${String(last['sessionId'])}`);
  const sessions = (await home.json(['sessions', 'list'])) as { status: string }[];
  expect(sessions).toMatchObject([{ status: 'waiting' }]);
});

test('75: SIGTERM leaves, and the turn is completed without anybody watching', async () => {
  const running = home.start('m', ['run', 'count to 40 every 20 ms']);
  await running.until(': 1 2 3');
  running.process.kill('SIGTERM');
  expect((await running.finished).code).toBe(75);
  const { out } = await home.chat(['echo after'], ['-c']);
  expect(out).toContain('after');
  const { messages } = (await home.json(['sessions', 'show', '_autosave'])) as {
    messages: { parts: { text: string }[] }[];
  };
  expect(messages[1]?.parts[0]?.text).toMatch(/39 40$/);
});

test('130: Ctrl+C cancels', async () => {
  const running = home.start('m', ['run', '--json', 'count to 1000 every 20 ms']);
  await running.until('delta');
  running.process.kill('SIGINT');
  const finished = await running.finished;
  expect(finished.code).toBe(130);
  expect(lastLine(finished)).toMatchObject({ type: 'turn.cancelled' });
});

test('a run follows its turn over the death of the daemon, and each character is told once', async () => {
  const running = home.start('m', ['run', '--json', 'count to 80 every 25 ms']);
  await running.until(/ 45/);
  await home.killDaemon();
  const finished = await running.finished;
  expect(finished.code).toBe(0);
  const lines = finished.out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; text?: string; reason?: string; parts?: { text: string }[] });
  const cut = lines.findIndex(({ type }) => type === 'cutoff');
  expect(lines[cut]).toMatchObject({ reason: 'crash' });
  const told = lines.slice(cut).map(({ type, text }) => (type === 'delta' ? text : ''));
  expect(told.join('')).toBe(lines.findLast(({ type }) => type === 'message')?.parts?.[0]?.text);
  expect(told.join('')).toMatch(/79 80$/);
});

test('75: a prompt behind a turn that a crash interrupts says that it waits for a person, and how to decide', async () => {
  const first = home.start('m', ['run', '--mode', 'full', 'run echo y > begun; sleep 60']);
  const begun = join(home.workspace, 'begun');
  await waitUntil(
    () => existsSync(begun),
    () => 'the command never began',
    20_000,
  );
  const second = home.start('m', ['run', '-c', '--json', 'echo behind']);
  await second.until('turn.queued', 20_000);
  await home.killDaemon();
  const finished = await second.finished;
  expect((await first.finished).code).toBe(75);
  expect(finished.code).toBe(75);
  const last = lastLine(finished);
  expect(last).toMatchObject({ type: 'turn.interrupted', reason: 'held', turn: 2, uncertain: [{}] });
  expect(finished.err).toContain(`in m -r ${String(last['sessionId'])}: /continue`);
  for (const word of ['waits behind it', 'run echo y', '/retry', '/leave']) expect(finished.err).toContain(word);
  const { out } = await home.chat(['/leave', 'echo after'], ['-c']);
  expect(out).toContain('turn 1 is left as it is');
  expect(out).toContain('after');
});

test('stopping the daemon ends the run as interrupted', async () => {
  const running = home.start('m', ['run', '--json', 'count to 1000 every 20 ms']);
  await running.until('delta');
  expect((await home.run('mctl', ['daemon', 'stop'])).code).toBe(0);
  const finished = await running.finished;
  expect(finished.code).toBe(75);
  expect(lastLine(finished)).toMatchObject({ type: 'turn.interrupted', reason: 'stopped' });
});

test('a pipe that is closed early ends it quietly', async () => {
  const running = home.start('m', ['run', 'count to 200 every 10 ms']);
  await running.until(': 1 2');
  running.process.stdout.destroy();
  const { err } = await running.finished;
  expect(err).not.toContain('EPIPE');
});

test('the prompt may come from a pipe', async () => {
  const { out } = await home.run('m', ['run'], { input: 'echo from a pipe' });
  expect(out).toContain('from a pipe');
});
