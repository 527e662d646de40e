/** The product as people run it: the bundle's daemon, processes of `m` and `mctl`, and real clients, in a home that ends with the test. */
import { spawn, type ChildProcess } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Client, ConnectOptions } from '../../client/connection/api.ts';
import { connectWith } from '../../client/connection/client.ts';
import { locate, prepareDirectories, type Locations } from '../../client/connection/locations.ts';
import { daemonsOf, endByPid, isRunning } from './processes.ts';

/** Where the bundle is. */
export const DIST = join(import.meta.dirname, '..', '..', 'dist');
const ERROR_LEVEL = 50;

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A program that the test has started, with what it says. */
export interface Program {
  readonly pid: number;
  readonly process: ChildProcess;
  /** Resolves when it has ended and everything it said has been read. */
  readonly exit: Promise<Exit>;
  readonly ended: () => Exit | undefined;
  readonly stdout: () => string;
  readonly stderr: () => string;
}

export interface HomeOptions {
  /** Content of config.toml. */
  readonly config?: string;
  /** Added to the environment of clients, programs and daemons. */
  readonly environment?: Record<string, string>;
  /** Name of the directory that the sessions belong to. */
  readonly workspace?: string;
  /** Another copy of the bundle. */
  readonly dist?: string;
}

export interface ProgramOptions {
  /** Added to the environment. */
  readonly environment?: Record<string, string>;
  /** Typed into it; the input then stays open, for more. Without it there is no input. */
  readonly input?: string;
}

/** A fresh home; whatever still runs on it is killed when the test ends, and the home is removed. */
export function realHome(options: HomeOptions = {}): RealHome {
  const home = new RealHome(options);
  onTestFinished(() => home.remove());
  return home;
}

export class RealHome {
  readonly root: string;
  readonly dataDir: string;
  readonly workspace: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly locations: Locations;
  readonly #dist: string;
  readonly #programs: Program[] = [];
  readonly #clients: Client[] = [];

  constructor(options: HomeOptions) {
    this.#dist = options.dist ?? DIST;
    this.root = realpathSync(mkdtempSync(join(tmpdir(), 'mr')));
    this.dataDir = join(this.root, 'd');
    this.workspace = join(this.root, options.workspace ?? 'w');
    for (const directory of [join(this.root, 'h'), this.workspace]) mkdirSync(directory);
    mkdirSync(this.dataDir, { mode: 0o700 });
    this.environment = {
      PATH: process.env['PATH'],
      HOME: join(this.root, 'h'),
      TZ: 'UTC',
      NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
      M_DATA_DIR: this.dataDir,
      M_KEY_PROVIDER: 'keyfile',
      ...options.environment,
    };
    this.locations = locate(this.environment);
    if (options.config !== undefined) this.configure(options.config);
  }

  configure(text: string): void {
    writeFileSync(join(this.dataDir, 'config.toml'), text, { mode: 0o600 });
  }

