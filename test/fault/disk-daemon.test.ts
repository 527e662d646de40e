/** Errors of the disk under the real daemon, with clients that insist: reported, survived, nothing lost and nothing twice. */
import { expect, test } from 'vitest';
import type { Client } from '../../client/connection/api.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { MethodName, ParamsOf, ResultOf } from '../../protocol/methods.ts';
import { realHome, waitUntil, type RealHome } from '../support/real-daemon.ts';
import { audit, untilQuiet } from './support/audit.ts';
import { chance, faultLoops } from './support/chance.ts';
import type { Chance } from './support/seeded.ts';
import { promptFor } from './support/demo-prompts.ts';
import { breakDisk, type Fault } from './support/faulty-disk.ts';
import { Follower } from './support/follower.ts';
import { Promises } from './support/load.ts';
import { canTrace } from './support/power-loss/trace.ts';
import { pause } from './support/turns.ts';

const RETRY_MS = 30;
const PATIENCE_MS = 30_000;
/** How long a disk that fails until it is repaired stays so. */
const BROKEN_MS = 1_500;

/** One person who does not give up: the same call, with the same id, until the disk takes it. */
class Insistent {
  readonly promises = new Promises();
  readonly refusals: string[] = [];
  readonly problems: string[] = [];
  readonly #client: Client;
  #count = 0;

  constructor(client: Client) {
    this.#client = client;
  }

  async prompt(
    target: ParamsOf<'turn/submit'>['target'],
    streamMs: number,
  ): Promise<{ sessionId: string; turn: number }> {
    const text = promptFor(streamMs);
    const params = { opId: this.#client.newOpId(), target, prompt: [{ type: 'text' as const, text }] };
    const { sessionId, turn } = await this.#insist('turn/submit', params);
    this.promises.prompts.push({ by: 'ada', sessionId, turn, text });
    return { sessionId, turn };
  }

  async rename(sessionId: string): Promise<void> {
    const title = this.#fresh('title');
    await this.#insist('session/rename', { opId: this.#client.newOpId(), sessionId, title });
    this.promises.titles.push(title);
  }

  async save(sessionId: string): Promise<void> {
    const name = this.#fresh('save');
    const { save } = await this.#insist('save/create', { opId: this.#client.newOpId(), sessionId, name });
    this.promises.saves.push({ id: save.id, name, sessionId, messages: save.messages });
  }

  async fork(parent: string): Promise<string> {
    const { session } = await this.#insist('session/fork', {
      opId: this.#client.newOpId(),
      sessionId: parent,
      turn: 1,
    });
    this.promises.forks.push({ id: session.id, parent, turn: 1 });
    return session.id;
  }

  async delete(sessionId: string): Promise<void> {
    await this.#insist('session/delete', { opId: this.#client.newOpId(), sessionId, saves: 'delete' });
    this.promises.deleted.push(sessionId);
  }

  async #insist<M extends MethodName>(method: M, params: ParamsOf<M>): Promise<ResultOf<M>> {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      try {
        return await this.#client.call(method, params);
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        const isTheDisk = error.kind === 'STORAGE_FULL' || error.kind === 'STORAGE_FAILED';
        if (isTheDisk) this.refusals.push(`${method}: ${error.kind} ${error.message}`);
        else this.problems.push(`${method} was refused: ${error.kind} ${error.message}`);
        if (!isTheDisk || performance.now() > deadline) throw error;
      }
      await pause(RETRY_MS);
    }
  }

  #fresh(what: string): string {
    this.#count += 1;
    return `${what}-${this.#count}`;
  }
}

function someFault(lots: Chance): Fault {
  const calls = lots.pick(['fsync,fdatasync', 'fsync,fdatasync', 'pwrite64', 'pwrite64', 'pwrite64', 'ftruncate']);
  const most = calls === 'pwrite64' ? 120 : calls === 'ftruncate' ? 3 : 25;
  const first = lots.between(1, most);
  const when = lots.pick([`${first}`, `${first}..${first + 1}`, `${first}..${first + 9}`, `${first}+`]);
  return { calls, error: lots.pick(['EIO', 'ENOSPC']), when };
}

/** Something of everything, with the fault somewhere in it. @returns how often a call has failed. */
async function workWith(fault: Fault, home: RealHome, person: Insistent, shared: string): Promise<number> {
  const [pid = 0] = home.daemonPids();
  const repair = await breakDisk(pid, home.dataDir, fault);
  let repaired: Promise<number> | undefined;
  const timer = setTimeout(() => {
    repaired = repair();
  }, BROKEN_MS);
  try {
    await person.prompt({ kind: 'session', sessionId: shared }, 60);
    await person.prompt({ kind: 'session', sessionId: shared }, 20);
    await person.rename(shared);
    await person.save(shared);
    await person.prompt({ kind: 'new', workspace: home.workspace }, 20);
    await person.delete(await person.fork(shared));
    await person.fork(shared);
  } finally {
    clearTimeout(timer);
    repaired ??= repair();
  }
  return repaired;
}

test(
  'errors of the disk are told with their reason, survived, and cost nothing that was on screen or accepted',
  { timeout: 60_000 + faultLoops() * 12_000 },
  async (context) => {
    if (!canTrace()) context.skip('strace is not installed, or tracing is not allowed here');
    const home = realHome();
    const lots = chance();
    const client = await home.client({ kind: 'chat' });
    const person = new Insistent(client);
    const { sessionId: shared, turn } = await person.prompt({ kind: 'new', workspace: home.workspace }, 10);
    const follower = await Follower.attach(await home.client(), shared, 'ben');
    await follower.untilOver(turn);
    let failed = 0;
    for (let loop = 0; loop < faultLoops(); loop += 1) {
      const fault = someFault(lots);
      failed += await workWith(fault, home, person, shared);
      const last = person.promises.prompts.filter(({ sessionId }) => sessionId === shared).at(-1)?.turn ?? 0;
      await waitUntil(
        `turn ${last} is over after ${JSON.stringify(fault)}`,
        () => follower.ends.has(last),
        PATIENCE_MS,
      );
    }
    await untilQuiet(client, PATIENCE_MS);
    expect((await client.call('daemon/status', {})).storage).toEqual({ state: 'saved', reason: '' });
    const found = await audit(client, person.promises, shared);
    process.stdout.write(
      `disk under a daemon: ${faultLoops()} loops, ${failed} failed calls, ${person.refusals.length} refusals, ` +
        `${found.entries} entries of ${found.sessions} sessions, ${found.problems.length} failures\n`,
    );
    expect([...found.problems, ...follower.problems, ...person.problems]).toEqual([]);
    for (const refusal of person.refusals) expect(refusal).toMatch(/: STORAGE_(FULL|FAILED) .*: ./);
    expect(failed).toBeGreaterThan(0);
    expect(await home.finish()).toEqual([]);
  },
);
