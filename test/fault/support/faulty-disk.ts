/** Makes system calls of a running daemon fail for a while, and lets them work again. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const DEADLINE_MS = 15_000;

export interface Fault {
  /** Names of system calls, with commas. */
  readonly calls: string;
  readonly error: 'EIO' | 'ENOSPC' | 'EROFS';
  /** Which of them, as strace is told it: `3`, `3..7`, `3+`. */
  readonly when: string;
}

/**
 * Calls on the files of the store fail from here on.
 * @returns what ends that; how often a call has failed.
 */
export async function breakDisk(pid: number, dataDir: string, fault: Fault): Promise<() => Promise<number>> {
  const files = ['store', 'store/m.db', 'store/m.db-wal', 'store/m.db-journal'];
  const paths = files.flatMap((file) => ['-P', join(dataDir, file)]);
  const { calls, error, when } = fault;
  const inject = ['-e', `trace=${calls}`, '-e', `inject=${calls}:error=${error}:when=${when}`];
  const strace = spawn('strace', ['-f', '-s', '0', ...paths, ...inject, '-p', String(pid)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  strace.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const ended = once(strace, 'close');
  const deadline = performance.now() + DEADLINE_MS;
  while (!said.includes(`Process ${pid} attached`)) {
    if (strace.exitCode !== null || performance.now() > deadline) throw new Error(`strace does not attach: ${said}`);
    await sleep(5);
  }
  return async () => {
    strace.kill('SIGTERM');
    await ended;
    return said.split('(INJECTED)').length - 1;
  };
}
