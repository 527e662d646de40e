/** SIGKILL of the daemon at any moment, while clients stream turns and write: nothing acknowledged is lost or done twice. */
import { expect, test } from 'vitest';
import type { Client } from '../../client/connection/api.ts';
import { realHome, waitUntil, type Program, type RealHome } from '../support/real-daemon.ts';
import { audit, untilQuiet } from './support/audit.ts';
import { chance, faultLoops } from './support/chance.ts';
import type { Chance } from './support/seeded.ts';
import { answerTo, promptFor } from './support/demo-prompts.ts';
import { Follower } from './support/follower.ts';
import { Promises, Worker } from './support/load.ts';

/** Turns of the shared session that may be pending when the next loop begins. */
const BACKLOG = 5;

const LIMIT_MS = 30_000 + faultLoops() * 6_000;

test(
  'nothing acknowledged is lost or done twice when the daemon is killed again and again',
  { timeout: LIMIT_MS },
  async () => {
    const home = realHome();
    const lots = chance();
    const promises = new Promises();
    const begun = performance.now();

    const client = await home.client();
    const shared = await begin(client, home, promises);
    const renamed = await begin(client, home, promises);
    const people = await Promise.all(
      ['ada', 'ben'].map(async (name) => {
        const own = await home.client({ kind: 'chat' });
        return {
          worker: new Worker(name, own, promises, lots.fork()),
          follower: await Follower.attach(own, shared, name),
        };
      }),
    );
    const writer = new Worker('writer', client, promises, lots.fork());
    const sharer = new Worker('sharer', await home.client(), promises, lots.fork());
    const runs = new Runs(home, shared, lots.fork());
    await Promise.all([shared, renamed].map((id) => untilFinished(client, id)));

    const kills = new Kills(home, client, lots.fork());
    for (let loop = 0; loop < faultLoops(); loop += 1) {
      runs.startOne();
      const killed = kills.one();
      await Promise.all([
        ...people.map(({ worker }) => worker.work(lots.between(1, 2), [() => worker.prompt(shared)])),
        writer.work(lots.between(1, 4), [
          () => writer.rename(renamed),
          () => writer.pin(renamed),
          () => writer.remember(renamed),
        ]),
        sharer.work(lots.between(1, 3), [
          () => sharer.save(shared),
          () => sharer.save(renamed),
          () => sharer.fork(renamed),
          () => sharer.begin(home.workspace),
        ]),
        killed,
      ]);
      // The next command just works.
      await client.call('session/get', { sessionId: shared });
      await waitUntil('the turns catch up', async () => (await pendingTurns(client, shared)) <= BACKLOG, 30_000);
    }

    const problems = await runs.finish(promises);
    await untilQuiet(client, 60_000);
    const { turns, lastSeq } = (await client.call('session/get', { sessionId: shared })).session;
    for (const { follower } of people) {
      await follower.untilOver(turns);
      await waitUntil('the followers have seen everything', () => follower.events.at(-1)?.seq === lastSeq);
      problems.push(...follower.problems, ...screenProblems(follower, promises, shared));
    }
    expect(people[0]?.follower.events).toEqual(people[1]?.follower.events);
    const result = await audit(client, promises, renamed);
    problems.push(...result.problems, ...(await home.finish()));
    report(lots, kills, runs, promises, result, begun);
    expect(problems).toEqual([]);
    expect(kills.made).toBeGreaterThanOrEqual(faultLoops());
  },
);

async function begin(client: Client, home: RealHome, promises: Promises): Promise<string> {
  const text = promptFor(50);
  const { sessionId, turn } = await client.call('turn/submit', {
    opId: client.newOpId(),
    target: { kind: 'new', workspace: home.workspace },
    prompt: [{ type: 'text', text }],
  });
  promises.prompts.push({ by: 'first', sessionId, turn, text });
  promises.acknowledged += 1;
  return sessionId;
}

async function untilFinished(client: Client, sessionId: string): Promise<void> {
  await waitUntil('the first turn has ended', async () => {
    const { session } = await client.call('session/get', { sessionId });
    return session.status === 'idle';
  });
}

async function pendingTurns(client: Client, sessionId: string): Promise<number> {
  const { session } = await client.call('session/get', { sessionId });
  // A turn that has ended has two messages, one that runs has one, one that waits has none.
  return session.turns - Math.floor(session.messages / 2);
}

/** What frontends have on screen of each turn of the session is what is stored. */
function screenProblems(follower: Follower, promises: Promises, sessionId: string): string[] {
  return promises.prompts
    .filter((prompt) => prompt.sessionId === sessionId && prompt.turn > 1)
    .flatMap(({ turn, text }) => {
      const last = Math.max(...follower.cutoffs.filter((one) => one.turn === turn).map((one) => one.data.step), 0) + 1;
      const shown = follower.shown(turn, last);
      return shown === answerTo(text) ? [] : [`on screen in turn ${turn}, step ${last}: ${JSON.stringify(shown)}`];
    });
}

