/** Signals to daemons of a test, and to nothing else: a wrong number would hit the test run itself or a stranger. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Scratch } from './scratch.ts';

/**
 * Signals a process that serves the data directory of the test.
 * @returns false when there is no such process any more.
 * @throws Error when the process is anything else, 0 and our own included.
 */
export function signalDaemon(place: Scratch, pid: number, signal: NodeJS.Signals): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 1 || pid === process.pid)
    throw new Error(`${pid} is not a daemon of this test`);
  const command = commandLine(pid);
  if (command === '') return false;
  if (!command.includes(`--data-dir ${place.locations.dataDirectory} `)) {
    throw new Error(`process ${pid} is not a daemon of this test: ${command}`);
  }
  process.kill(pid, signal);
  return true;
}

/** The arguments of a process, separated by spaces; empty when there is no such process. */
export function commandLine(pid: number): string {
  try {
    if (process.platform === 'linux') return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
    return execFileSync('ps', ['-ww', '-o', 'args=', '-p', String(pid)], { encoding: 'utf8' });
  } catch {
    return '';
  }
}
