/** A frontend that goes, in whatever way: its turn goes on, and whoever comes back finds it. */
import { describe, expect, test } from 'vitest';
import type { Client } from '../../client/connection/api.ts';
import { realHome, waitUntil, type Program, type RealHome } from '../support/real-daemon.ts';
import { answerTo, promptFor } from './support/demo-prompts.ts';
import { Follower } from './support/follower.ts';
import { textsOf, untilStatus } from './support/turns.ts';

const SIGNALS = ['SIGHUP', 'SIGTERM', 'SIGKILL'] as const;

/** Lets a frontend stream, ends it, and sees its turn through. */
async function endedInTheMiddle(home: RealHome, program: Program, signal: NodeJS.Signals, text: string) {
  const client = await home.client();
  const sessionId = await onlySession(client);
  const follower = await Follower.attach(client, sessionId, 'ada');
  await waitUntil('it streams', () => program.stdout().length > 100 && follower.shown(1, 1).length > 0);
  const daemon = client.daemon.daemon.pid;
  program.process.kill(signal);
  const exit = await program.exit;
  expect(follower.ends.size).toBe(0);
  expect((await follower.untilOver(1)).state).toBe('completed');
  expect(follower.cutoffs).toEqual([]);
  expect(await textsOf(client, sessionId)).toEqual([text, answerTo(text)]);
  expect(client.daemon.daemon.pid).toBe(daemon);
  expect(follower.problems).toEqual([]);
  return { exit, sessionId };
}

async function onlySession(client: Client): Promise<string> {
  let id: string | undefined;
  await waitUntil('there is a session', async () => {
    id = (await client.call('session/list', {})).sessions[0]?.id;
    return id !== undefined;
  });
  return id ?? '';
}

describe.each(SIGNALS)('%s', (signal) => {
  test('of m run leaves its turn running', async () => {
    const home = realHome();
    const text = promptFor(1_500);
    const run = home.m(['run', '--json', text]);
    const { exit, sessionId } = await endedInTheMiddle(home, run, signal, text);
    if (signal === 'SIGKILL') {
      expect(exit.signal).toBe('SIGKILL');
    } else {
      expect(exit).toEqual({ code: 75, signal: null });
      expect(JSON.parse(run.stdout().trim().split('\n').at(-1) ?? '')).toMatchObject({
        type: 'turn.interrupted',
        reason: 'left',
        sessionId,
        turn: 1,
      });
    }
    expect(await home.finish()).toEqual([]);
  });

  test('of m chat leaves its turn running, and another chat goes on from there', async () => {
    const home = realHome();
    const text = promptFor(1_500);
    const chat = home.m(['chat'], { input: `${text}\n` });
    const { exit, sessionId } = await endedInTheMiddle(home, chat, signal, text);
    expect(exit).toEqual(signal === 'SIGKILL' ? { code: null, signal } : { code: 0, signal: null });
    const next = home.m(['chat', '-c'], { input: 'echo and on\n' });
    await waitUntil('it is answered', () => next.stdout().includes(answerTo('echo and on')));
    next.process.stdin?.end();
    expect(await next.exit).toEqual({ code: 0, signal: null });
    const client = await home.client();
    await untilStatus(client, sessionId, 'idle');
    expect((await client.call('session/list', {})).total).toBe(1);
    expect(await textsOf(client, sessionId)).toEqual([text, answerTo(text), 'echo and on', answerTo('echo and on')]);
    expect(await home.finish()).toEqual([]);
  });
});

test('two frontends that are killed at once leave the turns of both, in their order', async () => {
  const home = realHome();
  const texts = [promptFor(800), promptFor(100)] as const;
  const first = home.m(['run', '--json', texts[0]]);
  await waitUntil('it streams', () => first.stdout().includes('"delta"'));
  const client = await home.client();
  const sessionId = await onlySession(client);
  const second = home.m(['run', '--json', '-r', sessionId, texts[1]]);
  await waitUntil('it waits', () => second.stdout().includes('turn.queued'));
  for (const run of [first, second]) run.process.kill('SIGKILL');
  await Promise.all([first.exit, second.exit]);
  await untilStatus(client, sessionId, 'idle', 30_000);
  expect(await textsOf(client, sessionId)).toEqual(texts.flatMap((text) => [text, answerTo(text)]));
  expect(await home.finish()).toEqual([]);
});
