/** Answers for the process itself: who it is, how it does, and when it leaves. */
import type { DaemonStatus, InitializeParams, InitializeResult } from '../../protocol/admin.ts';
import { MAX_REQUESTS_IN_FLIGHT } from '../../protocol/envelope.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import { MAX_BODY_BYTES } from '../../protocol/frame.ts';
import type { KeyWish } from '../../protocol/key.ts';
import { PROTOCOL, agreeOnProtocol, compareBuilds, type Build } from '../../protocol/version.ts';
import { readReleaseParams, readShutdownParams } from '../transport/hello-params.ts';
import type { LifeDesk } from '../transport/life-desk.ts';
import type { LifeMethod } from '../transport/routes.ts';
import type { Daemon } from './daemon-context.ts';
import type { StartLedger } from './start-ledger.ts';
import type { Stopping } from './stopping.ts';
import { busy } from './take-over.ts';

export interface DeskOptions {
  readonly build: Build;
  readonly startedAt: string;
  readonly dataDir: string;
  readonly socketPath: string;
  readonly ledger: StartLedger;
  readonly stopping: Stopping;
  /** Open connections. */
  clients(): number;
  /** Another daemon has greeted: it may be about to take our public name. */
  otherDaemonGreeted(): void;
  /** A hand-over was refused after the other daemon may have taken our public name. */
  reclaimName(): Promise<void>;
}

export class Desk implements LifeDesk {
  readonly #options: DeskOptions;
  #daemon: Daemon | undefined;
  #served = false;
  /** Wishes that came before there was anybody to tell. */
  #wishes: KeyWish[] = [];

  constructor(options: DeskOptions) {
    this.#options = options;
  }

  /** From now on there is something to be served. */
  install(daemon: Daemon): void {
    this.#daemon = daemon;
    for (const wish of this.#wishes) daemon.wishKey(wish);
    this.#wishes = [];
  }

  hello(params: InitializeParams): InitializeResult {
    const { build, startedAt, stopping } = this.#options;
    if (stopping.phase === 'closed') throw leaving();
    const protocol = agreeOnProtocol(params.protocol);
    if (protocol === undefined) throw mismatch(params, build);
    this.#noteServed();
    if (params.client.kind === 'daemon') this.#options.otherDaemonGreeted();
    else this.#wish(params.key ?? { create: false });
    const facts = this.#daemon?.helloFacts();
    return {
      protocol,
      daemon: { build, pid: process.pid, startedAt },
      store: facts?.store ?? null,
      key: facts?.key ?? 'none',
      draining: stopping.phase === 'draining' || (facts?.draining ?? false),
      limits: { bodyBytes: MAX_BODY_BYTES, requestsInFlight: MAX_REQUESTS_IN_FLIGHT },
      keyVariables: facts?.keyVariables ?? [],
    };
  }

  async answer(method: Exclude<LifeMethod, 'initialize'>, params: unknown): Promise<object> {
    switch (method) {
      case 'daemon/status':
        return await this.#status();
      case 'daemon/shutdown':
        return this.#shutdown(params);
      case 'daemon/release':
        return await this.#release(params);
    }
  }

  async #status(): Promise<DaemonStatus> {
    const { build, startedAt, dataDir, socketPath, stopping } = this.#options;
    const found = await this.#daemon?.status();
    const draining = stopping.phase !== 'serving';
    const clients = this.#options.clients();
    if (found !== undefined) return { ...found, clients, draining };
    return {
      running: true,
      pid: process.pid,
      version: build.version,
      build: build.id,
      protocol: PROTOCOL.max,
      dataDir,
      socket: socketPath,
      startedAt,
      keyProvider: null,
      keyState: 'none',
      clients,
      sessions: null,
      runningTurns: 0,
      waitingTurns: 0,
      draining,
      configProblems: [],
      storage: { state: 'saved', reason: '' },
      rssBytes: process.memoryUsage.rss(),
    };
  }

  #shutdown(params: unknown): { stopping: true } {
    const { mode, onlyIfIdle, deliberate } = readShutdownParams(params);
    const activity = this.#daemon?.activity();
    if (onlyIfIdle === true && activity !== undefined && !activity.idle) {
      throw new ProtocolError('CONFLICT', 'the daemon is not idle', {
        hint: `${activity.running} turns are running, ${activity.waiting} wait, ${activity.queued} prompts are queued.`,
        retryable: true,
      });
    }
    // The answer goes first.
    setImmediate(() => {
      this.#options.stopping.request(deliberate === true ? 'asked' : 'shutdown', mode ?? 'drain');
    });
    return { stopping: true };
  }

  async #release(params: unknown): Promise<{ released: true }> {
    const { build: theirs } = readReleaseParams(params);
    const { build, stopping } = this.#options;
    if (stopping.phase !== 'serving') throw leaving();
    const running = this.#daemon?.activity().running ?? 0;
    const older = compareBuilds(theirs, build) < 0;
    if (running > 0 || older) {
      await this.#options.reclaimName();
      if (running > 0) throw busy(running);
      throw new ProtocolError(
        'CONFLICT',
        `a daemon of the newer build ${build.version} does not give way to ${theirs.version}`,
        {
          hint: 'Update the older installation; until then use the newer one.',
        },
      );
    }
    await stopping.handOver();
    return { released: true };
  }

  #wish(wish: KeyWish): void {
    if (this.#daemon !== undefined) this.#daemon.wishKey(wish);
    else this.#wishes = [...this.#wishes, wish].slice(-16);
  }

  /** Recorded before the answer leaves: a daemon that is killed right after it has served. */
  #noteServed(): void {
    if (this.#served) return;
    this.#served = true;
    this.#options.ledger.served();
  }
}

function leaving(): ProtocolError {
  return new ProtocolError('DRAINING', 'the daemon is leaving', {
    hint: 'The next one takes over in a moment; clients try again by themselves.',
    retryable: true,
    retryAfterMs: 50,
  });
}

function mismatch({ protocol, client }: InitializeParams, build: Build): ProtocolError {
  const clientIsOlder = protocol.max < PROTOCOL.min;
  return new ProtocolError(
    'VERSION_MISMATCH',
    clientIsOlder
      ? `this client (m ${client.build.version}) is older than the daemon (m ${build.version}), and they share no protocol`
      : `the daemon (m ${build.version}) is older than this client (m ${client.build.version}), and they share no protocol`,
    {
      hint: clientIsOlder
        ? 'Update this installation; the daemon and its sessions stay as they are.'
        : '`mctl daemon restart` replaces it; running turns are saved first.',
    },
  );
}
