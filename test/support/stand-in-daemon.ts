/** A daemon without store or models, to test the life of the process around one. Lines sent as `history/add` steer it. */
import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Daemon, DaemonContext } from '../../daemon/life/daemon-context.ts';
import type { ClientPort } from '../../daemon/services/client-port.ts';
import type { ServiceRoutes } from '../../daemon/transport/routes.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import { PROTOCOL } from '../../protocol/version.ts';

/** Text that must never leave the process: it is in every error that the stand-in throws. */
export const SECRET = 'canary-in-an-error-message';

export async function buildStandIn(context: DaemonContext): Promise<Daemon> {
  const failure = process.env['M_TEST_BUILD_FAILURE'];
  if (failure === 'refuse') {
    throw new ProtocolError('STORAGE_UNSUPPORTED', 'the store is on a network file system', { hint: 'Move it.' });
  }
  if (failure === 'throw') throw new TypeError(SECRET);
  if (failure === 'die') process.kill(process.pid, 'SIGKILL');
  if (failure === 'slow') await sleep(700);
  return new StandIn(context);
}

class StandIn implements Daemon {
  readonly #context: DaemonContext;
  readonly #clients = new Set<ClientPort>();
  #running = 0;
  #queued = 0;
  #stuck = false;
  #closed = false;
  #wishes = 0;
  readonly routes: ServiceRoutes;

  constructor(context: DaemonContext) {
    this.#context = context;
    const handlers = {
      'history/add': async ({ line }: { line: string }) => await this.#steer(line),
      'history/list': async () => ({ lines: [`wishes ${this.#wishes}`, `clients ${this.#clients.size}`] }),
      'config/reload': async () => ({ problems: [] }),
    };
    this.routes = new Proxy(handlers as unknown as ServiceRoutes, {
      get: (target, name) =>
        Reflect.get(target, name) ??
        (() => Promise.reject(new ProtocolError('NOT_FOUND', `the stand-in has no ${String(name)}`))),
    });
  }

  helloFacts() {
    return {
      store: { id: 'stand-in', generation: '1' },
      key: 'unlocked' as const,
      draining: false,
      keyVariables: ['STAND_IN_KEY'],
    };
  }

  async status() {
    const { dataDir, endpoint, build, startedAt } = this.#context;
    return {
      running: true as const,
      pid: process.pid,
      version: build.version,
      build: build.id,
      protocol: PROTOCOL.max,
      dataDir,
      socket: endpoint.socketPath,
      startedAt,
      keyProvider: 'keyfile' as const,
      keyState: 'unlocked' as const,
      clients: this.#clients.size,
      sessions: 0,
      runningTurns: this.#running,
      waitingTurns: 0,
      draining: false,
      configProblems: [],
      storage: { state: 'saved' as const, reason: '' },
      rssBytes: process.memoryUsage.rss(),
    };
  }

  wishKey(): void {
    this.#wishes += 1;
  }

  async requireKey(): Promise<void> {
    if (this.#closed) this.#note('a request reached the closed store');
  }

  connected(client: ClientPort): void {
    this.#clients.add(client);
    client.onClose(() => this.#clients.delete(client));
  }

  activity() {
    return {
      running: this.#running,
      waiting: 0,
      queued: this.#queued,
      idle: this.#running === 0 && this.#queued === 0,
    };
  }

  idleExitMs(): number {
    return Infinity;
  }

  async drain(options: { deliberate: boolean; deadlineMs: number; handOver?: boolean }): Promise<void> {
    writeFileSync(join(this.#context.dataDir, 'drained.json'), JSON.stringify(options));
    if (this.#running > 0) await sleep(options.deadlineMs);
    if (this.#stuck) await new Promise(() => undefined);
    await sleep(5);
    this.#closed = true;
  }

  async reloadConfig(): Promise<void> {
    this.#note('reloaded');
  }

  async #steer(line: string): Promise<object> {
    const [verb, argument] = line.split(' ');
    const number = Number(argument ?? 0);
    if (verb === 'run') this.#running = number;
    else if (verb === 'queue') this.#queued = number;
    else if (verb === 'stick') this.#stuck = true;
    else if (verb === 'throw') throw new RangeError(`${SECRET} /home/somebody/secret.txt`);
    else if (verb === 'wait') await sleep(number);
    else if (verb === 'crash') setTimeout(() => raise(), 10);
    else if (verb === 'reject') setTimeout(() => void Promise.reject(new TypeError(SECRET)), 10);
    else if (verb === 'warn') process.emitWarning('what Node says by itself');
    else if (verb === 'lose-vault') this.#context.requestStop('vault-lost', 'now');
    else if (verb === 'note') this.#note(line);
    return {};
  }

  /** Leaves a line that the test can read. */
  #note(line: string): void {
    appendFileSync(join(this.#context.dataDir, 'notes.txt'), `${line}\n`);
  }
}

function raise(): never {
  throw new TypeError(`${SECRET} /home/somebody/secret.txt`);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
