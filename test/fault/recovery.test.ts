/** What becomes of a turn that a crash interrupted: what was drafted, what is sent to the model again, and who decides. */
import { describe, expect, onTestFinished, test } from 'vitest';
import { textOf } from '../../client/conversation/reply-text.ts';
import {
  chunk,
  delta,
  DONE,
  finish,
  LAST_CHUNK,
  ProviderServer,
  STREAM_HEAD,
  USAGE,
} from '../daemon/agent/support/provider-server.ts';
import { realHome, waitUntil } from '../support/real-daemon.ts';
import { chance, faultLoops } from './support/chance.ts';
import { answerTo, promptFor } from './support/demo-prompts.ts';
import { Follower } from './support/follower.ts';
import { pause, statusOf, submit, textsOf, untilStatus } from './support/turns.ts';

/** Drafts are written each second; the rest is for a busy machine. */
const DRAFT_MS = 1_000;
const SLACK_MS = 700;

describe('a daemon that is killed while a model writes', () => {
  test('leaves what was drafted as cut off, at most about a second short, and does not send it back', async () => {
    const server = await ProviderServer.start();
    onTestFinished(() => server.stop());
    const sent: { at: number; text: string }[] = [];
    let timer: NodeJS.Timeout | undefined;
    onTestFinished(() => clearInterval(timer));
    server.answer = (socket) => {
      socket.write(STREAM_HEAD);
      timer = setInterval(() => {
        const text = `word${sent.length} `;
        sent.push({ at: performance.now(), text });
        socket.write(chunk(delta(text)));
      }, 20);
      socket.on('close', () => clearInterval(timer));
    };
    const home = realHome({ config: `model = "local/some"\n[providers.local]\nbase_url = "${server.baseUrl}"\n` });
    const client = await home.client();
    const { sessionId } = await submit(client, home, 'tell me everything');
    const follower = await Follower.attach(client, sessionId, 'ada');
    await follower.untilShown(1, 'word110 ');

    server.answer = (socket) =>
      socket.end(STREAM_HEAD + chunk(delta('All of it.') + finish() + USAGE + DONE) + LAST_CHUNK);
    const killed = performance.now();
    home.signalDaemons('SIGKILL');
    expect((await follower.untilOver(1)).state).toBe('completed');

    const written = (before: number) =>
      sent
        .filter(({ at }) => at <= before)
        .map(({ text }) => text)
        .join('');
    const [cut, ...more] = follower.cutoffs;
    expect(more).toEqual([]);
    expect(cut?.data).toMatchObject({ step: 1, reason: 'crash' });
    const kept = textOf(cut?.data.parts ?? []);
    expect(written(killed).startsWith(kept)).toBe(true);
    expect(kept.length).toBeGreaterThanOrEqual(written(killed - DRAFT_MS - SLACK_MS).length);
    expect(await textsOf(client, sessionId)).toEqual(['tell me everything', 'All of it.']);

    const again = await submit(client, sessionId, 'and now?');
    await follower.untilOver(again.turn);
    const bodies = server.requests
      .map(({ body }) => (JSON.parse(body) as { messages: { role: string }[] }).messages)
      .map((messages) => messages.filter(({ role }) => role !== 'system'));
    const first = { role: 'user', content: 'tell me everything' };
    expect(bodies).toEqual([
      [first],
      [first],
      [first, { role: 'assistant', content: 'All of it.' }, { role: 'user', content: 'and now?' }],
    ]);
    expect([...follower.problems, ...(await home.finish())]).toEqual([]);
  });

  test('shows on screen what was written before and the whole reply of the next attempt', async () => {
    const home = realHome();
    const client = await home.client();
    const text = promptFor(2_000);
    const { sessionId } = await submit(client, home, text);
    const follower = await Follower.attach(client, sessionId, 'ada');
    await waitUntil('a draft is written', () => follower.shown(1, 1).split(' ').length > 250);
    const before = follower.shown(1, 1);
    home.signalDaemons('SIGKILL');
    expect((await follower.untilOver(1)).state).toBe('completed');
    // What the daemon had sent before it was killed may have arrived afterwards.
    const shown = follower.shown(1, 1);
    expect(shown.startsWith(before)).toBe(true);
    expect(answerTo(text).startsWith(shown)).toBe(true);
    expect(follower.shown(1, 2)).toBe(answerTo(text));
    expect([...follower.problems, ...(await home.finish())]).toEqual([]);
  });
});

