/** Real daemon processes around the stand-in, on directories of their own, ended when the test ends. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Timings } from '../../daemon/life/timings.ts';
import { bundle } from '../../scripts/bundle.ts';
import { endpointOf, type Endpoint } from '../../protocol/endpoint.ts';
import type { Build } from '../../protocol/version.ts';
import { RawClient } from './raw-client.ts';

const ROOT = join(import.meta.dirname, '..', '..');
/** Native modules are found from here. */
const CACHE = join(ROOT, 'node_modules', '.cache', 'stand-in');

let bundled: Promise<string> | undefined;

/** Bundles the stand-in's program, once for each test file. @returns its path. */
function standInProgram(): Promise<string> {
  bundled ??= bundleStandIn();
  return bundled;
}

/** Bundled like the product, since what is loaded late behaves differently in one file. */
async function bundleStandIn(): Promise<string> {
  const directory = join(CACHE, String(process.pid), 'build');
  const entries = [{ name: 'daemon', source: 'test/support/stand-in-program.ts' }];
  const { files } = await bundle(ROOT, entries, { id: 'stand-in', version: '1.0.0', builtAt: 1_000 });
  mkdirSync(directory, { recursive: true });
  for (const file of files) writeFileSync(join(directory, file.name), file.text);
  process.once('exit', () => {
    rmSync(join(CACHE, String(process.pid)), { recursive: true, force: true });
  });
  return join(directory, 'daemon.cjs');
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface StartOptions {
  readonly takeOver?: boolean;
  readonly timings?: Partial<Timings>;
  readonly build?: Build;
  readonly programDirectory?: string;
  readonly environment?: Record<string, string>;
  /** Limit of open files. */
  readonly openFiles?: number;
}

export interface RunningDaemon {
  readonly pid: number;
  readonly process: ChildProcess;
  readonly exit: Promise<Exit>;
  readonly ended: () => Exit | undefined;
}

/** One data directory and the daemons that are started on it. */
export class DaemonHome {
  readonly root: string;
  readonly dataDir: string;
  readonly logDir: string;
  readonly endpoint: Endpoint;
  readonly daemons: RunningDaemon[] = [];

  /** @param subdirectory makes the path longer. */
  constructor(subdirectory = 'd') {
    this.root = realpathSync(mkdtempSync(join(tmpdir(), 'md')));
    this.dataDir = join(this.root, subdirectory);
    mkdirSync(this.dataDir, { recursive: true, mode: 0o700 });
    this.logDir = join(this.dataDir, 'logs');
    this.endpoint = endpointOf(this.dataDir, process.geteuid?.() ?? 0);
  }

  async start(options: StartOptions = {}): Promise<RunningDaemon> {
    const args = ['--data-dir', this.dataDir, '--config', join(this.dataDir, 'config.toml'), '--log-dir', this.logDir];
    const program = [process.execPath, await standInProgram(), ...args, ...(options.takeOver ? ['--take-over'] : [])];
    const limit = options.openFiles === undefined ? '' : `ulimit -n ${options.openFiles}; `;
    const child = spawn('/bin/sh', ['-c', `${limit}exec "$0" "$@"`, ...program], {
      stdio: 'ignore',
      cwd: this.root,
      env: {
        PATH: process.env['PATH'],
        HOME: this.root,
        M_LOG_LEVEL: 'debug',
        M_TEST_TIMINGS: JSON.stringify(options.timings ?? {}),
        ...(options.build === undefined ? {} : { M_TEST_BUILD: JSON.stringify(options.build) }),
        ...(options.programDirectory === undefined ? {} : { M_TEST_PROGRAMS: options.programDirectory }),
        ...options.environment,
      },
    });
    let ended: Exit | undefined;
    const exit = new Promise<Exit>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, signal) => {
        ended = { code, signal };
        resolve(ended);
      });
    });
    const daemon = { pid: child.pid ?? -1, process: child, exit, ended: () => ended };
    this.daemons.push(daemon);
    return daemon;
  }

  /** A daemon that answers. */
  async serving(options: StartOptions = {}): Promise<RunningDaemon> {
    const daemon = await this.start(options);
    await waitFor('the daemon to serve', async () => {
      if (daemon.ended() !== undefined) throw new Error(`it ended: ${JSON.stringify(daemon.ended())}\n${this.log()}`);
      const status = await this.status();
      return status?.['pid'] === daemon.pid;
    });
    return daemon;
  }

  async client(overrides: object = {}): Promise<RawClient> {
    return await RawClient.greeted(this.endpoint.socketPath, overrides);
  }

  /** Undefined when nobody answers. */
  async status(): Promise<Record<string, unknown> | undefined> {
    try {
      const client = await this.client();
      const { result } = await client.request('daemon/status', {}, 2_000);
      client.close();
      return result as Record<string, unknown>;
    } catch {
      return undefined;
    }
  }

  alive(): RunningDaemon[] {
    return this.daemons.filter((daemon) => daemon.ended() === undefined);
  }

  log(): string {
    return this.read(join('logs', 'daemon.log'));
  }

  /** A file below the data directory; empty when there is none. */
  read(name: string): string {
    const path = join(this.dataDir, name);
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }

  startFailure(): { kind: string; message: string; hint: string; at: number; pid: number } | undefined {
    const path = join(this.endpoint.runDirectory, 'start-failure.json');
    return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as never) : undefined;
  }

  /** Ends every daemon that was started here and removes everything. */
  async remove(): Promise<void> {
    for (const daemon of this.alive()) daemon.process.kill('SIGKILL');
    await Promise.all(this.daemons.map((daemon) => daemon.exit));
    rmSync(this.root, { recursive: true, force: true });
    if (!this.endpoint.socketDirectory.startsWith(this.root)) {
      rmSync(this.endpoint.socketDirectory, { recursive: true, force: true });
    }
  }
}

/** Waits for a condition, with a deadline. */
export async function waitFor(
  what: string,
  condition: () => boolean | Promise<boolean>,
  deadlineMs = 15_000,
): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited ${deadlineMs} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
