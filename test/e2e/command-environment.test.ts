/** In which surroundings commands run: those of whoever gave the prompt, whatever became of him. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { realHome, waitUntil, type RealHome } from '../support/real-daemon.ts';
import { Watcher } from '../support/watcher.ts';

const PROMPT = 'run echo "$FLAVOUR in $PWD" > out';

const clientWith = (home: RealHome, flavour: string) =>
  home.client({ kind: 'chat', environment: { ...home.environment, FLAVOUR: flavour } });
const out = (home: RealHome): string => readFileSync(join(home.workspace, 'out'), 'utf8').trim();

test('a command has the variables of the client that gave the prompt, and runs in its workspace', async () => {
  const home = realHome({ config: 'mode = "full"\n' });
  const { workspace } = home;
  const me = await Watcher.begin(await clientWith(home, 'mint'), { workspace, prompt: PROMPT });
  await me.state(1, 'completed');
  expect(out(home)).toBe(`mint in ${workspace}`);
  const other = await Watcher.join(await clientWith(home, 'lime'), me.sessionId);
  await other.submit(PROMPT);
  await other.state(2, 'completed');
  expect(out(home)).toBe(`lime in ${workspace}`);
});

test('a command that waits for an answer keeps them over the death of the daemon, whoever answers', async () => {
  const home = realHome();
  const { workspace } = home;
  const me = await Watcher.begin(await clientWith(home, 'mint'), { workspace, prompt: PROMPT });
  const { question } = await me.asked();
  await me.client.close();
  home.signalDaemons('SIGKILL');
  await waitUntil('the daemon is gone', () => home.daemonPids().length === 0);
  const other = await Watcher.join(await clientWith(home, 'lime'), me.sessionId);
  await waitUntil('the daemon waits for an answer', async () => {
    const { approvals } = await other.client.call('approval/list', {});
    return approvals.length === 1;
  });
  await other.answer(question.callId, { decision: 'allow' });
  await other.state(1, 'completed');
  expect(out(home)).toBe(`mint in ${workspace}`);
});

test('nothing of the daemon’s own surroundings reaches a command', async () => {
  const home = realHome({ config: 'mode = "full"\n' });
  const { workspace } = home;
  const me = await Watcher.begin(await clientWith(home, 'mint'), { workspace, prompt: 'run env | sort > out' });
  await me.state(1, 'completed');
  const names = out(home)
    .split('\n')
    .map((line) => line.split('=', 1)[0] ?? '');
  expect(names).toContain('FLAVOUR');
  expect(names.filter((name) => /^(M_(?!CALL$)|NODE_)/.test(name))).toEqual([]);
});
