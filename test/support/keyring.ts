/** A Secret Service for one test: a message bus and a real keyring of its own, in each state that a test asks for. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitUntil } from './m-home.ts';

const SCRIPT = join(import.meta.dirname, '..', '..', 'scripts', 'with-keyring.sh');
const TOOLS = ['dbus-run-session', 'gnome-keyring-daemon', 'secret-tool'];
const NAME = 'gnome-keyring-d';

/** What is not installed; without all of them there is nothing to test with. */
export function missingKeyringTools(): string[] {
  return TOOLS.filter((tool) => spawnSync('which', [tool]).status !== 0);
}

interface KeyringOptions {
  /** Another one than the first time leaves the keyring locked. */
  readonly password?: string;
  /** As KEYRING_SERVICE of the script. */
  readonly service?: 'unlocked' | 'asleep' | 'none';
}

export class Keyring {
  /** What a program needs to find it. */
  environment: Record<string, string> = {};
  readonly #directory = realpathSync(mkdtempSync(join(tmpdir(), 'mk')));
  #session: ChildProcess | undefined;

  /** Starts bus and service; those that ran before are ended, and what they stored is kept. */
  async start({ password = 'test-only', service = 'unlocked' }: KeyringOptions = {}): Promise<void> {
    await this.stop();
    const options = { KEYRING_DIRECTORY: this.#directory, KEYRING_PASSWORD: password, KEYRING_SERVICE: service };
    const session = spawn(SCRIPT, ['sh', '-c', 'env -0; echo ready; exec cat'], {
      env: { PATH: process.env['PATH'], ...options },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    this.#session = session;
    let told = '';
    session.stdout.on('data', (chunk: Buffer) => {
      told += chunk.toString('utf8');
    });
    await waitUntil(
      () => told.endsWith('ready\n'),
      () => `the keyring did not start: ${told}`,
      10_000,
    );
    const wanted = ['DBUS_SESSION_BUS_ADDRESS', 'XDG_RUNTIME_DIR', 'XDG_DATA_HOME'];
    const pairs = told.split('\0').map((line) => [line.split('=')[0] ?? '', line.slice(line.indexOf('=') + 1)]);
    this.environment = Object.fromEntries(pairs.filter(([name = '']) => wanted.includes(name)));
  }

  /** Sends a signal to the service; SIGSTOP freezes it. */
  signal(signal: NodeJS.Signals): void {
    for (const pid of this.#services()) process.kill(pid, signal);
  }

  /** Runs secret-tool. @returns what it printed. */
  secretTool(args: readonly string[], input: string | Buffer = ''): string {
    const { stdout } = spawnSync('secret-tool', args, {
      env: { PATH: process.env['PATH'], ...this.environment },
      input,
      timeout: 10_000,
    });
    return stdout.toString('latin1');
  }

  /** The items of m: their accounts and secrets. */
  items(): { account: string; secret: string }[] {
    const listing = spawnSync('secret-tool', ['search', '--all', '--unlock', 'service', 'm'], {
      env: { PATH: process.env['PATH'], ...this.environment },
      timeout: 10_000,
    });
    const text = `${listing.stdout.toString('latin1')}`;
    const attributes = `${listing.stderr.toString('latin1')}${text}`;
    const secrets = [...text.matchAll(/^secret = (.*)$/gm)].map((match) => match[1] ?? '');
    const accounts = [...attributes.matchAll(/^attribute[.]username = (.*)$/gm)].map((match) => match[1] ?? '');
    return secrets.map((secret, index) => ({ account: accounts[index] ?? '', secret }));
  }

  /** Ends service and bus. */
  async stop(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    this.signal('SIGKILL');
    if (session === undefined || session.exitCode !== null) return;
    const ended = once(session, 'exit');
    session.stdin?.end();
    await ended;
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** Services of this bus, also those that the bus has started: they have its runtime directory in their environment. */
  #services(): number[] {
    const mark = `XDG_RUNTIME_DIR=${join(this.#directory, 'run')}`;
    return readdirSync('/proc')
      .map(Number)
      .filter((pid) => pid > 0 && read(`/proc/${pid}/comm`).trim() === NAME)
      .filter((pid) => read(`/proc/${pid}/environ`).split('\0').includes(mark));
  }
}

/** Empty for a process that is gone. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
