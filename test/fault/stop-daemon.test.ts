/** An orderly end of the daemon in every phase of its life: exit code 0, nothing lost, and the next daemon goes on. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Client } from '../../client/connection/api.ts';
import { textOf } from '../../client/conversation/reply-text.ts';
import { realHome, waitUntil, type Program, type RealHome } from '../support/real-daemon.ts';
import { audit, untilQuiet } from './support/audit.ts';
import { chance, faultLoops } from './support/chance.ts';
import { answerTo, promptFor } from './support/demo-prompts.ts';
import { Follower } from './support/follower.ts';
import { Promises, Worker } from './support/load.ts';
import { Watcher } from '../support/watcher.ts';
import { pause, statusOf, submit, textsOf } from './support/turns.ts';

const CLEAN = { code: 0, signal: null };

/** A home with a daemon that the test has started itself, and a client of it. */
async function served(): Promise<{ home: RealHome; daemon: Program; client: Client }> {
  const home = realHome();
  const daemon = home.daemon();
  await waitUntil('the daemon listens', () => existsSync(home.locations.endpoint.socketPath));
  const client = await home.client();
  expect(client.daemon.daemon.pid).toBe(daemon.pid);
  return { home, daemon, client };
}

describe('SIGTERM', () => {
  test('ends an idle daemon with exit code 0, and the next one has everything', async () => {
    const { home, daemon, client } = await served();
    const { sessionId } = await submit(client, home, 'count to 3');
    await untilQuiet(client, 10_000);
    daemon.process.kill('SIGTERM');
    expect(await daemon.exit).toEqual(CLEAN);
    expect(await textsOf(client, sessionId)).toEqual(['count to 3', answerTo('count to 3')]);
    expect(client.daemon.daemon.pid).not.toBe(daemon.pid);
    expect(await home.finish()).toEqual([]);
  });

  test('in the middle of a reply keeps every word that was shown, and the next daemon finishes the turn', async () => {
    const { home, daemon, client } = await served();
    const text = promptFor(1_500);
    const { sessionId, turn } = await submit(client, home, text);
    const follower = await Follower.attach(client, sessionId, 'ada');
    await waitUntil('a good part is shown', () => follower.shown(turn, 1).length > 300);
    const shown = follower.shown(turn, 1);
    daemon.process.kill('SIGTERM');
    expect(await daemon.exit).toEqual(CLEAN);
    expect((await follower.untilOver(turn)).state).toBe('completed');
    expect(follower.states(turn)).toEqual(['running', 'completed']);
    expect(follower.cutoffs).toHaveLength(1);
    const kept = textOf(follower.cutoffs[0]?.data.parts ?? []);
    expect(kept.startsWith(shown)).toBe(true);
    expect(answerTo(text).startsWith(kept)).toBe(true);
    expect(follower.shown(turn, 2)).toBe(answerTo(text));
    expect([...follower.problems, ...(await home.finish())]).toEqual([]);
  });

  test('with prompts that wait keeps their order, and the next daemon delivers them', async () => {
    const { home, daemon, client } = await served();
    const texts = [promptFor(600), promptFor(20), promptFor(20), promptFor(20)];
    const { sessionId } = await submit(client, home, texts[0] ?? '');
    const follower = await Follower.attach(client, sessionId, 'ada');
    for (const text of texts.slice(1)) await submit(client, sessionId, text);
    daemon.process.kill('SIGTERM');
    expect(await daemon.exit).toEqual(CLEAN);
    await follower.untilOver(texts.length);
    expect(await textsOf(client, sessionId)).toEqual(texts.flatMap((text) => [text, answerTo(text)]));
    expect([...follower.problems, ...(await home.finish())]).toEqual([]);
  });

  test('while a turn waits for its model does not wait with it, and the next daemon tries again', async () => {
    const { home, daemon, client } = await served();
    const { sessionId, turn } = await submit(client, home, 'fail unreachable');
    const behind = await submit(client, sessionId, 'count to 2');
    const follower = await Follower.attach(client, sessionId, 'ada');
    await waitUntil('the turn waits', () => follower.states(turn).includes('waiting'));
    const attempts = follower.states(turn).length;
    const asked = performance.now();
    daemon.process.kill('SIGTERM');
    expect(await daemon.exit).toEqual(CLEAN);
    expect(performance.now() - asked).toBeLessThan(3_000);
    await waitUntil('the next daemon has tried', () => follower.states(turn).length > attempts);
    expect(await statusOf(client, sessionId)).toBe('waiting');
    expect(await client.call('turn/cancel', { sessionId, turn })).toEqual({ cancelled: turn });
    expect((await follower.untilOver(turn)).state).toBe('cancelled');
    expect((await follower.untilOver(behind.turn)).state).toBe('completed');
    expect([...follower.problems, ...(await home.finish())]).toEqual([]);
  });

  test('in a storm of writes loses none that was acknowledged', async () => {
    const { home, daemon, client } = await served();
    const promises = new Promises();
    const lots = chance();
    const first = new Worker('first', client, promises, lots);
    const sessionId = (await first.begin(home.workspace)) ?? '';
    await untilQuiet(client, 10_000);
    const workers = await Promise.all(
      Array.from(
        { length: 4 },
        async (_, index) => new Worker(`w${index}`, await home.client(), promises, lots.fork()),
      ),
    );
    const storm = [
      ...workers.flatMap((worker) => [worker.save(sessionId), worker.fork(sessionId), worker.begin(home.workspace)]),
      first.work(20, [() => first.rename(sessionId)]),
      ...workers.map((worker) => worker.work(5, [() => worker.remember(sessionId), () => worker.save(sessionId)])),
    ];
    await waitUntil('the storm has begun', () => promises.acknowledged > 8);
    daemon.process.kill('SIGTERM');
    expect(await daemon.exit).toEqual(CLEAN);
    await Promise.all(storm);
    await untilQuiet(client, 20_000);
    const { problems } = await audit(client, promises, sessionId);
    expect([...problems, ...(await home.finish())]).toEqual([]);
  });

  test(
    'during the start leaves a store that the next daemon opens',
    { timeout: 30_000 + faultLoops() * 3_000 },
    async () => {
      const lots = chance();
      const home = realHome();
      const exits: string[] = [];
      for (let loop = 0; loop < faultLoops(); loop += 1) {
        const daemon = home.daemon();
        // Half of them are asked for the store while they start.
        const asking = lots.percent(50) ? home.client() : undefined;
        await pause(lots.between(0, 200));
        daemon.process.kill('SIGTERM');
        const { code, signal } = await daemon.exit;
        // One that has not come as far as to listen to signals ends by the signal: it must not have begun anything.
        const begun = startsOf(home).some(({ pid, outcome }) => pid === daemon.pid && outcome !== 'ended');
        exits.push(signal === 'SIGTERM' && !begun ? 'before it began' : `code ${code}, ${signal}`);
        const client = await (asking ?? home.client());
        await submit(client, home, promptFor(5));
        await client.close();
        home.signalDaemons('SIGTERM');
        await waitUntil('the daemon ends', () => home.daemonPids().length === 0);
      }
      expect(exits.filter((exit) => exit !== 'code 0, null' && exit !== 'before it began')).toEqual([]);
      const client = await home.client();
      await untilQuiet(client, 20_000);
      expect((await client.call('session/list', {})).total).toBe(faultLoops());
      expect(await home.finish()).toEqual([]);
    },
  );
});

