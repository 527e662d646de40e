/** Which processes there are, as the kernel says: the daemons of one data directory, whoever started them. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';

const HAS_PROC = existsSync('/proc/self/cmdline');
const END_MS = 5_000;

/** Processes that were started with this data directory. A zombie is none. */
export function daemonsOf(dataDir: string): number[] {
  return HAS_PROC ? fromProc(dataDir) : fromPs(dataDir);
}

/** Arguments, or environment, of a process; undefined when it has gone or the system does not tell. */
export function factsOf(pid: number, what: 'cmdline' | 'environ'): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${what}`, 'latin1');
  } catch {
    return undefined;
  }
}

export function isRunning(pid: number): boolean {
  if (HAS_PROC) return (factsOf(pid, 'cmdline') ?? '') !== '';
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Kills a process and waits until it is gone. */
export async function endByPid(pid: number): Promise<void> {
  const deadline = performance.now() + END_MS;
  while (isRunning(pid)) {
    if (performance.now() > deadline) throw new Error(`process ${pid} does not end`);
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // Gone since we looked.
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

function fromProc(dataDir: string): number[] {
  const wanted = `\0--data-dir\0${dataDir}\0`;
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => factsOf(pid, 'cmdline')?.includes(wanted) === true);
}

function fromPs(dataDir: string): number[] {
  const { stdout } = spawnSync('ps', ['-axww', '-o', 'pid=,args='], { encoding: 'utf8' });
  return stdout
    .split('\n')
    .filter((line) => line.includes(`--data-dir ${dataDir} `))
    .map((line) => Number.parseInt(line, 10));
}
