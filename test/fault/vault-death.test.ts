/** The end of the vault's thread: the process ends with it, says why, and clients start the next one. */
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectVault } from '../../daemon/vault/vault-client.ts';
import { startVaultThread } from '../../daemon/vault/vault-thread.ts';
import { DIST, realHome, waitUntil, type RealHome } from '../support/real-daemon.ts';
import { audit, untilQuiet } from './support/audit.ts';
import { chance } from './support/chance.ts';
import { answerTo, promptFor } from './support/demo-prompts.ts';
import { Follower } from './support/follower.ts';
import { Promises, Worker } from './support/load.ts';
import { textsOf } from './support/turns.ts';

/** Native modules are found from here. */
const COPY = join(DIST, '..', 'node_modules', '.cache', 'vault-death', String(process.pid));

/**
 * In front of the vault's own program: its thread ends as soon as a file asks for it. There is no way to end one thread of
 * a process from outside, and none that the vault itself offers.
 */
const MORTAL = `
const { existsSync, rmSync } = require('node:fs');
const { workerData } = require('node:worker_threads');
setInterval(() => {
  for (const [name, end] of [['throw', () => { throw new RangeError('out of something'); }], ['exit', () => process.exit(7)]]) {
    const wish = workerData.dataDirectory + '/end-by-' + name;
    if (existsSync(wish)) { rmSync(wish); end(); }
  }
}, 5);
`;

beforeAll(() => {
  mkdirSync(COPY, { recursive: true });
  const { id } = JSON.parse(readFileSync(join(DIST, 'build.json'), 'utf8')) as { id: string };
  for (const name of readdirSync(DIST).filter((one) => one.startsWith(id) || /[.](cjs|json)$/.test(one))) {
    cpSync(join(DIST, name), join(COPY, name), { recursive: true });
  }
  const worker = join(COPY, 'vault-worker.cjs');
  writeFileSync(worker, `${MORTAL}${readFileSync(worker, 'utf8')}`);
});

afterAll(() => {
  rmSync(COPY, { recursive: true, force: true });
});

function endThread(home: RealHome, way: string): void {
  writeFileSync(join(home.dataDir, `end-by-${way}`), '');
}

describe.each(['throw', 'exit'])('a vault thread that ends by %s', (way) => {
  test('ends the process, and clients go on with the next one as if nothing had been', async () => {
    const home = realHome({ dist: COPY });
    const daemon = home.daemon();
    await waitUntil('the daemon listens', () => home.daemonPids().length > 0 && home.read('run/starts.json') !== '');
    const client = await home.client();
    const promises = new Promises();
    const lots = chance();
    const worker = new Worker('ada', client, promises, lots);
    const sessionId = (await worker.begin(home.workspace)) ?? '';
    await untilQuiet(client, 10_000);
    const follower = await Follower.attach(client, sessionId, 'ada');
    const text = promptFor(1_000);
    const run = home.m(['run', '--json', '-r', sessionId, text]);
    await waitUntil('it streams', () => run.stdout().includes('"delta"'));

    const calls = worker.work(30, [
      () => worker.rename(sessionId),
      () => worker.save(sessionId),
      () => worker.fork(sessionId),
      () => worker.remember(sessionId),
    ]);
    endThread(home, way);
    expect(await daemon.exit).toEqual({ code: 1, signal: null });
    await calls;
    expect(await run.exit).toEqual({ code: 0, signal: null });
    promises.prompts.push({ by: 'run', sessionId, turn: 2, text });
    await untilQuiet(client, 20_000);
    expect((await textsOf(client, sessionId)).slice(2)).toEqual([text, answerTo(text)]);
    expect(follower.states(2)).toEqual(['running', 'completed']);
    const { problems } = await audit(await home.client(), promises, sessionId);
    expect([...problems, ...follower.problems]).toEqual([]);

    const starts = (JSON.parse(home.read('run/starts.json')) as { starts: { outcome: string; errorClass?: string }[] })
      .starts;
    expect(starts.filter(({ outcome }) => outcome === 'exception')).toMatchObject([{ errorClass: 'VaultLost' }]);
    expect(home.log().filter(({ msg }) => msg === 'vault thread ended')).toHaveLength(1);
    const after = (await home.finish()).filter((problem) => !problem.includes('vault thread ended'));
    expect(after).toEqual([]);
  });
});

test('a thread that ends rejects every call that waits, so that it is sent again, and says so once', async () => {
  const home = realHome();
  const program = join(home.root, 'thread.cjs');
  writeFileSync(program, `require('node:worker_threads').parentPort.once('message', () => process.exit(3));`);
  const reasons: string[] = [];
  const vault = connectVault(
    {
      onDeath: (reason) => reasons.push(reason),
      onUnexpected: () => undefined,
    },
    startVaultThread({ dataDirectory: home.dataDir }, program),
  );
  const waiting = await Promise.allSettled([vault.open({}), vault.countSessions(), vault.head('x')]);
  const later = await Promise.allSettled([vault.countSessions()]);
  for (const outcome of [...waiting, ...later]) {
    expect(outcome).toMatchObject({ status: 'rejected', reason: { kind: 'DRAINING', retryable: true } });
  }
  expect(reasons).toEqual(['exit code 3']);
});
