/** Errors of the disk while a daemon starts and makes its store: said, and nothing but one more attempt is needed. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Client } from '../../client/connection/api.ts';
import { prepareDirectories } from '../../client/connection/locations.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import { realHome, settles, trySignal, type RealHome } from '../support/real-daemon.ts';
import { allSessions, checkLog, readLog, untilQuiet } from './support/audit.ts';
import { chance, faultLoops } from './support/chance.ts';
import type { Chance } from './support/seeded.ts';
import { canTrace } from './support/power-loss/trace.ts';
import { pause } from './support/turns.ts';

const DAEMON = join(import.meta.dirname, '..', '..', 'dist', 'daemon.cjs');
const PATIENCE_MS = 60_000;
const RETRY_MS = 100;
const REPAIR_MS = 5_000;

/** Calls that fail, with how often each happens until the first prompt is answered, or a little more. */
const CALLS = [
  ['fsync,fdatasync', 20],
  ['pwrite64', 90],
  ['ftruncate', 4],
  ['rename,renameat,renameat2', 8],
  ['link,linkat', 1],
  ['unlink,unlinkat', 3],
  ['mkdir,mkdirat', 4],
] as const satisfies (readonly [string, number])[];

interface FaultyDaemon {
  readonly fault: string;
  readonly ended: Promise<unknown>;
  hasEnded(): boolean;
  /** Ends it, and no other daemon of its home. */
  kill(): void;
  /** How many of its calls have failed, once it has ended. */
  failed(): number;
}

/** A daemon of which system calls fail, whatever file they are about. */
function startFaultyDaemon(home: RealHome, lots: Chance): FaultyDaemon {
  prepareDirectories(home.locations);
  const { dataDirectory, configFile, logDirectory } = home.locations;
  const [calls, most] = lots.pick<readonly [string, number]>(CALLS);
  const first = lots.between(1, most);
  const when = lots.pick([`${first}`, `${first}..${first + 4}`, `${first}+`]);
  const fault = `${calls}:error=${lots.pick(['EIO', 'ENOSPC', 'EROFS'])}:when=${when}`;
  const trace = join(home.root, 'trace');
  // Only the calls in question stop the daemon: with all of them a busy machine takes minutes for a start.
  const strace = [
    '-f',
    '--seccomp-bpf',
    '-qq',
    '-o',
    trace,
    '-s',
    '0',
    '-e',
    `trace=${calls}`,
    '-e',
    `inject=${fault}`,
  ];
  const directories = ['--data-dir', dataDirectory, '--config', configFile, '--log-dir', logDirectory];
  const child = spawn('strace', [...strace, process.execPath, DAEMON, ...directories], {
    cwd: home.workspace,
    env: home.environment,
    stdio: 'ignore',
  });
  const kill = (): void => {
    const pids = home.daemonPids().filter((pid) => pid === child.pid || tracerOf(pid) === child.pid);
    for (const pid of pids) trySignal(pid, 'SIGKILL');
  };
  const failed = (): number => readFileSync(trace, 'latin1').split('(INJECTED)').length - 1;
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  return { fault, ended: once(child, 'close'), hasEnded, kill, failed };
}

/** 0 for a process that nobody traces or that is gone. */
function tracerOf(pid: number): number {
  try {
    return Number(/^TracerPid:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

/** Until the daemon, or the next one, does it. */
async function insist<T>(work: () => Promise<T>, refusals: string[]): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof ProtocolError) || performance.now() > deadline) throw error;
      refusals.push(`${error.kind} ${error.message}`);
    }
    await pause(RETRY_MS);
  }
}

async function problemsOf(client: Client, expected: ReadonlySet<string>): Promise<string[]> {
  await untilQuiet(client, PATIENCE_MS);
  const sessions = await allSessions(client);
  const problems: string[] = [];
  for (const session of sessions) problems.push(...checkLog(session, await readLog(client, session.id)));
  for (const id of expected) if (!sessions.some((session) => session.id === id)) problems.push(`session ${id} is lost`);
  if (sessions.length !== expected.size) problems.push(`${sessions.length} sessions, ${expected.size} were begun`);
  return problems;
}

test(
  'a disk that fails while a daemon starts or makes its store costs another attempt, and nothing else',
  { timeout: 60_000 + faultLoops() * 20_000 },
  async (context) => {
    if (!canTrace()) context.skip('strace is not installed, or tracing is not allowed here');
    const lots = chance();
    const problems: string[] = [];
    const refusals: string[] = [];
    let faulty = 0;
    const loops = Math.ceil(faultLoops() / 2);
    for (let loop = 0; loop < loops; loop += 1) {
      const home = realHome();
      const { fault, ended, hasEnded, kill, failed } = startFaultyDaemon(home, lots);
      // A disk that stays broken is repaired by ending the daemon for which it is.
      const repair = setTimeout(kill, REPAIR_MS);
      // Our client would start a daemon of its own, which wins the race for the lock.
      await settles(() => existsSync(home.locations.endpoint.socketPath) || hasEnded(), REPAIR_MS);
      const client = await insist(() => home.client(), refusals);
      const params = {
        opId: client.newOpId(),
        target: { kind: 'new' as const, workspace: home.workspace },
        prompt: [{ type: 'text' as const, text: 'echo something' }],
      };
      const { sessionId } = await insist(() => client.call('turn/submit', params), refusals);
      clearTimeout(repair);
      home.signalDaemons('SIGKILL');
      await ended;
      if (failed() > 0) faulty += 1;
      const next = await insist(() => home.client(), refusals);
      const found = await problemsOf(next, new Set([sessionId]));
      problems.push(...found.map((problem) => `${fault}: ${problem}`));
    }
    const sums = `${faulty} on a failing disk, ${refusals.length} refusals, ${problems.length} failures`;
    process.stdout.write(`${loops} starts: ${sums}\n`);
    expect(problems).toEqual([]);
    for (const refusal of refusals) expect(refusal).not.toMatch(/^INTERNAL|undefined|\[object/);
  },
);
