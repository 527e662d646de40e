/** Which process is the daemon of a data directory, when it does not say so itself. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ProtocolError } from '../../protocol/errors.ts';
import type { Locations } from './locations.ts';

const ASK_MS = 2_000;

/**
 * The process that last took the lock, if it is still a daemon of this data directory: a process id alone may belong to
 * anybody by now, or to another machine or container.
 */
export function findDaemonProcess(locations: Locations): number | undefined {
  const pid = lastStarted(locations.endpoint.runDirectory);
  return pid !== undefined && isDaemonOf(locations, pid) ? pid : undefined;
}

/** Whether a process is a daemon of this data directory. */
export function isDaemonOf(locations: Locations, pid: number): boolean {
  return serves(commandLine(pid), locations.dataDirectory);
}

/** The answer for a daemon that accepts connections and says nothing. */
export function wedged(locations: Locations): ProtocolError {
  const pid = findDaemonProcess(locations);
  const who = pid === undefined ? 'the daemon' : `the daemon (process ${pid})`;
  return new ProtocolError('DAEMON_WEDGED', `${who} accepts connections but does not answer`, {
    hint: 'Replace it with `mctl daemon restart --force`; nothing that was saved is lost.',
    retryable: true,
  });
}

function lastStarted(runDirectory: string): number | undefined {
  try {
    const { starts } = JSON.parse(readFileSync(join(runDirectory, 'starts.json'), 'utf8')) as {
      starts?: { pid?: unknown }[];
    };
    const pid = starts?.at(-1)?.pid;
    return Number.isSafeInteger(pid) && Number(pid) > 1 ? Number(pid) : undefined;
  } catch {
    // No daemon has ever started here, or the record is not ours: then there is no process to name.
    return undefined;
  }
}

function serves(command: string, dataDirectory: string): boolean {
  return command.includes(`--data-dir ${dataDirectory} --`);
}

/** The arguments, separated by spaces; empty when there is no such process. */
function commandLine(pid: number): string {
  try {
    if (process.platform === 'linux') return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
    return execFileSync('ps', ['-ww', '-o', 'args=', '-p', String(pid)], { encoding: 'utf8', timeout: ASK_MS });
  } catch {
    return '';
  }
}