/** Kills the daemon, at moments of several kinds. */
class Kills {
  made = 0;
  readonly #home: RealHome;
  readonly #client: Client;
  readonly #chance: Chance;

  constructor(home: RealHome, client: Client, lots: Chance) {
    this.#home = home;
    this.#client = client;
    this.#chance = lots;
  }

  async one(): Promise<void> {
    const lots = this.#chance;
    const moment = lots.pick(['serving', 'serving', 'serving', 'starting', 'recovering'] as const);
    // While the calls of this loop are on their way, a little later, or when drafts have been written.
    await pause(lots.pick([lots.between(0, 30), lots.between(0, 500), lots.between(0, 500), lots.between(900, 1_500)]));
    const before = new Set(this.#home.daemonPids());
    const connected = new Promise<void>((resolve) => {
      const stop = this.#client.onStatus(({ state }) => {
        if (state !== 'connected') return;
        stop();
        resolve();
      });
    });
    this.#kill();
    if (moment === 'starting') {
      await waitUntil('the next daemon starts', () => this.#home.daemonPids().some((pid) => !before.has(pid)));
      await pause(lots.between(0, 150));
      this.#kill();
    }
    await connected;
    if (moment !== 'recovering') return;
    await pause(lots.between(0, 60));
    this.#kill();
  }

  #kill(): void {
    this.made += this.#home.signalDaemons('SIGKILL');
  }
}

/** `m run` processes, one at a time, some of them in the shared session. */
class Runs {
  completed = 0;
  readonly #home: RealHome;
  readonly #shared: string;
  readonly #chance: Chance;
  readonly #all: { program: Program; text: string }[] = [];

  constructor(home: RealHome, shared: string, lots: Chance) {
    this.#home = home;
    this.#shared = shared;
    this.#chance = lots;
  }

  startOne(): void {
    if (this.#all.some(({ program }) => program.ended() === undefined)) return;
    const text = promptFor(this.#chance.between(100, 1_200));
    const where = this.#chance.percent(50) ? ['-r', this.#shared] : [];
    this.#all.push({ program: this.#home.m(['run', '--json', ...where, text]), text });
  }

  /** Waits for the last one. @returns what was wrong with any of them. */
  async finish(promises: Promises): Promise<string[]> {
    const problems: string[] = [];
    for (const { program, text } of this.#all) {
      await waitUntil('m run ends', () => program.ended() !== undefined, 60_000);
      problems.push(...this.#check(program, text, promises));
    }
    return problems;
  }

  #check(program: Program, text: string, promises: Promises): string[] {
    const lines = program
      .stdout()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const { type, sessionId, turn } = lines.at(-1) ?? {};
    if (type !== 'turn.completed' || program.ended()?.code !== 0) {
      return [
        `m run ended with ${JSON.stringify(program.ended())}: ${program.stdout().slice(-2_000)}${program.stderr()}`,
      ];
    }
    this.completed += 1;
    promises.prompts.push({ by: `run ${program.pid}`, sessionId: String(sessionId), turn: Number(turn), text });
    promises.acknowledged += 1;
    const written = assemble(lines);
    return written === answerTo(text) ? [] : [`m run wrote ${JSON.stringify(written)} for turn ${String(turn)}`];
  }
}

/** The answer as a program that reads the lines puts it together: the last step that was written. */
function assemble(lines: readonly Record<string, unknown>[]): string {
  let step = 0;
  let text = '';
  for (const line of lines) {
    if (line['type'] !== 'delta' || line['channel'] !== 'text') continue;
    if (line['step'] !== step || line['afresh'] === true) text = '';
    step = Number(line['step']);
    if (line['offset'] !== text.length) return `a hole at ${String(line['offset'])} after ${text.length} characters`;
    text += String(line['text']);
  }
  return text;
}

function report(
  lots: Chance,
  kills: Kills,
  runs: Runs,
  promises: Promises,
  result: { entries: number; sessions: number; cutoffs: number; problems: string[] },
  begun: number,
): void {
  if (process.env['M_FAULT_LOOPS'] === undefined) return;
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  process.stderr.write(
    `kill: seed ${lots.seed}, ${faultLoops()} loops, ${kills.made} kills, ${promises.acknowledged} acknowledged ` +
      `(${promises.prompts.length} prompts, ${runs.completed} m run), ${result.sessions} sessions, ` +
      `${result.entries} entries, ${result.cutoffs} cut off, ${result.problems.length} problems, ${seconds} s\n`,
  );
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