  /** A real client in this process; it starts the bundle's daemon when none runs. */
  async client(options: Partial<ConnectOptions> = {}): Promise<Client> {
    const client = await connectWith(
      { kind: 'other', allowKeyfile: true, environment: this.environment, ...options },
      join(this.#dist, 'daemon.cjs'),
    );
    this.#clients.push(client);
    return client;
  }

  /** A daemon that the test itself starts, so that it sees how it ends. It may lose the race against one of a client. */
  daemon(): Program {
    prepareDirectories(this.locations);
    const { dataDirectory, configFile, logDirectory } = this.locations;
    const directories = ['--data-dir', dataDirectory, '--config', configFile, '--log-dir', logDirectory];
    return this.#start('daemon', directories, {});
  }

  /** `m` with these arguments, in the workspace. */
  m(args: readonly string[], options: ProgramOptions = {}): Program {
    return this.#start('m', args, options);
  }

  mctl(args: readonly string[], options: ProgramOptions = {}): Program {
    return this.#start('mctl', args, options);
  }

  /** Every daemon of this home, whoever started it, and however far it has come. */
  daemonPids(): number[] {
    return daemonsOf(this.dataDir);
  }

  /** Sends a signal to every daemon of this home. @returns how many got it. */
  signalDaemons(signal: NodeJS.Signals): number {
    return this.daemonPids().filter((pid) => trySignal(pid, signal)).length;
  }

  /** A file below the data directory; empty when there is none. */
  read(name: string): string {
    const path = join(this.dataDir, name);
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }

  log(): Record<string, unknown>[] {
    const logs = join(this.dataDir, 'logs');
    const names = existsSync(logs) ? readdirSync(logs).filter((name) => name.startsWith('daemon')) : [];
    return names.flatMap((name) =>
      this.read(join('logs', name))
        .split('\n')
        .filter((line) => line.startsWith('{') && line.endsWith('}'))
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    );
  }

  /**
   * Closes the clients and stops the daemon as the system does at shutdown.
   * @returns everything that is not as it should be after that; empty when all is well.
   */
  async finish(): Promise<string[]> {
    const problems: string[] = [];
    for (const client of this.#clients) await client.close();
    for (const program of this.#programs.filter((one) => one.ended() === undefined && !this.#isDaemon(one))) {
      problems.push(`process ${program.pid} still runs: ${program.process.spawnargs.slice(1).join(' ')}`);
    }
    this.signalDaemons('SIGTERM');
    const gone = await settles(() => this.daemonPids().length === 0, 15_000);
    if (!gone) problems.push(`daemons still run after SIGTERM: ${this.daemonPids().join(', ')}`);
    const crashes = this.read(join('logs', 'crash.log'));
    if (crashes !== '') problems.push(`crash.log: ${crashes}`);
    const errors = this.log().filter(({ level }) => typeof level === 'number' && level >= ERROR_LEVEL);
    const kinds = new Set(errors.map(({ time: _time, pid: _pid, traceId: _id, ...rest }) => JSON.stringify(rest)));
    return [...problems, ...[...kinds].map((line) => `log: ${line}`)];
  }

  async remove(): Promise<void> {
    for (const client of this.#clients) await client.close();
    const running = this.#programs.filter((program) => program.ended() === undefined);
    for (const program of running) program.process.kill('SIGKILL');
    await Promise.all(running.map((program) => program.exit));
    // A program that was ended may have started a daemon a moment before.
    for (let round = 0; round < 100; round += 1) {
      const pids = this.daemonPids();
      if (pids.length === 0) break;
      await Promise.all(pids.map((pid) => endByPid(pid)));
    }
    rmSync(this.root, { recursive: true, force: true, maxRetries: 5 });
  }

  #isDaemon(program: Program): boolean {
    return program.process.spawnargs.includes('--data-dir');
  }

  #start(name: string, args: readonly string[], { environment, input }: ProgramOptions): Program {
    const child = spawn(process.execPath, [join(this.#dist, `${name}.cjs`), ...args], {
      cwd: this.workspace,
      env: { ...this.environment, ...environment },
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    });
    child.stdin?.on('error', () => undefined).write(input ?? '');
    const program = watch(child);
    this.#programs.push(program);
    return program;
  }
}

function watch(child: ChildProcess): Program {
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      said[name] += text;
    });
  }
  let ended: Exit | undefined;
  const exit = new Promise<Exit>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      ended = { code, signal };
      resolve(ended);
    });
  });
  return {
    pid: child.pid ?? -1,
    process: child,
    exit,
    ended: () => ended,
    stdout: () => said.stdout,
    stderr: () => said.stderr,
  };
}

/** @returns false when the process has gone. */
export function trySignal(pid: number, signal: NodeJS.Signals): boolean {
  if (!isRunning(pid)) return false;
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false;
  }
}

/** Waits for a condition. @returns false when the time is over. */
export async function settles(condition: () => boolean | Promise<boolean>, limitMs: number): Promise<boolean> {
  const deadline = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return true;
}

/** Waits for a condition, with a deadline. */
export async function waitUntil(
  what: string,
  condition: () => boolean | Promise<boolean>,
  limitMs = 15_000,
): Promise<void> {
  if (!(await settles(condition, limitMs))) throw new Error(`waited ${limitMs} ms in vain: ${what}`);
}
