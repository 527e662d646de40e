/** Whether the socket and the lock belong to one daemon, and it is the one that answers. */
import { lstatSync } from 'node:fs';
import { isDaemonOf } from '../../connection/daemon-identity.ts';
import { lockHolder } from '../../connection/lock-holder.ts';
import { broken, note, ok, type Check, type Finding, type Patient } from './finding.ts';

const OTHERS = 0o077;
const REPLACE = 'Replace it with `mctl daemon restart --force`; nothing that was saved is lost.';

export const checkSocket: Check = (patient) => {
  const { runDirectory, socketDirectory, lockPath } = patient.locations.endpoint;
  const isElsewhere = socketDirectory !== runDirectory;
  const why = `the path of the data directory is too long for a socket, which is in ${socketDirectory}`;
  return [...(isElsewhere ? [note('socket', why)] : []), ...socket(patient), ...lock(patient, lockHolder(lockPath))];
};

function socket({ locations, daemon, silence }: Patient): Finding[] {
  const path = locations.endpoint.socketPath;
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return [];
  if (!found.isSocket()) return [broken('socket', `${path} is not a socket`, `Remove it: rm '${path}'`)];
  const mode = (found.mode & 0o777).toString(8).padStart(4, '0');
  if ((found.mode & OTHERS) !== 0)
    return [broken('socket', `${path} has mode ${mode}`, `Close it: chmod 600 '${path}'`)];
  if (daemon !== undefined) return [ok('socket', path)];
  if (silence !== undefined) return [];
  return [note('socket', `${path} is left over from a daemon that is gone; the next one replaces it`)];
}

/** Whoever holds the lock owns the data directory, whatever the socket says. */
function lock({ locations, daemon, silence }: Patient, holder: number | undefined): Finding[] {
  if (holder === undefined || holder === daemon?.pid) return [];
  if (holder <= 0) {
    const fix = 'Stop it there: two daemons on one data directory lose data.';
    return [broken('lock', 'a process of another container or user holds the data directory', fix)];
  }
  const who = `process ${holder}`;
  if (!isDaemonOf(locations, holder)) {
    return [
      broken('lock', `${who}, which is no daemon of m, holds the lock of the data directory`, 'End that process.'),
    ];
  }
  if (daemon !== undefined) {
    return [broken('lock', `${who} holds the data directory, but process ${daemon.pid} answers`, REPLACE)];
  }
  // That one is reported as a daemon that does not answer.
  if (silence !== undefined) return [];
  return [
    broken('lock', `the daemon, ${who}, holds the data directory and cannot be reached: its socket is gone`, REPLACE),
  ];
}