describe('mctl daemon stop', () => {
  test('ends the running turn as stopped; it is not continued, and what waits is delivered at the next start', async () => {
    const { home, daemon, client } = await served();
    const text = promptFor(2_000);
    const { sessionId, turn } = await submit(client, home, text);
    const next = await submit(client, sessionId, 'count to 4');
    const follower = await Follower.attach(client, sessionId, 'ada');
    await waitUntil('something is shown', () => follower.shown(turn, 1).length > 100);
    const shown = follower.shown(turn, 1);
    const stop = home.mctl(['daemon', 'stop']);
    expect(await stop.exit).toEqual(CLEAN);
    expect(await daemon.exit).toEqual(CLEAN);
    const end = await follower.untilOver(turn);
    // Who only follows starts nothing.
    await expect(client.call('daemon/status', {}, { startDaemon: false })).rejects.toMatchObject({
      kind: 'DAEMON_UNAVAILABLE',
      message: 'the daemon cannot be reached: the daemon was stopped',
    });
    expect(home.daemonPids()).toEqual([]);
    expect((await client.call('daemon/status', {})).pid).not.toBe(daemon.pid);
    expect([end.state, end.reason]).toEqual(['interrupted', 'stopped']);
    expect(follower.cutoffs.map(({ data }) => data.reason)).toEqual(['stopped']);
    expect(textOf(follower.cutoffs[0]?.data.parts ?? []).startsWith(shown)).toBe(true);
    expect((await follower.untilOver(next.turn)).state).toBe('completed');
    expect(follower.states(turn)).toEqual(['running', 'interrupted']);
    expect(await statusOf(client, sessionId)).toBe('idle');
    expect([...follower.problems, ...(await home.finish())]).toEqual([]);
  });

  test('in the middle of a command ends it, and its result says why', async () => {
    const { home, daemon, client } = await served();
    const prompt = 'run echo before > began; echo before; sleep 300';
    const me = await Watcher.begin(client, { workspace: home.workspace, prompt, mode: 'full' });
    await waitUntil('the command runs', () => existsSync(join(home.workspace, 'began')));
    const stop = home.mctl(['daemon', 'stop']);
    expect(await stop.exit).toEqual(CLEAN);
    expect(await daemon.exit).toEqual(CLEAN);
    const [result] = await me.results();
    expect(result?.output).toMatch(/^before\n\[ended because m stops, after/);
    expect(await home.finish()).toEqual([]);
  });

  test('lets m run say that its turn was interrupted', async () => {
    const { home, daemon } = await served();
    const run = home.m(['run', '--json', promptFor(5_000)]);
    await waitUntil('it streams', () => run.stdout().includes('"delta"'));
    const stop = home.mctl(['daemon', 'stop']);
    expect(await stop.exit).toEqual(CLEAN);
    expect(await daemon.exit).toEqual(CLEAN);
    expect(await run.exit).toEqual({ code: 75, signal: null });
    expect(JSON.parse(run.stdout().trim().split('\n').at(-1) ?? '')).toMatchObject({
      type: 'turn.interrupted',
      reason: 'stopped',
      turn: 1,
    });
    expect(await home.finish()).toEqual([]);
  });
});

test('mctl daemon restart lets the running turn go on in the next daemon', async () => {
  const { home, daemon } = await served();
  const text = promptFor(1_500);
  const run = home.m(['run', '--json', text]);
  await waitUntil('it streams', () => run.stdout().includes('"delta"'));
  const restart = home.mctl(['daemon', 'restart']);
  expect(await restart.exit).toEqual(CLEAN);
  expect(await daemon.exit).toEqual(CLEAN);
  expect(await run.exit).toEqual(CLEAN);
  const lines = run
    .stdout()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines.at(-1)).toMatchObject({ type: 'turn.completed', turn: 1 });
  expect(lines.filter(({ type, role }) => type === 'message' && role === 'assistant')).toMatchObject([
    { parts: [{ type: 'text', text: answerTo(text) }] },
  ]);
  expect(await home.finish()).toEqual([]);
});

interface Start {
  readonly pid: number;
  readonly outcome: string;
}

/** What the daemons of a home have recorded of their starts. */
function startsOf(home: RealHome): Start[] {
  const text = home.read('run/starts.json');
  return text === '' ? [] : (JSON.parse(text) as { starts: Start[] }).starts;
}
