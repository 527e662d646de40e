/** The seam between the life of the process and what it serves: what `buildDaemon` is given and what it returns. */
import type { Worker } from 'node:worker_threads';
import type { DaemonStatus, InitializeResult } from '../../protocol/admin.ts';
import type { Endpoint } from '../../protocol/endpoint.ts';
import type { KeyWish } from '../../protocol/key.ts';
import type { Build } from '../../protocol/version.ts';
import type { Log } from '../log.ts';
import type { ClientPort } from '../services/client-port.ts';
import type { ServiceRoutes } from '../transport/routes.ts';

/**
 * Why the daemon stops.
 * `asked`: a person asked for it, so running turns are not continued by themselves. `shutdown`: a client asked for it for
 * reasons of its own. `vault-lost`: the vault worker died; the process ends with code 1 and clients start it again.
 * `lock-lost`: the lock file was removed, so that another daemon could lock a new one.
 */
export type StopReason = 'asked' | 'shutdown' | 'signal' | 'idle' | 'build-replaced' | 'vault-lost' | 'lock-lost';

/** `drain` lets running turns reach their next durable step; `now` does not wait for the model. */
export type StopMode = 'drain' | 'now';

export interface DaemonContext {
  /** Absolute, symbolic links resolved. */
  readonly dataDir: string;
  readonly configPath: string;
  readonly logDir: string;
  readonly endpoint: Endpoint;
  readonly build: Build;
  /** ISO 8601 in UTC. */
  readonly startedAt: string;
  readonly log: Log;
  /** Started when the lock was taken, to come up while the rest loads. */
  readonly vaultThread?: Worker | undefined;
  /** The level of the configuration; M_LOG_LEVEL wins over it. */
  setLogLevel(level: string): void;
  /** Begins to stop the process and returns at once. Repeating it can only make the stop quicker. */
  requestStop(reason: StopReason, mode: StopMode): void;
}

/** The part of the `initialize` answer that the process itself does not know. */
type HelloFacts = Pick<InitializeResult, 'store' | 'key' | 'draining' | 'keyVariables'>;

interface Activity {
  /** Turns in front of a model or a tool. */
  readonly running: number;
  readonly waiting: number;
  readonly queued: number;
  /** True when nothing would be missed if the process were gone. */
  readonly idle: boolean;
}

export interface DrainOptions {
  /** True when a person asked for the stop: running turns end as interrupted and are not continued by themselves. */
  readonly deliberate: boolean;
  /** Time for running turns to reach their next durable step. When it is over, they are cut off. */
  readonly deadlineMs: number;
  /** True when another daemon waits for the store. */
  readonly handOver?: boolean;
}

/**
 * Everything that is served.
 * `helloFacts`, `activity` and `connected` are synchronous and must not throw.
 */
export interface Daemon {
  /** `initialize`, `daemon/status`, `daemon/shutdown` and `daemon/release` are answered by `life/`. */
  readonly routes: ServiceRoutes;
  helloFacts(): HelloFacts;
  /** Never rejects. */
  status(): Promise<DaemonStatus>;
  /** Called at each `initialize` but that of another daemon. Starts opening the store; never throws. */
  wishKey(wish: KeyWish): void;
  /**
   * Called before each request whose method needs the key.
   * Resolves when the store can be read; waits while it is being opened; rejects with a KEY_* or STORAGE_* error.
   */
  requireKey(): Promise<void>;
  /** A client that has been greeted and now sends its first request. */
  connected(client: ClientPort): void;
  activity(): Activity;
  /** How long the daemon stays when nobody needs it, in milliseconds; Infinity for as long as it can. */
  idleExitMs(): number;
  /**
   * Starts no further turn, brings the running ones to rest and closes the store. No request is passed on afterwards.
   * Called at most once.
   */
  drain(options: DrainOptions): Promise<void>;
  /** Reads the configuration again; a file with errors changes nothing. Rejects with CONFIG_INVALID. */
  reloadConfig(): Promise<void>;
}

/** What `daemon/daemon.ts` exports. Rejects with a ProtocolError when the daemon cannot serve at all. */
export type BuildDaemon = (context: DaemonContext) => Promise<Daemon>;
