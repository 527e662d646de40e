/** A copy of the built programs that a test may replace, kill and run by the dozen. */
import { execFile, type ExecFileException } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, readdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { scratch, until, type Scratch } from './scratch.ts';
import { commandLine, signalDaemon } from './signal.ts';

const ROOT = join(import.meta.dirname, '../../../..');

export interface Finished {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

interface BuildRecord {
  readonly id: string;
  readonly version: string;
  readonly builtAt: number;
}

export class Built {
  readonly place: Scratch;
  readonly dist: string;

  /** @param dataDirectory its name below the scratch directory. */
  constructor(dataDirectory = 'd') {
    this.place = scratch(dataDirectory);
    onTestFinished(() => {
      for (const pid of this.daemons()) signalDaemon(this.place, pid, 'SIGKILL');
    });
    this.dist = copyDist(join(this.place.directory, 'p'));
  }

  get daemonScript(): string {
    return join(this.dist, 'daemon.cjs');
  }

  get build(): BuildRecord {
    return readBuild(this.dist);
  }

  /** Runs one of the programs to its end. */
  run(program: 'm' | 'mctl', args: readonly string[], variables: NodeJS.ProcessEnv = {}): Promise<Finished> {
    const env = { ...this.place.environment, ...variables };
    return new Promise((resolve) => {
      const options = { env, cwd: this.place.directory, timeout: 60_000 };
      const file = join(this.dist, `${program}.cjs`);
      execFile(process.execPath, [file, ...args], options, (error: ExecFileException | null, out, err) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        resolve({ code, out, err });
      });
    });
  }

  /** Like `run`, for a command that has to succeed and prints JSON. */
  async json<T>(args: readonly string[], variables: NodeJS.ProcessEnv = {}): Promise<T> {
    const { code, out, err } = await this.run('mctl', [...args, '--json'], variables);
    if (code !== 0) throw new Error(`mctl ${args.join(' ')} ended with ${code}: ${err}${out}`);
    return JSON.parse(out) as T;
  }

  /** Starts a daemon, or fails with what the command said. */
  async start(variables: NodeJS.ProcessEnv = {}): Promise<void> {
    const { code, out, err } = await this.run('mctl', ['daemon', 'start'], variables);
    if (code !== 0) throw new Error(`mctl daemon start ended with ${code}: ${err}${out}`);
  }

  /** Process ids of the live daemons of the data directory. */
  daemons(): number[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => commandLine(pid).includes(`--data-dir ${this.place.locations.dataDirectory} `));
  }

  /** The process id of the one live daemon. */
  daemon(): number {
    const [pid, ...others] = this.daemons();
    if (pid === undefined || others.length > 0)
      throw new Error(`${others.length + (pid ? 1 : 0)} daemons instead of one`);
    return pid;
  }

  /** Ends the daemon the hard way and waits until the process is gone. */
  async kill(pid: number): Promise<void> {
    signalDaemon(this.place, pid, 'SIGKILL');
    await until(() => commandLine(pid) === '', 'the end of the daemon');
  }

  /** Puts another build in the place of this one, as the build script does: the directory first, the stubs by rename. */
  rebuild(id: string, ageMs: number): void {
    const before = this.build;
    const [from = ''] = readdirSync(this.dist).filter((name) => name.startsWith(`${before.id}-`));
    const builtAt = before.builtAt + ageMs;
    const to = `${id}-${builtAt.toString(36)}`;
    mkdirSync(join(this.dist, to));
    const rename = (text: string): string =>
      text.replaceAll(from, to).replaceAll(before.id, id).replaceAll(compact(before.builtAt), String(builtAt));
    for (const name of readdirSync(join(this.dist, from))) {
      writeFileSync(join(this.dist, to, name), rename(readFileSync(join(this.dist, from, name), 'utf8')));
    }
    for (const name of readdirSync(this.dist).filter((found) => found.endsWith('.cjs'))) {
      writeFileSync(join(this.dist, `.${name}`), rename(readFileSync(join(this.dist, name), 'utf8')), { mode: 0o755 });
      renameSync(join(this.dist, `.${name}`), join(this.dist, name));
    }
    writeFileSync(join(this.dist, 'build.json'), JSON.stringify({ ...before, id, builtAt }));
  }
}

/** How the minifier writes a number of milliseconds. */
function compact(value: number): string {
  const zeros = /0*$/.exec(String(value))?.[0].length ?? 0;
  return zeros < 3 ? String(value) : `${value / 10 ** zeros}e${zeros}`;
}

/** Only the current build, so that a build that is made meanwhile changes nothing. Native modules are found beside it. */
function copyDist(parent: string): string {
  const dist = join(parent, 'dist');
  mkdirSync(dist, { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(parent, 'node_modules'));
  const { id } = readBuild(join(ROOT, 'dist'));
  for (const name of readdirSync(join(ROOT, 'dist'))) {
    if (name.startsWith(`${id}-`) || /\.(cjs|json)$/.test(name)) {
      cpSync(join(ROOT, 'dist', name), join(dist, name), { recursive: true });
    }
  }
  return dist;
}

function readBuild(dist: string): BuildRecord {
  return JSON.parse(readFileSync(join(dist, 'build.json'), 'utf8')) as BuildRecord;
}
