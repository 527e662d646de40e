/** The product as it is published: the daemon of the bundle as a process of its own, and its typed client. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from '../../../client/connection/api.ts';
import { connect } from '../../../client/connection/client.ts';
import { endpointOf } from '../../../protocol/endpoint.ts';
import { DIST, makeDirectory } from './places.ts';
import { LightClient } from './light-client.ts';

const START_MS = 15_000;
const END_MS = 15_000;
/** As the client starts it. */
const NODE_OPTIONS = ['--max-semi-space-size=4'];

export const DAEMON = join(DIST, 'daemon.cjs');
export const MCTL = join(DIST, 'mctl.cjs');
export const VAULT_WORKER = join(DIST, 'vault-worker.cjs');

/** Daemons of the bench that have not ended. */
const started = new Set<ChildProcess>();

/** Ends what a row that failed has left. */
export function endDaemons(): void {
  for (const child of started) child.kill('SIGKILL');
}

let home: string | undefined;

/** Variables for a program of the product: directories of our own, a key file, a code cache that stays warm. */
export function environmentOf(dataDirectory: string): NodeJS.ProcessEnv {
  home ??= makeDirectory();
  return {
    PATH: process.env['PATH'],
    HOME: home,
    M_DATA_DIR: dataDirectory,
    M_KEY_PROVIDER: 'keyfile',
    M_LOG_LEVEL: 'warn',
    TZ: 'UTC',
  };
}

/** A daemon that serves. It belongs to whoever started it. */
export class Product {
  readonly dataDirectory: string;
  readonly socketPath: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;

  private constructor(dataDirectory: string, child: ChildProcess) {
    this.dataDirectory = dataDirectory;
    this.socketPath = endpointOf(dataDirectory, process.geteuid?.() ?? 0).socketPath;
    this.#child = child;
    this.#ended = new Promise((resolve) =>
      child.once('exit', () => {
        resolve();
      }),
    );
  }

  /** Resolves when the store is open and, unless it is to stay cold, has been listed once. */
  static async start(dataDirectory: string, options: StartOptions = {}): Promise<Product> {
    mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
    const product = new Product(dataDirectory, spawnDaemon(dataDirectory, options));
    const client = await product.client(START_MS);
    await client.request('key/status', {});
    if (options.isWarm !== false) await client.request('session/list', { limit: 1 });
    client.close();
    return product;
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** A connection with as little client around it as possible. */
  client(waitMs = 2_000): Promise<LightClient> {
    return LightClient.connect(this.socketPath, waitMs);
  }

  /** The client of the frontends. It never starts a daemon here. */
  typedClient(): Promise<Client> {
    return connect({ kind: 'other', startDaemon: false, environment: environmentOf(this.dataDirectory) });
  }

  async stop(): Promise<void> {
    const force = setTimeout(() => this.#child.kill('SIGKILL'), END_MS);
    this.#child.kill('SIGTERM');
    await this.#ended;
    clearTimeout(force);
  }
}

export interface StartOptions {
  /** Beside those that the client gives it, for measurements inside. */
  readonly nodeOptions?: readonly string[];
  readonly environment?: NodeJS.ProcessEnv;
  readonly isWarm?: boolean;
}

export function spawnDaemon(dataDirectory: string, options: StartOptions = {}): ChildProcess {
  const places = ['--data-dir', dataDirectory, '--config', join(dataDirectory, 'config.toml')];
  const args = [
    ...NODE_OPTIONS,
    ...(options.nodeOptions ?? []),
    DAEMON,
    ...places,
    '--log-dir',
    join(dataDirectory, 'logs'),
  ];
  const env = { ...environmentOf(dataDirectory), ...options.environment };
  const child = spawn(process.execPath, args, { env, stdio: 'ignore', cwd: dataDirectory });
  started.add(child);
  child.once('exit', () => started.delete(child));
  return child;
}