test('a daemon that is killed several times in one turn leaves each stretch cut off once', async () => {
  const home = realHome();
  const client = await home.client();
  const text = promptFor(2_500);
  const { sessionId } = await submit(client, home, text);
  const follower = await Follower.attach(client, sessionId, 'ada');
  for (const step of [1, 2]) {
    await waitUntil(`step ${step} is drafted`, () => follower.shown(1, step).split(' ').length > 250);
    home.signalDaemons('SIGKILL');
    await waitUntil('the next step begins', () => follower.shown(1, step + 1) !== '');
    // Before the first draft of this step, which begins again.
    home.signalDaemons('SIGKILL');
  }
  expect((await follower.untilOver(1)).state).toBe('completed');
  expect(follower.cutoffs.map(({ data }) => data.step)).toEqual([1, 2]);
  for (const { data } of follower.cutoffs) expect(answerTo(text).startsWith(textOf(data.parts))).toBe(true);
  expect(await textsOf(client, sessionId)).toEqual([text, answerTo(text)]);
  expect([...follower.problems, ...(await home.finish())]).toEqual([]);
});

describe.each(['ask', 'never'])('with recovery = "%s"', (recovery) => {
  const config = `recovery = "${recovery}"\n`;

  test('a turn that a crash interrupted stays interrupted, with what was drafted', async () => {
    const home = realHome({ config });
    const client = await home.client();
    const run = home.m(['run', '--json', promptFor(2_500)]);
    await waitUntil('it streams for more than a second', () => run.stdout().split('"delta"').length > 40);
    home.signalDaemons('SIGKILL');
    expect(await run.exit).toEqual({ code: 75, signal: null });
    expect(run.stdout()).toContain('"type":"turn.interrupted"');
    const { sessions } = await client.call('session/list', {});
    expect(sessions.map(({ status }) => status)).toEqual(['interrupted']);
    const follower = await Follower.attach(client, sessions[0]?.id ?? '', 'ada');
    expect(follower.states(1)).toEqual(['running', 'interrupted']);
    expect(follower.ends.get(1)).toMatchObject({ state: 'interrupted', reason: 'crash' });
    expect(follower.cutoffs).toHaveLength(1);
    // A second start changes nothing about it.
    home.signalDaemons('SIGTERM');
    await waitUntil('the next daemon serves', () => follower.resumes > 0);
    expect(await statusOf(client, sessions[0]?.id ?? '')).toBe('interrupted');
    expect(follower.states(1)).toEqual(['running', 'interrupted']);
    expect([...follower.problems, ...(await home.finish())]).toEqual([]);
  });

  test('prompts that waited behind it wait for the next prompt, and go before it', async () => {
    const home = realHome({ config });
    const client = await home.client();
    const { sessionId } = await submit(client, home, promptFor(1_000));
    await submit(client, sessionId, 'echo second');
    const follower = await Follower.attach(client, sessionId, 'ada');
    await waitUntil('it streams', () => follower.shown(1, 1).length > 20);
    home.signalDaemons('SIGKILL');
    expect((await follower.untilOver(1)).state).toBe('interrupted');
    // Also after another start.
    const { pid } = client.daemon.daemon;
    home.signalDaemons('SIGTERM');
    await waitUntil('the next daemon serves', () => client.daemon.daemon.pid !== pid);
    expect(await statusOf(client, sessionId)).toBe('queued');
    expect(follower.states(2)).toEqual([]);
    const third = await submit(client, sessionId, 'echo third');
    expect(third.turn).toBe(3);
    await follower.untilOver(3);
    expect((await textsOf(client, sessionId)).filter((text) => /^echo (second|third)$/.test(text))).toEqual([
      'echo second',
      'echo third',
    ]);
    expect(follower.states(2)).toEqual(['running', 'completed']);
    await untilStatus(client, sessionId, 'idle');
    expect([...follower.problems, ...(await home.finish())]).toEqual([]);
  });
});

test(
  'a cancellation that was acknowledged is not undone by a crash',
  { timeout: 30_000 + faultLoops() * 3_000 },
  async () => {
    const lots = chance();
    const home = realHome();
    const client = await home.client();
    for (let loop = 0; loop < faultLoops(); loop += 1) {
      const { sessionId } = await submit(client, home, promptFor(700));
      const follower = await Follower.attach(client, sessionId, 'ada');
      await submit(client, sessionId, 'echo behind it');
      await waitUntil('it streams', () => follower.shown(1, 1).length > 20);
      await pause(lots.between(0, 30));
      expect(await client.call('turn/cancel', { sessionId, turn: 1 })).toEqual({ cancelled: 1 });
      home.signalDaemons('SIGKILL');
      expect((await follower.untilOver(1)).state).toBe('cancelled');
      expect((await follower.untilOver(2)).state).toBe('completed');
      expect(follower.problems).toEqual([]);
    }
    expect(await home.finish()).toEqual([]);
  },
);
