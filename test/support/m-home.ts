/** A user of m for one test: directories of their own, the built programs, and an end to everything that was started. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

const DIST = join(import.meta.dirname, '..', '..', 'dist');

export type Program = 'm' | 'mctl';

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

export interface Started {
  readonly process: ChildProcessWithoutNullStreams;
  readonly finished: Promise<Finished>;
  /** What came on standard output so far. */
  out(): string;
  /** Waits until standard output matches. */
  until(pattern: RegExp | string, deadlineMs?: number): Promise<void>;
}

interface RunOptions {
  readonly input?: string;
  readonly environment?: Record<string, string>;
  readonly cwd?: string;
}

export class MHome {
  readonly root: string;
  readonly dataDirectory: string;
  readonly workspace: string;
  readonly environment: Record<string, string>;

  constructor() {
    this.root = realpathSync(mkdtempSync(join(tmpdir(), 'mh')));
    this.dataDirectory = join(this.root, 'd');
    this.workspace = join(this.root, 'w');
    for (const directory of [this.dataDirectory, this.workspace]) mkdirSync(directory, { mode: 0o700 });
    this.environment = {
      PATH: process.env['PATH'] ?? '',
      HOME: this.root,
      TZ: 'UTC',
      LANG: 'C.UTF-8',
      M_DATA_DIR: this.dataDirectory,
      M_KEY_PROVIDER: 'keyfile',
      ...(process.env['NODE_COMPILE_CACHE'] === undefined
        ? {}
        : { NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] }),
    };
  }

  /** The command line of a program. */
  command(program: Program, args: readonly string[]): string[] {
    return [process.execPath, join(DIST, `${program}.cjs`), ...args];
  }

  /** Starts a program and leaves it running. */
  start(program: Program, args: readonly string[], options: RunOptions = {}): Started {
    const [node = '', ...rest] = this.command(program, args);
    const child = spawn(node, rest, {
      cwd: options.cwd ?? this.workspace,
      env: { ...this.environment, ...options.environment },
    });
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString('utf8');
    });
    const err = text(child.stderr);
    const finished = once(child, 'close').then(async ([code, signal]) => ({
      code: code as number | null,
      signal: signal as NodeJS.Signals | null,
      out,
      err: await err,
    }));
    child.stdin.on('error', () => {});
    if (options.input !== undefined) child.stdin.end(options.input);
    const until = async (pattern: RegExp | string, deadlineMs = 10_000): Promise<void> => {
      await waitUntil(
        () => (typeof pattern === 'string' ? out.includes(pattern) : pattern.test(out)),
        () => `never saw ${String(pattern)} in:\n${out}`,
        deadlineMs,
      );
    };
    return { process: child, finished, out: () => out, until };
  }

  /** Runs a program to its end. */
  async run(program: Program, args: readonly string[], options: RunOptions = {}): Promise<Finished> {
    return this.start(program, args, { input: '', ...options }).finished;
  }

  /** Runs chat with lines as piped input. */
  async chat(lines: readonly string[], args: readonly string[] = [], options: RunOptions = {}): Promise<Finished> {
    return this.run('m', args, { input: lines.map((line) => `${line}\n`).join(''), ...options });
  }

  /** The result of an `mctl … --json`. */
  async json(args: readonly string[]): Promise<unknown> {
    const { out } = await this.run('mctl', [...args, '--json']);
    return JSON.parse(out);
  }

  /** The daemon that started last; undefined when none ever did. */
  daemonPid(): number | undefined {
    const record = join(this.dataDirectory, 'run', 'starts.json');
    if (!existsSync(record)) return undefined;
    const { starts } = JSON.parse(readFileSync(record, 'utf8')) as { starts: { pid: number }[] };
    return starts.at(-1)?.pid;
  }

  /** Ends the daemon as a crash does, and waits until it is gone. */
  async killDaemon(): Promise<void> {
    const pid = this.daemonPid();
    if (pid === undefined || !isAlive(pid)) return;
    process.kill(pid, 'SIGKILL');
    await waitUntil(
      () => !isAlive(pid),
      () => `daemon ${pid} survives SIGKILL`,
      5_000,
    );
  }

  /** Ends the daemon and removes everything. */
  async remove(): Promise<void> {
    await this.killDaemon();
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** Waits for a condition, with a deadline. */
export async function waitUntil(isTrue: () => boolean, failure: () => string, deadlineMs: number): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  while (!isTrue()) {
    if (performance.now() > deadline) throw new Error(failure());
    await sleep(20);
  }
}

/** Whether a process runs; one that has ended and was not waited for does not. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const stat = `/proc/${pid}/stat`;
  return !existsSync(stat) || !/\) Z /.test(readFileSync(stat, 'utf8'));
}
