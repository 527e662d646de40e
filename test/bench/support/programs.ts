/** Programs as a person starts them, timed from outside. */
import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { endpointOf } from '../../../protocol/endpoint.ts';
import { LightClient } from './light-client.ts';
import { MCTL } from './product.ts';
import { timeOnce } from './rounds.ts';

/** The shortest program there is. */
export async function runNothing(): Promise<void> {
  await exitOf(spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' }));
}

export async function runMctl(
  environment: NodeJS.ProcessEnv,
  args: readonly string[] = ['sessions', 'list'],
): Promise<void> {
  await exitOf(spawn(process.execPath, [MCTL, ...args], { env: environment, stdio: ['ignore', 'pipe', 'ignore'] }));
}

/** The first list when no daemon runs; the one that it starts is killed. @returns milliseconds. */
export async function firstList(environment: NodeJS.ProcessEnv, dataDirectory: string): Promise<number> {
  const took = await timeOnce(() => runMctl(environment));
  await killDaemon(dataDirectory);
  return took;
}

export function socketOf(dataDirectory: string): string {
  return endpointOf(dataDirectory, process.geteuid?.() ?? 0).socketPath;
}

/** Ends the daemon of a data directory, as a power cut would, and waits until it is gone. */
export async function killDaemon(dataDirectory: string): Promise<void> {
  const client = await LightClient.connect(socketOf(dataDirectory), 5_000);
  const { pid } = await client.request<{ pid: number }>('daemon/status', {});
  process.kill(pid, 'SIGKILL');
  while (isAlive(pid)) await sleep(2);
}

/** One that has ended and that nobody has waited for yet is gone all the same. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

function exitOf(child: ChildProcess): Promise<void> {
  child.stdout?.resume();
  return new Promise((resolve, reject) => {
    child.once('error', reject).once('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`a program ended with ${code}`));
    });
  });
}
