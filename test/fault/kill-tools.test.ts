/** A daemon that is killed at any moment while tools work: nothing runs twice, and nothing goes on behind its back. */
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Client } from '../../client/connection/api.ts';
import { endByPid, factsOf } from '../support/processes.ts';
import { realHome, waitUntil, type RealHome } from '../support/real-daemon.ts';
import { Watcher } from '../support/watcher.ts';
import { chance, faultLoops } from './support/chance.ts';

/** Kills of one round; then it is let come to its end. */
const MOST_KILLS = 6;
const ROUND_MS = 90_000;

/** Processes that were started for a call of this home, whatever group they are in now. */
function marked(home: RealHome): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      const environment = factsOf(pid, 'environ') ?? '';
      return environment.includes('M_CALL=') && environment.includes(`HOME=${home.root}`);
    });
}

/** Ends what a test that fails would leave behind. */
function endLeftovers(home: RealHome): void {
  onTestFinished(async () => {
    for (const pid of marked(home)) await endByPid(pid);
  });
}

async function clientOf(home: RealHome): Promise<Client> {
  return await home.client({ kind: 'chat' });
}

test('each command runs at most once, and exactly once where its result says so', { timeout: 3_600_000 }, async () => {
  const random = chance();
  const home = realHome({ config: 'mode = "full"\n' });
  endLeftovers(home);
  const rounds = Math.ceil(faultLoops() / 5);
  let uncertain = 0;
  let done = 0;
  for (let round = 0; round < rounds; round += 1) {
    const log = join(home.workspace, `log${round}`);
    writeFileSync(log, '');
    const lines = Array.from(
      { length: 8 },
      (_, at) => `run echo ${at} >> ${log}; sleep 0.0${random.between(1, 9)}; echo ok ${at}`,
    );
    const client = await clientOf(home);
    const me = await Watcher.begin(client, { workspace: home.workspace, prompt: lines.join('\n') });
    const turn = 1;
    const deadline = performance.now() + ROUND_MS;
    for (let kills = 0; ;) {
      await new Promise((resolve) => setTimeout(resolve, random.between(20, 700)));
      const state = me.conversation.turns.get(turn)?.state;
      if (state === 'completed') break;
      if (state === 'interrupted') {
        await client.call('turn/continue', { opId: client.newOpId(), sessionId: me.sessionId });
      } else if (kills < MOST_KILLS) {
        kills += home.signalDaemons('SIGKILL');
        await client.call('daemon/status', {}, { deadlineMs: 60_000 });
      }
      if (performance.now() > deadline) throw new Error(`turn is ${state} after ${kills} kills, seed ${random.seed}`);
    }
    const ran = readFileSync(log, 'utf8')
      .split('\n')
      .filter((line) => line !== '');
    expect(new Set(ran).size, `seed ${random.seed}, round ${round}: ${ran.join(' ')}`).toBe(ran.length);
    const results = await me.results();
    expect(results).toHaveLength(lines.length);
    for (const [at, { output, isError }] of results.entries()) {
      const times = ran.filter((line) => line === `${at}`).length;
      const what = `seed ${random.seed}, round ${round}, call ${at}: ${output}`;
      if (!isError) expect(times, what).toBe(1);
      if (output.includes('It was not run')) expect(times, what).toBe(0);
      if (output.includes('is not known')) uncertain += 1;
      else done += 1;
    }
    expect(marked(home)).toEqual([]);
    await client.close();
  }
  expect(done).toBeGreaterThan(0);
  console.log(`kill-tools: seed ${random.seed}, ${rounds} rounds, ${done} certain, ${uncertain} uncertain`);
});

test('what a killed daemon left running is ended before anything goes on', { timeout: 120_000 }, async () => {
  const home = realHome({ config: 'mode = "full"\n' });
  endLeftovers(home);
  const beats = ['one', 'two', 'three'].map((name) => join(home.workspace, name));
  const forever = (at: number): string => `while true; do date >> ${beats[at]}; sleep 0.02; done`;
  const prompt = [
    `start ${forever(0)}`,
    `start setsid nohup sh -c '${forever(1)}' > /dev/null 2>&1 & wait`,
    `run trap '' TERM; ${forever(2)}`,
  ].join('\n');
  const client = await clientOf(home);
  const me = await Watcher.begin(client, { workspace: home.workspace, prompt });
  await waitUntil('all of them run', () => beats.every((beat) => existsSync(beat)), 30_000);
  home.signalDaemons('SIGKILL');
  await waitUntil(
    'the next daemon has looked at what was left',
    async () => {
      const { session } = await client.call('session/get', { sessionId: me.sessionId });
      return session.status === 'interrupted';
    },
    60_000,
  );
  expect(marked(home)).toEqual([]);
  const sizes = beats.map((beat) => statSync(beat).size);
  await client.call('turn/continue', { opId: client.newOpId(), sessionId: me.sessionId });
  await me.state(1, 'completed');
  expect(beats.map((beat) => statSync(beat).size)).toEqual(sizes);
});

test('a daemon that is stopped ends what it has started', { timeout: 60_000 }, async () => {
  const home = realHome({ config: 'mode = "full"\n' });
  endLeftovers(home);
  const client = await clientOf(home);
  const me = await Watcher.begin(client, {
    workspace: home.workspace,
    prompt: 'start touch one; sleep 300\nrun touch two; sleep 300',
  });
  const begun = ['one', 'two'].map((name) => join(home.workspace, name));
  await waitUntil('both run', () => begun.every((name) => existsSync(name)), 30_000);
  const { sessionId } = me;
  await client.close();
  home.signalDaemons('SIGTERM');
  await waitUntil('the daemon has ended', () => home.daemonPids().length === 0, 30_000);
  expect(marked(home)).toEqual([]);
  const again = await Watcher.join(await clientOf(home), sessionId);
  await waitUntil('the call has a result', async () => (await again.results()).length === 2);
});
